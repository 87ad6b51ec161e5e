"""`guardproxy diff OLD NEW --corpus F`: which decisions change, by rule and by direction."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import typer

from guardproxy.cli.comparing import FAIL_ON, FORMATS, changed_lines, lines, loaded, one_of, tree
from guardproxy.core.change import Came, Change, Comparison
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Policy
from guardproxy.policy.loaded import Loaded
from guardproxy.proxy import settings as configuration
from guardproxy.proxy.corpus import Row, read_corpus
from guardproxy.proxy.rehearsal import Played, Rehearsal, Workbench, workbench

UNABLE = "a detector could not look"
BESIDE = {
    "disclosing": "disclosure",
    "texts": "messages",
    "streaming": "streaming",
    "regenerate": "regenerate",
    "crisis_instruction": "crisis",
    "escalation": "conversation.escalation",
    "cool_down": "conversation.cool_down",
    "memory": "conversation.memory",
    "tax_budget": "tax_budget",
}
"""What one exchange alone does not show: part of a policy → its key."""


@dataclass(slots=True)
class Difference:
    """What came of the rows. `unjudged`: reason → rows. `texts`: id → what was said, of changed rows."""

    changes: list[Change] = field(default_factory=list)
    unjudged: Counter[str] = field(default_factory=Counter)
    texts: dict[str, str] = field(default_factory=dict)
    missing: str = ""

    @property
    def comparison(self) -> Comparison:
        """The rows that both policies judged."""
        return Comparison.of(self.changes)


def diff(  # noqa: PLR0917 - one parameter an option
    old: Path = typer.Argument(..., help="the policy file or folder in force"),
    new: Path = typer.Argument(..., help="the one that may replace it"),
    corpus: Path = typer.Option(..., "--corpus", help="JSON Lines: text or messages, assistant, id"),
    form: str = typer.Option("text", "--format", help="text or json"),
    fail_on: str | None = typer.Option(None, "--fail-on", help="looser, tighter or any: exit 1 on such a change"),
    settings: Path | None = typer.Option(None, "--settings", help="ask the detectors of these settings"),
    show_text: bool = typer.Option(False, "--show-text", help="print what was said beside each changed row"),
    every: bool = typer.Option(False, "--all", help="name every changed row"),
) -> None:
    """Play a corpus under two policies and compare the decisions."""
    one_of("--format", form, FORMATS)
    if fail_on is not None:
        one_of("--fail-on", fail_on, FAIL_ON)
    before, after = loaded(old, settings), loaded(new, settings)
    rows = list(read_corpus(corpus))
    chosen = configuration.load(settings, os.environ, {}) if settings else configuration.Settings()
    found = asyncio.run(_compared(rows, before, after, chosen))
    comparison = found.comparison
    if form == "json":
        made = report(found, show_text=show_text) | {"changed_beside": beside(before, after)}
        print(json.dumps(made, indent=2, ensure_ascii=False))
    else:
        print("\n".join(told(found, before, after, show_text=show_text, every=every)))
    raise typer.Exit(1 if comparison.fails(fail_on or "") else 0)


async def _compared(rows: Iterable[Row], old: Loaded, new: Loaded, settings: configuration.Settings) -> Difference:
    """Row by row under both; what a classifier said of a text is asked once."""
    now = datetime.now(UTC).timestamp()
    found = Difference()
    async with workbench(settings, now) as bench:
        found.missing = bench.missing
        players: dict[int, Rehearsal] = {}
        for row in rows:
            context = Context(route=row.route, tenant=row.tenant, now=now)
            came = []
            for side in (old, new):
                policy = side.chosen(row.tenant, row.route).policy
                came.append(await _player(players, bench, policy, context).play(row.item))
            _note(found, row, *came)
    return found


def _player(players: dict[int, Rehearsal], bench: Workbench, policy: Policy, context: Context) -> Rehearsal:
    """A bench is made once a policy; tenant and route are the row's."""
    player = players.get(id(policy))
    if player is None:
        player = players[id(policy)] = Rehearsal(bench, policy, context)
    player.context = context
    return player


def _note(found: Difference, row: Row, before: Played, after: Played) -> None:
    if before.unavailable or after.unavailable:
        found.unjudged[UNABLE] += 1
        return
    change = Change(row.id, came_of(before), came_of(after))
    found.changes.append(change)
    found.texts[row.id] = row.said


def came_of(played: Played) -> tuple[Came, ...]:
    """What a request that is turned away comes to: it is not answered, and no rule says so."""
    if played.turned_away:
        return (Came("input", Action.REFUSE, "(turned away)"),)
    return tuple(Came.of(decision) for decision in played.decisions)


def told(found: Difference, old: Loaded, new: Loaded, *, show_text: bool, every: bool) -> list[str]:
    """The report for people."""
    out = [f"old: {_names(old)}", f"new: {_names(new)}"]
    if found.missing:
        out.append(f"no classifier was asked ({found.missing}): rules on hazards heard less than in service")
    out += ["", *lines(found.comparison, "rows")]
    changed = beside(old, new)
    if changed:
        out += ["", f"changed, too, and not to be seen in decisions: {', '.join(changed)}"]
    if found.unjudged:
        out += ["", "not judged:", *(f"  {count:,}  {reason}" for reason, count in found.unjudged.items())]
    if found.comparison.changed:
        texts = found.texts if show_text else {}
        out += ["", "changed:", *changed_lines(found.comparison, texts, all_of_them=every)]
    return out


def beside(old: Loaded, new: Loaded) -> list[str]:
    """Keys outside of rules that differ between policies of one name, or between two that stand alone."""
    before, after = ([one.policy for one in side.compiled] for side in (old, new))
    pairs = [(a, b) for a in before for b in after if a.ref.name == b.ref.name]
    if len(before) == len(after) == 1:
        pairs = [(before[0], after[0])]
    return [key for part, key in BESIDE.items() if any(getattr(a, part) != getattr(b, part) for a, b in pairs)]


def report(found: Difference, *, show_text: bool) -> dict[str, object]:
    """The report for machines."""
    made = tree(found.comparison)
    if show_text:
        made["changes"] = [{**change, "text": found.texts[change["id"]]} for change in made["changes"]]
    return {**made, "not_judged": dict(found.unjudged), "classifiers": found.missing or "asked"}


def _names(policies: Loaded) -> str:
    found = policies.policies or [one.policy for one in policies.compiled]
    return ", ".join(f"{policy.ref} ({policy.ref.hash})" for policy in found)
