"""`guardproxy eval --policy P --benign F`: what a policy costs harmless requests, and whether it keeps `tax_budget`.

The rows are played as `explain` and `diff` play theirs, one at a time. Each is worth what the worst case costs: a draft
that a rule wants written again counts as if every further draft were like it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isinf
from pathlib import Path
from time import perf_counter
from typing import Any

from guardproxy.cli.comparing import loaded
from guardproxy.core.drafts import instruction_of
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Kind, Policy
from guardproxy.core.share import Share, upper_end
from guardproxy.core.tax import MISS, Assessed, Toll, assessed
from guardproxy.policy.loaded import Loaded
from guardproxy.proxy import settings as configuration
from guardproxy.proxy.corpus import Row, read_corpus
from guardproxy.proxy.rehearsal import Played, Rehearsal, Workbench, workbench
from guardproxy.proxy.wording import crisis_verdict

NAMES = {"over_refusal": "over-refusal", "added_p95": "added p95", "extra_tokens": "extra tokens"}


@dataclass(slots=True)
class Bill:
    """One policy's rows. `refused`: the ids of refused ones, by rule. `unjudged`: rows whose detectors could not look."""

    policy: Policy
    tolls: list[Toll] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    unjudged: int = 0
    unheard: str = ""

    @property
    def promises(self) -> list[Assessed]:
        """What `tax_budget` promises, against the rows."""
        return list(assessed(self.tolls, self.policy.tax_budget))

    @property
    def kept(self) -> bool:
        """False also where something could not be looked at: then nothing has been shown."""
        promised = self.policy.tax_budget.promises
        return not promised or (not self.unheard and not self.unjudged and all(one.kept for one in self.promises))


def bills(policy: Path, benign: Path, settings: Path | None) -> list[Bill]:
    """One for each policy that a row of the corpus falls to. Raises PolicyError, UsageError."""
    found = loaded(policy, settings)
    rows = list(read_corpus(benign))
    chosen = configuration.load(settings, os.environ, {}) if settings else configuration.Settings()
    return asyncio.run(_billed(rows, found, chosen))


async def _billed(rows: Sequence[Row], policies: Loaded, settings: configuration.Settings) -> list[Bill]:
    now = datetime.now(UTC).timestamp()
    made: dict[str, Bill] = {}
    async with workbench(settings, now) as bench:
        players: dict[str, Rehearsal] = {}
        for row in rows:
            policy = policies.chosen(row.tenant, row.route).policy
            player = players.get(policy.ref.name)
            if player is None:
                context = Context(route=row.route, tenant=row.tenant, now=now)
                player = players[policy.ref.name] = Rehearsal(bench, policy, context)
                made[policy.ref.name] = Bill(policy, unheard=_unheard(policy, bench, settings))
                await player.play(row.item)  # the first look of a classifier loads what later ones use
            player.context = Context(route=row.route, tenant=row.tenant, now=now)
            began = perf_counter()
            played = await player.play(row.item)
            _note(made[policy.ref.name], row, played, (perf_counter() - began) * 1000)
    return list(made.values())


def _unheard(policy: Policy, bench: Workbench, settings: configuration.Settings) -> str:
    """Why enforced rules on hazards heard nothing; "" where they did, or where the operator wants it so."""
    listens = any(rule.kind is Kind.HAZARD and rule.enforced for rule in policy.rules)
    return bench.missing if listens and settings.detectors.embedded else ""


def _note(bill: Bill, row: Row, played: Played, ms: float) -> None:
    if played.unavailable:
        bill.unjudged += 1
        return
    said = sum(len(text.text) for text in row.item.answer.texts) if row.item.answer else 0
    rule = _refused_by(played, bill.policy)
    extra = _extra(played, bill.policy, said, refused=bool(rule))
    bill.tolls.append(Toll(bool(rule), ms, extra, 0 if rule else said, answered=said > 0))
    if rule:
        bill.refused.setdefault(rule, []).append(row.id)


def _refused_by(played: Played, policy: Policy) -> str:
    """The rule that keeps an answer from the user; "" when none does."""
    if played.turned_away:
        return "(turned away)"
    last = played.decisions[-1]
    again = last.action is Action.REGENERATE and policy.regenerate.fallback is Action.REFUSE
    return last.rule_name if last.action is Action.REFUSE or again else ""


def _extra(played: Played, policy: Policy, said: int, *, refused: bool) -> int:
    """Characters injected, written again or thrown away; `said` is the answer's length."""
    extra, tries, output = 0, policy.regenerate.tries, played.output
    if output is not None and output.action is Action.REGENERATE:
        extra += (tries + refused) * said + tries * len(instruction_of(policy, output.hazard))
    elif output is not None and refused:
        extra += said
    if output is not None and played.input is not None and crisis_verdict(played.input.verdicts) is not None:
        extra += len(policy.crisis_instruction)
    return extra


def told(bill: Bill) -> Iterator[str]:
    """The report for people."""
    share = Share(sum(toll.refused for toll in bill.tolls), len(bill.tolls))
    yield f"policy {bill.policy.ref} ({bill.policy.ref.hash}): {share.of:,} harmless rows"
    upper = upper_end(share.hits, share.of, MISS)
    yield f"  refused or withheld: {share.hits:,} of {share.of:,}: {share}, 95% interval; one-sided at most {upper:.4f}"
    for rule, ids in sorted(bill.refused.items(), key=lambda one: (-len(one[1]), one[0])):
        more = f" and {len(ids) - 5:,} more" if len(ids) > 5 else ""
        yield f"    {rule}: {len(ids):,} ({', '.join(ids[:5])}{more})"
    if bill.unjudged:
        yield f"  not judged: {bill.unjudged:,} rows, a detector could not look; so no promise is shown kept"
    if bill.unheard:
        yield f"  no classifier was asked ({bill.unheard}); so no promise is shown kept"
    if not bill.policy.tax_budget.promises:
        yield "  the policy promises nothing (no tax_budget)"
    for one in bill.promises:
        yield f"  {NAMES[one.promise]}: {_sentence(one)}"


def _sentence(one: Assessed) -> str:
    unit = _ms if one.promise == "added_p95" else _plain
    seen = f"seen {unit(one.seen)}, at most {unit(one.upper)}, promised {unit(one.limit)}"
    if one.kept:
        return f"{seen}: kept"
    if one.missing is None:
        return f"{seen}: broken" if one.of and one.seen > one.limit else f"{seen}: no number of rows can show it"
    rows = "rows with an answer" if one.promise == "extra_tokens" else "rows"
    return f"{seen}: not shown, {one.of:,} {rows} are too few; {one.missing:,} more like these would do"


def _ms(value: float) -> str:
    return "unknown" if isinf(value) else f"{value:.1f} ms"


def _plain(value: float) -> str:
    return "unknown" if isinf(value) else f"{value:.4f}"


def tree(bill: Bill) -> dict[str, Any]:
    """The report for machines."""
    share = Share(sum(toll.refused for toll in bill.tolls), len(bill.tolls))
    return {
        "policy": str(bill.policy.ref),
        "policy_hash": bill.policy.ref.hash,
        "rows": share.of,
        "not_judged": bill.unjudged,
        "classifiers": bill.unheard or "asked",
        "refused": share.hits,
        "wilson95": [round(share.interval.low, 6), round(share.interval.high, 6)],
        "upper95_one_sided": round(upper_end(share.hits, share.of, MISS), 6),
        "by_rule": bill.refused,
        "promises": [
            {
                "promise": one.promise,
                "limit": one.limit,
                "seen": None if isinf(one.seen) else round(one.seen, 6),
                "upper95_one_sided": None if isinf(one.upper) else round(one.upper, 6),
                "rows": one.of,
                "kept": one.kept,
                "missing_rows": one.missing,
            }
            for one in bill.promises
        ],
        "kept": bill.kept,
    }


def page(found: Sequence[Bill], form: str) -> str:
    """All policies in one report."""
    if form == "json":
        return json.dumps([tree(bill) for bill in found], indent=2, ensure_ascii=False)
    return "\n\n".join("\n".join(told(bill)) for bill in found) or "no row, and so nothing to tell"
