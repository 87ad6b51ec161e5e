"""Real client libraries over real sockets, before a real proxy: what does their user see?

    python -m guardproxy.testing.clients [--families ID …] [--accept] [--no-page]      `make clients`

Each family of tests/clients gets an environment of its own in .clients, asks every scenario plain and streamed, and
is compared with tests/clients/golden.json. Prints the table and writes it into docs/clients.md, whose examples
are run as they stand. Exit 1 on any difference. `--accept` writes golden.json anew; what breaks a law (scenarios.LAWS) fails all the same, unless
golden.EXCUSED says why the client cannot do better.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from guardproxy.testing.clients.asking import Shown, look
from guardproxy.testing.clients.families import FAMILIES, ROOT, Family, make_environment
from guardproxy.testing.clients.golden import GOLDEN, accepted, wrong
from guardproxy.testing.clients.house import House, open_house
from guardproxy.testing.clients.page import put_into, table
from guardproxy.testing.clients.scenarios import GUARDED
from guardproxy.testing.clients.snippets import complaint, snippets

PAGE = ROOT / "docs" / "clients.md"


@dataclass(frozen=True, slots=True)
class _Round:
    """What one family showed; None, and why, when it could not be installed or its script broke."""

    shown: Shown | None
    complaint: str


def _round(family: Family, house: House) -> _Round:
    print(f"{family.id} …", file=sys.stderr, flush=True)
    try:
        environment = make_environment(family)
        shown = look(family, environment, house)
    except (subprocess.SubprocessError, OSError, AssertionError) as error:
        return _Round(None, f"{family.id}: {error}")
    examples = [one for one in snippets(PAGE.read_text(encoding="utf-8")) if one.family == family.id and shown.seen]
    base = house.proxies[GUARDED].base
    return _Round(shown, "; ".join(filter(None, (complaint(one, environment, base) for one in examples))))


def _machine() -> str:
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S607
    today = datetime.now(tz=UTC).date().isoformat()
    what = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
    return f"Run {today} on {what}, Python {platform.python_version()}, Node {node or 'absent'}."


def main() -> int:
    """Runs what is asked for; see the module's text."""
    parser = argparse.ArgumentParser(description="Real client libraries before a real proxy.")
    parser.add_argument("--families", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--accept", action="store_true", help="write golden.json anew")
    parser.add_argument("--no-page", action="store_true", help="leave docs/clients.md alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_house(Path(folder)) as house:
        rounds = [_round(FAMILIES[name], house) for name in options.families]
    shown = [one.shown for one in rounds if one.shown is not None]
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if options.accept:
        GOLDEN.write_text(accepted(shown, golden), encoding="utf-8")
        golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    print(table(shown))
    if not options.no_page and len(shown) == len(FAMILIES):
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(put_into(page, shown, _machine()), encoding="utf-8")
    mistakes = [line for one in shown for line in wrong(one, golden)]
    mistakes += [one.complaint for one in rounds if one.complaint]
    print("\n".join(mistakes), file=sys.stderr)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
