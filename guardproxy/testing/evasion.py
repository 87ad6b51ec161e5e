"""Judging one text: what the look at an input finds, what the scanner of a stream finds; and the case kit's rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Rule
from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.disguises.families import Case

_PIECE = 3


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


def kit_cases(folder: Path) -> tuple[TextRules, list[Case]]:
    """The rules of the visible case kit and its rows, by transform."""
    canaries = {c["id"]: c["text"] for c in json.loads((folder / "canaries.json").read_text(encoding="utf-8"))}
    found = [
        Case(
            "case kit, " + ("stacks" if row["family"] == "stack" else row["family"]),
            row["transform"],
            canaries[row["canary"]],
            row["text"],
            promised=row["expect"] == "flag",
        )
        for name in ("text_evasion.jsonl.gz", "text_stacked.jsonl")
        for row in rows(folder, name)
    ]
    return TextRules([rule_of(text, text) for text in canaries.values()]), found
