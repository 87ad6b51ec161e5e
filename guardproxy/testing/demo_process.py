"""`guardproxy demo` as a process of its own, on ports that the system chose."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_START = 60.0


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is ready. `cpu` counts the seconds of processor time it took to get there, `wall` the clock's."""

    console: str
    proxy: str
    raw: str
    greeting: tuple[str, ...]
    cpu: float
    wall: float
    process: subprocess.Popen[str] = field(repr=False)


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Starts it in `folder`, waits for its greeting, ends it with SIGTERM. A bad start or end is an AssertionError."""
    command = [sys.executable, "-m", "guardproxy", "demo", "--port", "0", "--admin-port", "0", "--raw-port", "0"]
    errors = folder / "stderr.log"
    began = time.monotonic()
    with errors.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=folder, text=True)  # noqa: S603
    try:
        greeting = _greeting(process)
        if process.poll() is not None:
            raise AssertionError(f"the demo did not start: {errors.read_text()}")
        urls = {line.split()[0]: line.split()[-1] for line in greeting if "http://" in line and "curl" not in line}
        wall = time.monotonic() - began
        yield Demo(urls["console"], urls["proxy"], urls["raw"], tuple(greeting), _cpu(process.pid), wall, process)
        if process.poll() is not None:
            raise AssertionError(f"the demo ended by itself: {errors.read_text()}")
    finally:
        process.terminate()
        code = process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
    if code or "Traceback" in errors.read_text():
        raise AssertionError(f"the demo ended with {code}: {errors.read_text()}")


def _greeting(process: subprocess.Popen[str]) -> list[str]:
    """Its first lines; a demo that hangs is killed, so that reading ends."""
    watchdog = threading.Timer(LONGEST_START, process.kill)
    watchdog.start()
    lines = []
    for line in process.stdout or ():
        lines.append(line.rstrip("\n"))
        if "the policy in force" in line:
            break
    watchdog.cancel()
    return lines


def _cpu(pid: int) -> float:
    """User and system time so far, in seconds; Linux only, 0 elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
