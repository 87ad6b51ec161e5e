"""What `diff` and `replay` print: counts, an interval, rules, ids. Never a text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guardproxy.cli.lint import world_of
from guardproxy.core.change import Came, Change, Comparison, Direction
from guardproxy.errors import UsageError
from guardproxy.policy.loaded import Loaded, load
from guardproxy.policy.nearest import did_you_mean

FORMATS = ("text", "json")
FAIL_ON = ("looser", "tighter", "any")
SHOWN = 20
"""Changed ids in the text; the JSON has all of them."""


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Raises UsageError for a word that is not among them."""
    if value not in known:
        raise UsageError(f'{option} "{value}": {did_you_mean(value, known) or "one of " + ", ".join(known)}')


def loaded(path: Path, settings: Path | None) -> Loaded:
    """The policies at a path, judged against the detectors of the settings. Raises PolicyError."""
    return load(path, world_of(settings))


def lines(comparison: Comparison, what: str) -> list[str]:
    """Counts and the table of rules."""
    share = comparison.share
    said = f"{share.hits:,} of {share.of:,} {what} change: {share}, 95% interval"
    counts = ", ".join(f"{comparison.count(way):,} {way}" for way in Direction if way is not Direction.SAME)
    other = " (the same action by another rule, for another hazard or elsewhere)"
    out = [said, f"  {counts}" + (other if comparison.count(Direction.OTHER) else "")]
    rows = comparison.by_rule()
    if rows:
        wide = max(len(row.rule) for row in rows)
        out += ["", f"  {'rule':<{wide}}  tighter  looser  other"]
        out += [f"  {row.rule:<{wide}}  {row.tighter:>7,}  {row.looser:>6,}  {row.other:>5,}" for row in rows]
    return out


def changed_lines(comparison: Comparison, texts: Mapping[str, str], *, all_of_them: bool) -> list[str]:
    """One line for each changed exchange; below it what was said, where that is wanted."""
    shown = comparison.changed if all_of_them else comparison.changed[:SHOWN]
    out = []
    for change in shown:
        out.append(f"  {change.id}  {change.direction}: {change.before} → {change.after}")
        out += [f"      {line}" for line in texts.get(change.id, "").splitlines()]
    more = len(comparison.changed) - len(shown)
    return [*out, f"  and {more:,} more (--all, or --format json)"] if more else out


def tree(comparison: Comparison) -> dict[str, Any]:
    """The same for machines, with every changed exchange."""
    interval = comparison.share.interval
    return {
        "compared": comparison.share.of,
        "changed": comparison.share.hits,
        "rate": round(comparison.share.rate, 6),
        "interval_95": [round(interval.low, 6), round(interval.high, 6)],
        **{str(way): comparison.count(way) for way in Direction},
        "by_rule": [
            {"rule": row.rule, "tighter": row.tighter, "looser": row.looser, "other": row.other}
            for row in comparison.by_rule()
        ],
        "changes": [_change(change) for change in comparison.changed],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "direction": str(change.direction),
        "rule": change.rule,
        "old": [_came(came) for came in change.old],
        "new": [_came(came) for came in change.new],
    }


def _came(came: Came) -> dict[str, Any]:
    rule, hazard = came.rule or None, came.hazard or None
    return {"stage": came.stage, "action": came.action.word, "rule": rule, "hazard": hazard}
