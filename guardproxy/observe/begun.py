"""Answers that have begun to leave and are not recorded yet: what a crash would leave without a trace.

A stream's headers name its decision long before the decision is complete. So `<log>.open` says first that it has begun, and
the next start turns what never ended into a record of the chain (`kind: interrupted`). The file is not synced: it survives
the death of the process, not of the machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from guardproxy.observe.audit_file import TAIL, canonical

SUFFIX = ".open"
LONGEST = 1024 * 1024
"""Bytes after which the file is written anew with what is still open."""


def all_begun(log: Path) -> list[Begun]:
    """Of every process that has given answers for this log, one file each."""
    own, found = Begun(log), log.parent.glob(f"{log.name}{SUFFIX}-*")
    numbers = sorted(path.name.rpartition("-")[2] for path in found if path.suffix != ".part")
    return [own, *(Begun(log, number) for number in numbers)]


class Begun:
    """Safe in any thread. `begin` may raise OSError: then nothing may leave. `owner`: one of several processes."""

    def __init__(self, log: Path, owner: str = "") -> None:
        self.path = log.with_name(f"{log.name}{SUFFIX}{f'-{owner}' if owner else ''}")
        self._open: dict[str, bytes] = {}
        self._changing = threading.Lock()
        self._fd = -1
        self._size = 0

    def begin(self, decision_id: str, record: Mapping[str, Any]) -> None:
        """What is known when the headers leave."""
        line = canonical({**record, "decision_id": decision_id}) + b"\n"
        with self._changing:
            self._write(b"+" + line)
            self._open[decision_id] = line

    def end(self, decision_id: str) -> None:
        """It is recorded. A line that cannot be written makes the next start look into the log."""
        if decision_id not in self._open:
            return
        with self._changing:
            self._open.pop(decision_id, None)
            try:
                self._write(b"-" + decision_id.encode("ascii") + b"\n")
                if self._size > LONGEST:
                    self._compact()
            except OSError:
                return

    def left(self, log: Path) -> list[dict[str, Any]]:
        """What an earlier process began and did not record. May raise OSError."""
        if not self.path.exists():
            return []
        found = _unended(self.path.read_bytes())
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            tail = file.read()
        return [record for name, record in found.items() if b'"decision_id":"%b"' % name.encode() not in tail]

    def settle(self) -> None:
        """The chain knows of all that was left. May raise OSError."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """What is still open stays in the file."""
        with self._changing:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _write(self, line: bytes) -> None:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._fd).st_size
        if os.write(self._fd, line) != len(line):
            raise OSError(28, "No space left on device")
        self._size += len(line)

    def _compact(self) -> None:
        part = self.path.with_name(self.path.name + ".part")
        part.write_bytes(b"".join(b"+" + line for line in self._open.values()))
        part.chmod(0o600)
        part.rename(self.path)
        os.close(self._fd)
        self._fd = -1


def _unended(data: bytes) -> dict[str, dict[str, Any]]:
    """By decision; a line that was cut or overwritten says nothing."""
    found: dict[str, dict[str, Any]] = {}
    for line in data.splitlines():
        if line.startswith(b"-"):
            found.pop(line[1:].decode("latin-1"), None)
        elif line.startswith(b"+"):
            try:
                record = orjson.loads(line[1:])
                found[record["decision_id"]] = record
            except (ValueError, KeyError, TypeError):
                continue
    return found
