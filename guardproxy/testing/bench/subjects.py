"""What is measured in every run: our own proxy, the raw pass-through and Envoy, each as a process pinned to one core.

with ours(folder, upstream_port) as subject: …       relay(…), envoy(…) likewise
subject.aim(text, stream=…)                          what the callers send
Cores.pinned()                                       a process started within is held on the measured core
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Self

from guardproxy.proxy.keyring import fresh, write_keys
from guardproxy.proxy.tenants import DEFAULT_TENANT
from guardproxy.testing.bench.callers import HOLE, HOST, Aim, post
from guardproxy.testing.bench.wordlist import policy
from guardproxy.testing.process_figures import tree
from guardproxy.testing.proxy_process import LONGEST_END, serving
from guardproxy.testing.raw_client import CHAT

Start = Callable[[Path, int], AbstractContextManager["Subject"]]
"""Starts a subject in a folder of its own, before an upstream of that port."""

QUESTION = (
    f"Note {HOLE.decode()}. We count herons at the lake each spring. Last year there were fourteen nests in the pines on "
    "the north shore, this year we have found nineteen, and three of them are lower than any before. What could be the "
    "reason, and how should we count those that stand in the reeds?"
)
"""About 300 characters, as long as the one of performance.md."""
ROOT = Path(__file__).parents[3]
ENVOY = ROOT / ".bench" / "envoy" / "bin" / "envoy"
QUIET = {"GUARDPROXY_LOG_LEVEL": "warning", "GUARDPROXY_AUDIT_MODE": "best_effort"}
NO_MODEL: Mapping[str, str] = {**QUIET, "GUARDPROXY_DETECTORS_EMBEDDED": "false"}


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that listens. `began` is perf_counter() before its process was started; `tree` are its processes.

    What goes wrong with a `foreign` one is noted and the others are measured all the same.
    """

    name: str
    port: int
    pid: int
    began: float
    headers: tuple[str, ...] = ()
    path: str = CHAT
    body: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False

    def aim(self, text: str = QUESTION, *, stream: bool = False, history: Sequence[Mapping[str, str]] = ()) -> Aim:
        """One turn, after `history`."""
        turns = [*history, {"role": "user", "content": text}]
        tree = {"model": "m", "messages": turns, **({"stream": True} if stream else {}), **self.body}
        return Aim(self.port, post(self.path, json.dumps(tree, ensure_ascii=False).encode(), *self.headers))

    @property
    def tree(self) -> list[int]:
        """Ids of its processes."""
        return tree(self.pid) if self.pid else []


class Cores:
    """The core that is measured and the one that measures; on a machine of one core both are the same."""

    def __init__(self) -> None:
        self._all = sorted(os.sched_getaffinity(0))
        self.measured, self.measuring = {self._all[0]}, {self._all[-1]}

    def __enter__(self) -> Self:
        os.sched_setaffinity(0, self.measuring)
        return self

    def __exit__(self, *_: object) -> None:
        os.sched_setaffinity(0, self._all)

    @contextmanager
    def pinned(self, *, to_all: bool = False) -> Iterator[None]:
        """What is started in the block stays on the measured core, or has all of them."""
        os.sched_setaffinity(0, self._all if to_all else self.measured)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.measuring)


@dataclass(frozen=True, slots=True)
class Setup:
    """How our own proxy is set up. `rules` is a policy's text, `more` further settings (YAML), `tenant` who asks."""

    rules: str = field(default_factory=policy, repr=False)
    environment: Mapping[str, str] = field(default_factory=lambda: NO_MODEL)
    more: str = ""
    tenant: str = DEFAULT_TENANT
    name: str = "guardproxy"


@contextmanager
def ours(folder: Path, upstream: int, setup: Setup | None = None) -> Iterator[Subject]:
    """Our proxy with keys, metrics and decision log."""
    setup = setup or Setup()
    folder.mkdir(parents=True, exist_ok=True)
    file, keys, settings = folder / "bench.yaml", folder / "keys.json", folder / "settings.yaml"
    file.write_text(setup.rules, encoding="utf-8")
    made = fresh(setup.tenant, 0.0)
    write_keys(keys, [made.stored])
    settings.write_text(f"keys: {{file: {keys}}}\n{setup.more}", encoding="utf-8")
    began = perf_counter()
    with serving(folder / "run", f"http://{HOST}:{upstream}", file, settings, setup.environment) as proxy:
        yield Subject(setup.name, proxy.port, proxy.process.pid, began, (f"authorization: Bearer {made.text}",))


@contextmanager
def relay(folder: Path, upstream: int) -> Iterator[Subject]:
    """The raw pass-through."""
    port = free_port()
    with started(folder, [sys.executable, "-m", "guardproxy.testing.bench.relay", str(port), str(upstream)]) as process:
        yield Subject("pass-through", port, process.pid, perf_counter())


@contextmanager
def envoy(folder: Path, upstream: int) -> Iterator[Subject]:
    """Envoy as a plain HTTP proxy: one worker, no log, no guard."""
    port, began = free_port(), perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "envoy.json"
    file.write_text(json.dumps(_envoy_tree(port, upstream)), encoding="utf-8")
    command = [str(ENVOY), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    with started(folder, command) as process:
        yield Subject("Envoy", port, process.pid, began)


@contextmanager
def started(
    folder: Path, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process and all below it, ended with the block. What it says goes into `said.log`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, stdout=said, stderr=said, cwd=folder, env={**os.environ, **(environment or {})}
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(LONGEST_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(LONGEST_END)


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def _envoy_tree(port: int, upstream: int) -> dict[str, Any]:
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "generate_request_id": False,
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "model", "timeout": "0s"}}],
                }
            ]
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"name": "in", "address": _address(port), "filter_chains": [{"filters": filters}]}
    endpoint = {"endpoint": {"address": _address(upstream)}}
    cluster = {
        "name": "model",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "model", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {
            "thresholds": [{"max_connections": 5000, "max_pending_requests": 5000, "max_requests": 5000}]
        },
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
