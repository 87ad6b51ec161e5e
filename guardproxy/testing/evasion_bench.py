"""`guardproxy bench evasion`: disguised phrases found beside harmless texts refused, by family, with every parameter.

In process: the look at an input, and the streamed scanner fed in random pieces. Cases are drawn anew from each seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.benign import BENIGN
from guardproxy.testing.disguises.families import Case, cases, phrases, stacks
from guardproxy.testing.evasion import kit_cases, on_input, on_output, rows, rule_of
from guardproxy.testing.harmless import KINDS

_PHRASES = 60
_MOST_PIECE = 12
OVER = "disguise.over_encoded"


@dataclass(slots=True)
class FamilyRow:
    """Counts of one family. `leaked`: flagged characters that left a stream. `failed`: parameter → cases missed."""

    family: str
    promised: bool
    cases: int = 0
    on_input: int = 0
    on_output: int = 0
    leaked: int = 0
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class HarmlessRow:
    """Harmless texts of one kind, and how many of them a phrase rule refused, on input or on output."""

    kind: str
    texts: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """Both tables of one run, and the seed that draws the same again."""

    seed: int
    each: int
    families: list[FamilyRow]
    harmless: list[HarmlessRow]

    @property
    def broken(self) -> bool:
        """Was a promised case missed, or a harmless text refused?"""
        return any(r.refused for r in self.harmless) or any(
            r.promised and (r.on_input < r.cases or r.on_output < r.cases or r.leaked) for r in self.families
        )


def run(seed: int, each: int, kit: Path | None) -> Result:
    """Draws and judges: `each` cases a parameter, as many harmless texts a kind; `kit`: folder of the visible cases."""
    chance = Random(seed)  # noqa: S311 - data for a measurement
    known = phrases(chance, _PHRASES)
    rules = TextRules([rule_of(p, p) for p in known])
    families = _judged(rules, [*cases(chance, known, each), *stacks(chance, known, 20 * each)], chance)
    if kit:
        kit_rules, shown = kit_cases(kit)
        families += _judged(kit_rules, shown, chance)
    harmless = [_harmless(rules, kind, [make(chance) for _ in range(4 * each)], chance) for kind, make in KINDS.items()]
    twins = [row["text"] for row in rows(kit, "benign_twins.jsonl")] if kit else []
    harmless.append(_harmless(rules, "written by hand", [*BENIGN, *twins], chance))
    return Result(seed, each, families, harmless)


def _judged(rules: TextRules, drawn: Iterable[Case], chance: Random) -> list[FamilyRow]:
    found: dict[tuple[str, bool], FamilyRow] = {}
    for case in drawn:
        row = found.setdefault((case.family, case.promised), FamilyRow(case.family, case.promised))
        wanted = {case.phrase, OVER}
        looked = bool(on_input(rules, case.text) & wanted)
        names, leaked, _ = on_output(rules, case.text, chance.randint(1, _MOST_PIECE))
        streamed = bool(names & wanted)
        row.cases += 1
        row.on_input += looked
        row.on_output += streamed
        row.leaked += leaked
        if not (looked and streamed):
            row.failed[case.parameter] = row.failed.get(case.parameter, 0) + 1
    return list(found.values())


def _harmless(rules: TextRules, kind: str, texts: list[str], chance: Random) -> HarmlessRow:
    refused = sum(bool(on_input(rules, t) or on_output(rules, t, chance.randint(1, _MOST_PIECE))[0]) for t in texts)
    return HarmlessRow(kind, len(texts), refused)


def lines(result: Result) -> Iterator[str]:
    """Both tables in Markdown."""
    yield "| family | cases | found on input | found in a stream | characters leaked | parameters missed |"
    yield "|---|---:|---:|---:|---:|---|"
    for row in sorted(result.families, key=lambda r: not r.promised):
        missed = ", ".join(f"`{name}` {n}" for name, n in row.failed.items()).replace("|", "\\|").replace("\n", " ")
        name = row.family if row.promised else f"{row.family} (measured)"
        yield f"| {name} | {row.cases:,} | {row.on_input:,} | {row.on_output:,} | {row.leaked} | {missed} |"
    for promised, name in ((True, "all promised"), (False, "all measured")):
        some = [r for r in result.families if r.promised is promised]
        sums = [sum(getattr(r, of) for r in some) for of in ("cases", "on_input", "on_output", "leaked")]
        yield f"| **{name}** | {sums[0]:,} | {sums[1]:,} | {sums[2]:,} | {sums[3]} | |"
    yield ""
    yield "| harmless texts | texts | refused |"
    yield "|---|---:|---:|"
    for kind in result.harmless:
        yield f"| {kind.kind} | {kind.texts} | {kind.refused} |"
    yield f"| **all** | {sum(k.texts for k in result.harmless):,} | {sum(k.refused for k in result.harmless)} |"
