"""`guardproxy serve` as a process of its own, on ports that the system chose.

with serving(folder, upstream, policy) as proxy:      proxy.base is http://127.0.0.1:PORT/v1
    await settled(proxy)                              what loads beside the start has loaded
    stop_classifiers(proxy)                           as if they hung: each inspection runs out of time
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

LONGEST_START = 60.0
LONGEST_END = 20.0
READY = "metrics at"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Serving:
    """A proxy that is ready. `decisions` is its decision log, `admin` http://127.0.0.1:PORT of the other listener."""

    base: str
    decisions: Path
    process: subprocess.Popen[str] = field(repr=False)
    admin: str = ""

    @property
    def port(self) -> int:
        """Of the data listener."""
        return int(self.base.rsplit(":", 1)[1].removesuffix("/v1"))

    @property
    def admin_port(self) -> int:
        """Of the other one."""
        return int(self.admin.rsplit(":", 1)[1])

    @property
    def decided(self) -> int:
        """Decisions recorded so far."""
        return len(self.decisions.read_bytes().splitlines()) if self.decisions.exists() else 0


@contextmanager
def serving(
    folder: Path,
    upstream: str,
    policy: Path,
    settings: Path | None = None,
    environment: Mapping[str, str] = NOTHING,
    module: str = "guardproxy",
) -> Iterator[Serving]:
    """Starts it in `folder` and ends it with SIGTERM; a bad start or end is an AssertionError with its last words.

    `settings` is a file, `environment` GUARDPROXY_ variables, `module` what is run with `serve`. The decision log is `required`: each answer's record is there before the answer.
    """
    errors = folder / "stderr.log"
    with _started(
        folder, upstream, policy, ["--settings", str(settings)] if settings else [], environment, module
    ) as proxy:
        try:
            yield proxy
        finally:
            proxy.process.terminate()
            code = proxy.process.wait(LONGEST_END)
    if code or "Traceback" in errors.read_text(encoding="utf-8"):
        raise AssertionError(f"the proxy ended with {code}: {errors.read_text(encoding='utf-8')}")


@contextmanager
def killable(folder: Path, upstream: str, policy: Path, environment: Mapping[str, str] = NOTHING) -> Iterator[Serving]:
    """The same for whoever ends it himself, with whatever signal: how it ends is his business."""
    with _started(folder, upstream, policy, [], environment) as proxy:
        try:
            yield proxy
        finally:
            if proxy.process.poll() is None:
                proxy.process.kill()
                proxy.process.wait(LONGEST_END)


@contextmanager
def _started(
    folder: Path,
    upstream: str,
    policy: Path,
    more: Sequence[str],
    environment: Mapping[str, str],
    module: str = "guardproxy",
) -> Iterator[Serving]:
    folder.mkdir(parents=True, exist_ok=True)
    decisions, errors = folder / "decisions.jsonl", folder / "stderr.log"
    command = [sys.executable, "-m", module, "serve", "--upstream", upstream, "--policies", str(policy)]
    command += ["--port", "0", "--admin-port", "0", *more]
    audit = {"GUARDPROXY_AUDIT_MODE": "required", "GUARDPROXY_AUDIT_PATH": str(decisions)}
    with errors.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            text=True,
            env={**os.environ, **audit, **environment},
        )
    try:
        base, admin = _addresses(process)
        if not admin:
            process.kill()
            process.wait(LONGEST_END)
            raise AssertionError(f"the proxy did not start: {errors.read_text(encoding='utf-8')}")
        yield Serving(base, decisions, process, admin)
    finally:
        if process.stdout is not None:
            process.stdout.close()


def _addresses(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Of both listeners, from its greeting; empty when it ends, or is killed for its silence, before that is whole."""
    watchdog = threading.Timer(LONGEST_START, process.kill)
    watchdog.start()
    base = admin = ""
    for line in process.stdout or ():
        base = next((word for word in line.split() if word.endswith("/v1")), base)
        if READY in line:
            admin = next(word for word in line.split() if word.endswith("/metrics")).removesuffix("/metrics")
            break
    watchdog.cancel()
    return base, admin


async def settled(proxy: Serving) -> None:
    """Until the language model is there: it is read beside the start, and stalls the event loop while it is."""
    errors = proxy.decisions.with_name("stderr.log")
    while "languages_ready" not in errors.read_text(encoding="utf-8"):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def stop_classifiers(proxy: Serving) -> int:
    """Stops the classifier processes in their tracks and says how many there were; Linux only, elsewhere 0."""
    children = Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children")
    if not children.exists():
        return 0
    found = [int(pid) for pid in children.read_text(encoding="ascii").split() if _classifies(pid)]
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    return len(found)


def _classifies(pid: str) -> bool:
    return b"guardproxy.detectors.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
