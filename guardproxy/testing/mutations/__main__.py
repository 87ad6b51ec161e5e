"""`make mutations`: every fault on trial, and the page `docs/mutations.md`. Exit 1 for a fault that is none."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from guardproxy.testing.mutations.fault import Fault
from guardproxy.testing.mutations.listing import EXCLUDED, FAULTS, SETS, shipped_set
from guardproxy.testing.mutations.page import markdown
from guardproxy.testing.mutations.sweep import SWEPT, sweep
from guardproxy.testing.mutations.trial import Catcher, Court, Outcome


def tried(faults: Sequence[Fault]) -> Iterator[Outcome]:
    """The trials, in the order of the table."""
    found: dict[str, Outcome] = {}
    for made in SETS:
        files = made()
        mine = [fault for fault in faults if fault.file in files and fault.name not in found]
        if mine:
            with tempfile.TemporaryDirectory() as folder:
                court = Court(files, Path(folder))
                found.update((fault.name, court.trial(fault)) for fault in mine)
    return (found[fault.name] for fault in faults)


def swept(faults: Iterable[Fault]) -> Iterator[Outcome]:
    """Trials of slips in shipped policies, each file by itself."""
    files = shipped_set()
    with ExitStack() as stack:
        folders = {file: Path(stack.enter_context(tempfile.TemporaryDirectory())) for file in SWEPT}
        courts = {file: Court({file: files[file]}, folder) for file, folder in folders.items()}
        yield from (courts[fault.file].trial(fault) for fault in faults)


def main() -> int:
    """Prints the page; what is wrong with the table of faults goes to standard error."""
    outcomes, slips = list(tried(FAULTS)), list(swept(sweep(shipped_set())))
    wrong = [f"{o.fault.name}: nothing differs, so it is no fault" for o in (*outcomes, *slips) if not o.meant]
    for outcome in (*outcomes, *slips):
        unseen = outcome.catcher is Catcher.NOBODY
        if unseen != bool(outcome.fault.why):
            wrong.append(f"{outcome.fault.name}: {'goes unseen, say why' if unseen else 'is caught, take the why out'}")
    print(markdown(outcomes, EXCLUDED, slips), end="")  # noqa: T201 - this is a command
    print("\n".join(wrong), file=sys.stderr)  # noqa: T201 - the same
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
