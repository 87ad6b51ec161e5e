"""Texts and lists of a policy: used at all, and in every language it speaks (GP701, GP703).

That there is a text for everything (GP502) follows from the catalogue, whose `default` cells are complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from guardproxy.core.hazards import covers
from guardproxy.core.rules import Kind, Rule, Source
from guardproxy.policy.cells import SHAPES
from guardproxy.policy.compile import part
from guardproxy.policy.compose import Effective
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.problems import Problems
from guardproxy.policy.rulekeys import RESERVED
from guardproxy.policy.values import Field, Fields


def check_texts(made: Effective, problems: Problems) -> None:
    """Everything about the texts of one effective policy."""
    own = part(made.document.fields, "messages")
    topics = [w.fields["topic"] for w in made.document.rules if "topic" in w.fields]
    _translations([*_shapes(own), *topics], problems)
    ids = {rule.id for rule in made.rules} | RESERVED
    for name, cell in part(own, "by_rule").items():
        if name not in ids:
            hint = did_you_mean(name, ids)
            problems.warning("GP701", cell.key, f'there is no rule "{name}": the text is never used', hint)
    compiled = made.compiled
    for name, cell in part(own, "by_hazard").items():
        if not any(_may_decide(rule, name) for rule in compiled) and not name.startswith("unscannable"):
            problems.warning("GP701", cell.key, f"no rule is about {name}: the text is never used")


def _may_decide(rule: Rule, hazard: str) -> bool:
    """Could a verdict of this rule carry this hazard (or one below it)?"""
    counted = rule.counts_as or (rule.target if rule.kind is Kind.HAZARD else "")
    if not counted:
        return True  # a detector's own hazard: anything
    return covers(hazard, counted) or covers(counted, hazard)


def _shapes(own: Fields) -> Iterator[Field]:
    yield from (own[shape] for shape in SHAPES if shape in own)
    for group in ("by_hazard", "by_rule"):
        for cell in part(own, group).values():
            yield from cell.value.values()


def _translations(cells: Sequence[Field], problems: Problems) -> None:
    """A language that one of the policy's texts or topics has and another lacks."""
    spoken = dict.fromkeys(tag for cell in cells for tag in cell.value)
    for cell in cells:
        missing = [tag for tag in spoken if tag not in cell.value]
        if missing and cell.value:
            problems.warning("GP703", cell.key, f"no text in {', '.join(missing)}: another one is shown")


def check_lists(folder: Path, used: set[str], problems: Problems) -> None:
    """Lists beside the policies that no rule names."""
    lists = folder / "lists"
    for path in sorted(lists.glob("*.txt")) if lists.is_dir() else ():
        if path.stem not in used:
            problems.warning("GP701", Source(str(path), 1, 1), "no rule names this list")
