"""The peers, each in an environment of its own below .bench/peers, as it ships, its log silenced.

PEERS                     name → how it is started; what it was given is in `GIVEN`, for the page
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any

from guardproxy.testing.bench.callers import HOST
from guardproxy.testing.bench.subjects import ROOT, Start, Subject, free_port, started
from guardproxy.testing.bench.wordlist import PLANTED
from guardproxy.testing.raw_client import CHAT

HOME = ROOT / ".bench" / "peers"
PHRASES = [
    PLANTED,
    *(
        f"paper {animal}"
        for animal in ["heron", "otter", "badger", "falcon", "salmon", "beetle", "marten", "viper", "swift"]
    ),
]
EXPRESSION = "|".join(PHRASES)
"""The peers' guard: one expression of ten phrases, where ours looks for 433 patterns."""
MASTER = "sk-0123456789abcdef0123456789abcdef"
OFFLINE = MappingProxyType({"LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_API_KEY": "none", "DO_NOT_TRACK": "1"})
_SILENT = "import logging; logging.disable(logging.CRITICAL); "
_VALIDATOR = f"""\
import re
from guardrails import Guard
from guardrails.validator_base import FailResult, PassResult, Validator, register_validator

FORBIDDEN = re.compile(r"{EXPRESSION}", re.IGNORECASE)


@register_validator(name="bench/phrases", data_type="string")
class Phrases(Validator):
    def _validate(self, value, metadata):
        return FailResult(error_message="a forbidden phrase") if FORBIDDEN.search(value) else PassResult()


guard = Guard(id="bench", name="bench").use(Phrases(on_fail="exception"))
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program of `.bench/peers/<place>`; `files` are written into its folder. `{port}` and `{upstream}` are put in."""

    name: str
    place: str
    command: tuple[str, ...]
    files: Mapping[str, str]
    environment: Mapping[str, str]
    path: str = CHAT
    headers: tuple[str, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return HOME / self.place / "bin" / "python"


@contextmanager
def start(folder: Path, upstream: int, peer: Peer) -> Iterator[Subject]:
    """The peer before an upstream of that port."""
    port, began = free_port(), perf_counter()

    def filled(text: str) -> str:
        return text.replace("{port}", str(port)).replace("{upstream}", f"http://{HOST}:{upstream}/v1")

    for name, text in peer.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(filled(text), encoding="utf-8")
    environment = {name: filled(value) for name, value in {**OFFLINE, **peer.environment}.items()}
    environment["PYTHONPATH"] = ""
    with started(folder, [str(peer.python), *map(filled, peer.command)], environment) as process:
        yield Subject(peer.name, port, process.pid, began, peer.headers, peer.path, peer.body, foreign=True)


def _nemo(name: str, *, fast: bool) -> Peer:
    limits = {"patterns": [EXPRESSION], "case_insensitive": True}
    model = {
        "type": "main",
        "engine": "openai",
        "model": "m",
        "parameters": {"base_url": "{upstream}", "api_key": "none"},
    }
    rails = {
        "config": {"regex_detection": {"input": limits, "output": limits}},
        "input": {"flows": ["regex check input"]},
        "output": {"flows": ["regex check output"], "streaming": {"enabled": True}},
    }
    command = "from nemoguardrails.cli import app; app()"
    options = ("server", "--config", "configs", "--default-config-id", "bench", "--disable-chat-ui", "--port", "{port}")
    return Peer(
        name,
        "nemo",
        ("-c", _SILENT + command, *options),
        {"configs/bench/config.yml": json.dumps({"models": [model], "rails": rails}, indent=1)},
        {"NEMO_GUARDRAILS_IORAILS_ENGINE": "1" if fast else "0"},
    )


LITELLM = Peer(
    "LiteLLM (no guard)",
    "litellm",
    (
        "-c",
        _SILENT + "from litellm_cli.main import proxy_server; proxy_server()",
        "--config",
        "config.yaml",
        "--port",
        "{port}",
        "--host",
        HOST,
    ),
    {
        "config.yaml": json.dumps(
            {
                "model_list": [
                    {
                        "model_name": "m",
                        "litellm_params": {"model": "openai/m", "api_base": "{upstream}", "api_key": "none"},
                    }
                ],
                "general_settings": {"master_key": MASTER},
            },
            indent=1,
        )
    },
    {"LITELLM_LOG": "ERROR"},
    headers=(f"authorization: Bearer {MASTER}",),
)
GUARDRAILS = Peer(
    "guardrails-ai server",
    "guardrails",
    ("-c", _SILENT + "from guardrails_api.cli import cli; cli()", "start", "--config", "config.py", "--port", "{port}"),
    {"config.py": _VALIDATOR},
    {"OPENAI_API_BASE": "{upstream}", "GUARDRAILS_LOG_LEVEL": "ERROR"},
    path="/guards/bench/openai/v1/chat/completions",
    body=MappingProxyType({"model": "openai/m"}),
)
NEMO = _nemo("NeMo Guardrails IORails", fast=True)
CLASSIC = _nemo("NeMo Guardrails classic", fast=False)
GIVEN = (LITELLM, NEMO, CLASSIC, GUARDRAILS)
PEERS: Mapping[str, Start] = MappingProxyType({peer.name: partial(start, peer=peer) for peer in GIVEN})


def versions(peer: Peer) -> str:
    """Of what is installed, as the requirements file pins it."""
    lines = (ROOT / "tests" / "peers" / f"{peer.place}.txt").read_text(encoding="utf-8").splitlines()
    return next((line for line in lines if line.startswith((peer.place, "nemoguardrails==", "guardrails-ai=="))), "")


def told(peer: Peer) -> str:
    """What it was given, in Markdown."""
    command = " ".join(part if " " not in part else f"'{part}'" for part in ("python", *peer.command))
    settings = " ".join(f"{name}={value}" for name, value in {**OFFLINE, **peer.environment}.items())
    files = "".join(f"\n`{name}`\n\n```\n{text.strip()}\n```\n" for name, text in peer.files.items())
    return f"### {peer.name}, {versions(peer)}\n\n```\n{settings} \\\n  {command}\n```\n{files}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(map(told, GIVEN)))
