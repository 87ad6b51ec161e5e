"""Real proxies whose imports are done already: one process imports everything, and each proxy is forked from it.

    with Nursery() as nursery:
        born = nursery.bear(folder, arguments, environment)     it serves: its address and process id
        nursery.wait()                                          until it has ended; its status as of os.waitpid

A start costs tenths of a second of CPU instead of three, which matters to whoever needs a hundred. One at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Self

LONGEST_START = 300.0
ENDED = "ended "
COMMAND, SERVE = "guardproxy.cli.main", "guardproxy.cli.serve"
"""Imported by their names, as `python -m guardproxy` would: nothing below the command line depends on it."""


@dataclass(frozen=True, slots=True)
class Born:
    """A proxy that serves; `base` ends with /v1."""

    base: str
    pid: int


class Nursery:
    """See the module's text."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "guardproxy.testing.nursery"]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def bear(self, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> Born:
        """AssertionError with its last words when it ends before it serves, or takes too long."""
        folder.mkdir(parents=True, exist_ok=True)
        order = {"folder": str(folder), "arguments": list(arguments), "environment": dict(environment)}
        writer, reader = _pipes(self._process)
        writer.write(json.dumps(order) + "\n")
        writer.flush()
        pid, base = int(reader.readline()), ""
        watchdog = threading.Timer(LONGEST_START, os.kill, (pid, 9))
        watchdog.start()
        for line in reader:
            base = next((word for word in line.split() if word.endswith("/v1")), base)
            if "metrics at" in line:
                watchdog.cancel()
                return Born(base, pid)
            if line.startswith(ENDED):
                break
        watchdog.cancel()
        raise AssertionError(f"the proxy did not start: {(folder / 'stderr.log').read_text(encoding='utf-8')}")

    def wait(self) -> int:
        """Its wait status: 9 for one that was killed."""
        for line in _pipes(self._process)[1]:
            if line.startswith(ENDED):
                return int(line.removeprefix(ENDED))
        raise AssertionError("the nursery is gone")


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("a nursery has pipes; this is a bug")
    return process.stdin, process.stdout


def _become(order: Mapping[str, object], guardproxy: Callable[[], None]) -> None:
    """The child: a proxy like any other."""
    os.chdir(str(order["folder"]))
    for fd, path, flags in ((0, os.devnull, os.O_RDONLY), (2, "stderr.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, fd)
        os.close(opened)
    environment, arguments = order["environment"], order["arguments"]
    if not (isinstance(environment, dict) and isinstance(arguments, list)):
        raise TypeError("an order has an environment and arguments")
    os.environ.update(environment)
    sys.argv = ["guardproxy", *arguments]
    guardproxy()


def main() -> None:
    """Forks one proxy a line of stdin, and says how it ended."""
    import_module(SERVE)
    guardproxy = import_module(COMMAND).main
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            code = 70
            try:
                _become(json.loads(line), guardproxy)
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{ENDED}{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
