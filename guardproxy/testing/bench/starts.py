"""What a subject costs before it does anything: time to the first answer, and megabytes of disk."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.subjects import Start
from guardproxy.testing.bench.track import Track
from guardproxy.testing.process_figures import resident, run_time

MB = 1e6
_TOOLS = ("pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


def starts(track: Track, subjects: Sequence[Start], sheet: Sheet, rounds: int) -> None:
    """Each from nothing, in turn; resident memory after the first answer is `idle_mb`."""
    for _ in range(rounds):
        for start in subjects:
            with tempfile.TemporaryDirectory() as folder:
                with track.pinned():
                    opened = start(Path(folder), track.port)
                    subject = opened.__enter__()
                try:
                    sheet.add(subject.name, "start_s", track.first_answer(subject))
                    sheet.add(subject.name, "start_cpu_s", run_time(subject.tree))
                    sheet.add(subject.name, "idle_mb", resident(subject.tree))
                finally:
                    opened.__exit__(None, None, None)


def installed(lock: Path) -> float:
    """MB of this package and of everything its lock names that is installed here."""
    lines = (line.partition("==") for line in lock.read_text(encoding="utf-8").splitlines())
    total = 0
    for name in {name.strip() for name, found, _ in lines if found}:
        try:
            files = distribution(name).files or ()
        except PackageNotFoundError:  # of another platform
            continue
        total += sum(size(Path(str(file.locate()))) for file in files)
    return (total + folder(Path(__file__).parents[2])) / MB


def environment(place: Path) -> float:
    """MB of a virtual environment's packages, without pip and its kin."""
    packages = next((place / "lib").glob("python*/site-packages"))
    return sum(folder(one) for one in packages.iterdir() if not one.name.startswith(_TOOLS)) / MB


def folder(place: Path) -> int:
    """Bytes of a folder or a file."""
    return size(place) if place.is_file() else sum(size(one) for one in place.rglob("*"))


def size(file: Path) -> int:
    """Bytes; 0 for what is no file."""
    return file.stat().st_size if file.is_file() else 0
