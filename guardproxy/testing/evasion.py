"""`python -m guardproxy.testing.evasion`: how many disguised phrases are found, how many harmless texts are refused.

In process: the input look and the streamed scanner, fed in small pieces. Prints a table per transform.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Rule
from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.benign import BENIGN

_PIECE = 3
_CASES = "/work/shared/cases"


def rule_of(name: str, phrase: str) -> Rule:
    """A rule that refuses one phrase."""
    return Rule(name, Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=(phrase,))


def rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a case file, packed or not."""
    path = folder / name
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in data.decode().splitlines():
        yield json.loads(line)


def on_input(rules: TextRules, text: str) -> set[str]:
    """Names of what the look at an input finds."""
    return {f.rule or f.detector for f in rules.look(Segment(text, Stage.INPUT, Scope.USER))}


def on_output(rules: TextRules, text: str, piece: int = _PIECE) -> tuple[set[str], int, int]:
    """Names of what the scanner finds, flagged characters it let go too early, and how many it held at most."""
    scanner = rules.scanner(1000)
    found, safe, leaked, held = set(), 0, 0, 0
    for at in range(0, len(text) + piece, piece):
        scan = scanner.feed(text[at : at + piece]) if at < len(text) else scanner.flush()
        for finding in scan.findings:
            found.add(finding.rule or finding.detector)
            leaked += max(0, safe - finding.span.start) if finding.span else 0
        safe = scan.safe
        held = max(held, min(at + piece, len(text)) - safe)
    return found, leaked, held


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 when a promised row is missed or a harmless text is refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=Path(_CASES))
    parser.add_argument("--misses", action="store_true", help="print each missed row")
    options = parser.parse_args(arguments)
    canaries = json.loads((options.cases / "canaries.json").read_text(encoding="utf-8"))
    rules = TextRules([rule_of(f"canary-{c['id'].lower()}", c["text"]) for c in canaries])
    tally: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for name in ("text_evasion.jsonl.gz", "text_stacked.jsonl"):
        for row in rows(options.cases, name):
            _count(rules, row, tally, show=options.misses)
    missed = _print(tally)
    refused = _benign(rules, options.cases)
    return 1 if missed or refused else 0


def _count(rules: TextRules, row: dict[str, Any], tally: dict[tuple[str, str], list[int]], *, show: bool) -> None:
    wanted = {f"canary-{row['canary'].lower()}", "disguise.over_encoded"}
    streamed, leaked, _ = on_output(rules, row["text"])
    looked = on_input(rules, row["text"])
    transform = "stacks" if row["family"] == "stack" else row["transform"]
    counts = tally[row["expect"], transform]
    counts[0] += 1
    counts[1] += bool(looked & wanted)
    counts[2] += bool(streamed & wanted)
    counts[3] += leaked
    if show and row["expect"] == "flag" and not (looked & wanted and streamed & wanted and not leaked):
        sys.stdout.write(
            f"missed {row['id']} input={bool(looked & wanted)} output={bool(streamed & wanted)} {leaked}\n"
        )


def _print(tally: dict[tuple[str, str], list[int]]) -> int:
    sys.stdout.write(f"{'transform':28}{'expect':>9}{'rows':>6}{'input':>7}{'output':>8}{'leaked':>8}\n")
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for (expect, transform), counts in sorted(tally.items()):
        sys.stdout.write(f"{transform:28}{expect:>9}{counts[0]:6}{counts[1]:7}{counts[2]:8}{counts[3]:8}\n")
        totals[expect] = [a + b for a, b in zip(totals[expect], counts, strict=True)]
    for expect, counts in totals.items():
        sys.stdout.write(f"{'total':28}{expect:>9}{counts[0]:6}{counts[1]:7}{counts[2]:8}{counts[3]:8}\n")
    flag = totals["flag"]
    return 2 * flag[0] - flag[1] - flag[2] + flag[3]


def _benign(rules: TextRules, folder: Path) -> int:
    texts = [*(row["text"] for row in rows(folder, "benign_twins.jsonl")), *BENIGN]
    refused = sum(bool(on_input(rules, t)) or bool(on_output(rules, t)[0]) for t in texts)
    sys.stdout.write(f"benign texts refused: {refused} of {len(texts)}\n")
    return refused


if __name__ == "__main__":
    raise SystemExit(main())
