"""The families of client libraries: each with its own pinned environment and one script.

FAMILIES                                           by id; a folder tests/clients/<id> each
make_environment(family, environments) -> Path     `.clients/<id>`, made anew when its lock changes
ask(family, environment, jobs) -> Answers          runs the script over all jobs in one process
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "tests" / "clients"
ENVIRONMENTS = ROOT / ".clients"
LONGEST_INSTALL, LONGEST_RUN = 600, 300
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
SET = {
    "NO_PROXY": "127.0.0.1",
    "PYTHONPATH": str(SCRIPTS),
    "PYTHONDONTWRITEBYTECODE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for a price list
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
}


@dataclass(frozen=True, slots=True)
class Family:
    """`surfaces`: ways of speaking its script knows. `unstructured`: way, or way and mode, and why no object is asked.
    `repeats`: how often it asks again after a 503 although told not to.
    """

    id: str
    title: str
    surfaces: tuple[str, ...] = ("chat",)
    unstructured: tuple[tuple[str, str], ...] = ()
    repeats: int = 0

    @property
    def folder(self) -> Path:
        """Where its script and its lock are."""
        return SCRIPTS / self.id

    @property
    def in_javascript(self) -> bool:
        """Run by node."""
        return (self.folder / "package-lock.json").exists()


def _by_id(*families: Family) -> Mapping[str, Family]:
    return MappingProxyType({family.id: family for family in families})


FAMILIES = _by_id(
    Family("openai-py", "openai-python", ("chat", "responses")),
    Family("openai-node", "openai-node", ("chat", "responses")),
    Family(
        "anthropic-py",
        "Anthropic SDK (Python)",
        ("messages",),
        (("messages", "messages have no refusal part"),),
    ),
    Family("langchain-py", "LangChain (Python)", ("chat", "responses")),
    Family("langchain-js", "LangChain.js", ("chat", "responses")),
    Family(
        "llamaindex-py",
        "LlamaIndex OpenAILike",
        unstructured=(("chat stream", "objects are not streamed here"),),
    ),
    Family("litellm-py", "LiteLLM as a client"),
    Family("pydantic-ai-py", "Pydantic AI", ("chat", "responses")),
    Family("ai-sdk-js", "Vercel AI SDK", ("chat", "compatible", "responses")),
    Family("llm-py", "simonw/llm", repeats=2),
)


@dataclass(frozen=True, slots=True)
class Answers:
    """`versions` by package, and what was seen, by the job's id."""

    versions: Mapping[str, str]
    seen: Mapping[str, Mapping[str, Any]]


def _lock(family: Family) -> Path:
    return family.folder / ("package-lock.json" if family.in_javascript else "requirements.txt")


def make_environment(family: Family, environments: Path = ENVIRONMENTS) -> Path:
    """Installs what the lock says, and nothing else; raises CalledProcessError when that cannot be done."""
    place = environments / family.id
    stamp = place / "stamp"
    wanted = hashlib.sha256(_lock(family).read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for command in _installing(family, place):
            subprocess.run(command, cwd=place, check=True, timeout=LONGEST_INSTALL)  # noqa: S603 - our own commands
        stamp.write_text(wanted, encoding="ascii")
    if family.in_javascript:
        # Node looks for packages beside the script.
        for script in (family.folder / "client.mjs", SCRIPTS / "seen.mjs"):
            shutil.copy(script, place)
    return place


def _installing(family: Family, place: Path) -> list[list[str]]:
    if family.in_javascript:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(family.folder / file, place)
        return [["npm", "ci", "--no-audit", "--no-fund", "--silent"]]
    pip = ["bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(_lock(family))]
    return [[sys.executable, "-m", "venv", "."], [str(place / pip[0]), *pip[1:], *locked]]


def ask(family: Family, environment: Path, jobs: Sequence[Mapping[str, Any]]) -> Answers:
    """Raises AssertionError with the script's last words when it does not answer every job."""
    if family.in_javascript:
        command = ["node", "client.mjs"]
    else:
        command = [str(environment / "bin" / "python"), "-W", "ignore", str(family.folder / "client.py")]
    done = subprocess.run(  # noqa: S603 - our own scripts
        [*command, *map(json.dumps, jobs)],
        cwd=environment,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | SET,
        capture_output=True,
        text=True,
        timeout=LONGEST_RUN,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(lines) != len(jobs) + 1:
        raise AssertionError(f"{family.id} ended with {done.returncode}: {done.stderr[-2000:]}")
    return Answers(lines[0]["versions"], {line["id"]: line for line in lines[1:]})
