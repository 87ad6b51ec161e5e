"""`guardproxy explain`: why a policy does what it does with a text, or did with an exchange of the decision log."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from guardproxy.cli.accounts import Tree, answer_tree, asked_tree, place, stage_tree, unheard
from guardproxy.cli.comparing import FORMATS, loaded, one_of
from guardproxy.cli.replay import detectors_of
from guardproxy.cli.telling import told
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision
from guardproxy.core.drafts import rejects
from guardproxy.core.judge import Context
from guardproxy.core.rules import Policy
from guardproxy.errors import BadRequest, UsageError
from guardproxy.observe.recorded import Recorded, records
from guardproxy.policy.lint import Compiled
from guardproxy.policy.places import Places
from guardproxy.proxy import settings as configuration
from guardproxy.proxy.corpus import row_of
from guardproxy.proxy.rehearsal import Played, Rehearsal, workbench
from guardproxy.proxy.replaying import line_of
from guardproxy.proxy.routes import DEFAULT
from guardproxy.wire.guard_check import CheckItem

Text = Annotated[str | None, typer.Option(help="what is said; - reads standard input")]


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be explained, and to whom."""

    item: CheckItem
    context: Context
    locale: str
    country: str


def explain(  # noqa: PLR0917 - one parameter an option
    policy: Annotated[Path, typer.Option("--policy", help="policy file or folder")],
    user: Text = None,
    assistant: Text = None,
    system: Text = None,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
    settings: Annotated[Path | None, typer.Option("--settings", help="ask the detectors of these settings")] = None,
    locale: Annotated[str, typer.Option(help="language of the reader; without it that of the text")] = "",
    country: Annotated[str, typer.Option(help="two letters, for help lines")] = "",
    tenant: Annotated[str, typer.Option(help="who asks")] = configuration.TENANT,
    route: Annotated[str, typer.Option(help="on which route")] = DEFAULT,
    audit: Annotated[Path | None, typer.Option("--audit", help="explain an exchange of this decision log")] = None,
    decision_id: Annotated[str | None, typer.Option("--decision-id", help="which one")] = None,
    every: Annotated[bool, typer.Option("--all", help="name every finding and every rule that listened")] = False,
) -> None:
    """Tell from text to finding, rule, threshold, verdict, decision and words, each with file:line."""
    one_of("--format", form, FORMATS)
    now = datetime.now(UTC).timestamp()
    if audit is not None:
        tree = _of_record(_record(audit, decision_id), policy, settings)
    else:
        said = Said(_item(user, assistant, system), Context(route=route, tenant=tenant, now=now), locale, country)
        chosen = configuration.load(settings, os.environ, {}) if settings else configuration.Settings()
        tree = asyncio.run(_of_texts(said, loaded(policy, settings).chosen(tenant, route), chosen))
    print(json.dumps(tree, indent=2, ensure_ascii=False) if form == "json" else "\n".join(told(tree, every=every)))


def _item(user: str | None, assistant: str | None, system: str | None) -> CheckItem:
    given = {"system": system, "user": user}
    messages = [{"role": role, "content": _read(text)} for role, text in given.items() if text is not None]
    if not messages and assistant is None:
        raise UsageError(
            "explain: say what to explain: --user TEXT, --assistant TEXT, or --audit FILE --decision-id ID"
        )
    answer = {"assistant": _read(assistant)} if assistant is not None else {}
    try:
        return row_of({"messages": messages, **answer}, "1").item
    except BadRequest as error:
        raise UsageError(f"explain: {error}") from None


def _read(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


async def _of_texts(said: Said, compiled: Compiled, settings: configuration.Settings) -> Tree:
    async with workbench(settings, said.context.now) as bench:
        rehearsal = Rehearsal(bench, compiled.policy, said.context, said.locale, said.country)
        played = await rehearsal.play(said.item)
        places = Places(compiled)
        stages = [_stage(decision, played, said, places) for decision in played.decisions]
        return {
            **_head(compiled.policy, compiled),
            "stages": stages,
            "turned_away": played.turned_away or None,
            "user_reads": played.text or None,
            "answer_given": played.output is not None,
            "asks_again": compiled.policy.regenerate.tries if played.output and rejects(played.output) else 0,
            "texts": [
                {"key": r.key, "locale": r.locale, "fallbacks": list(r.fallbacks), "place": place(places.text(r.key))}
                for r in played.rendered
            ],
            "not_looked": list(unheard(compiled.policy, bench.toolbox.infos, bench.missing, played.failures, places)),
        }


def _head(policy: Policy, compiled: Compiled) -> Tree:
    return {"policy": str(policy.ref), "policy_hash": policy.ref.hash, "file": str(compiled.document.file)}


def _stage(decision: Decision, played: Played, said: Said, places: Places) -> Tree:
    tree = stage_tree(decision, said.context, places)
    if decision.stage is Stage.INPUT:
        return {**tree, "texts": asked_tree(played.segments, played.looks[0].findings)}
    return {**tree, "texts": answer_tree(said.item.answer, decision) if said.item.answer else []}


def _record(audit: Path, decision_id: str | None) -> Recorded:
    found = next((record for record in records(audit) if record.decision_id == decision_id), None)
    if found is None:
        raise UsageError(f"{audit}: no record of the decision {decision_id or '(name it with --decision-id)'}")
    return found


def _of_record(record: Recorded, policy: Path, settings: Path | None) -> Tree:
    """Numbers only: the log holds no text, and neither does the explanation."""
    compiled = loaded(policy, settings).chosen(record.tenant, record.route)
    places, context = Places(compiled), Context(route=record.route, tenant=record.tenant, now=record.time)
    line = line_of(record, compiled.policy, detectors_of(settings))
    seen = zip(record.stages, line.decisions, strict=False)  # a refused request has no answer any more
    return {
        **_head(compiled.policy, compiled),
        "record": {
            "decision_id": record.decision_id,
            "outcome": record.outcome,
            "policy": record.policy,
            "policy_hash": record.policy_hash,
            "decided": [str(came) for came in line.change.old],
            "same_policy": record.policy_hash == compiled.policy.ref.hash,
            "not_in_full": list(line.reasons),
            "open_end": line.beyond or None,
        },
        "stages": [stage_tree(replace(again, seen=stored.seen), context, places) for stored, again in seen],
        "turned_away": None,
        "user_reads": None,
        "answer_given": False,
        "asks_again": 0,
        "texts": [],
        "not_looked": [],
    }
