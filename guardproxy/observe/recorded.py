"""The decision log read back: what `entry` wrote, as far as a decision can be made from it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.escalation import RULE as SESSION
from guardproxy.core.findings import Failure, FailureKind, Span
from guardproxy.core.replay import Stored
from guardproxy.core.rules import Action
from guardproxy.core.sighting import Sighting, Sightings
from guardproxy.core.unseen import Beheld
from guardproxy.errors import UsageError
from guardproxy.observe.journal import set_aside

REPORTING = frozenset({"moderations", "text_contents"})
"""Surfaces that only report: nothing is decided there, whatever the verdicts."""
_ACTIONS = {action.word: action for action in Action}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange of the log. `complete` is false for records that older versions wrote: they hold no sightings.

    `outcome` is an action's word, or what kind of fault it was. `time` is POSIX seconds; `attempts` counts drafts.
    """

    decision_id: str
    time: float
    tenant: str
    route: str
    surface: str
    outcome: str
    policy: str
    policy_hash: str
    stages: tuple[Stored, ...]
    beheld: Beheld
    tightened: tuple[str, ...] = ()
    attempts: int = 1
    stream: bool = False
    complete: bool = True


def records(path: Path) -> Iterator[Recorded]:
    """A log from its oldest segment set aside to `path`. What follows the last line feed is left out: it is torn.

    Raises UsageError for a file that cannot be read or a line that is no record.
    """
    for file in (*set_aside(path), path):
        try:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    found = _read(file, number, line) if line.endswith(b"\n") else None
                    if found is not None:
                        yield found
        except OSError as error:
            raise UsageError(f"cannot read {file}: {error.strerror}") from None


def _read(file: Path, number: int, line: bytes) -> Recorded | None:
    """None for what is no decision, such as the header of a segment."""
    try:
        tree = orjson.loads(line)
        return recorded(tree) if tree.get("kind") is None else None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{file}:{number}: this is not a record of a decision log") from None


def recorded(tree: Mapping[str, Any]) -> Recorded:
    """One record."""
    decided = [stage for stage in tree["stages"] if stage["action"] is not None]
    return Recorded(
        decision_id=tree["decision_id"],
        time=datetime.fromisoformat(tree["time"]).timestamp(),
        tenant=tree["tenant"],
        route=tree["route"],
        surface=tree["surface"],
        outcome=tree["outcome"],
        policy=f"{tree['policy']}@{tree['revision']}" if tree["policy"] else "",
        policy_hash=tree["policy_hash"] or "",
        stages=tuple(_stored(stage, reports=tree["surface"] in REPORTING) for stage in decided),
        beheld=Beheld(
            tree["versions"],
            frozenset(tree.get("input_only", ())),
            tuple(Failure(f["detector"], FailureKind(f["kind"]), f["stage"]) for f in tree["failures"]),
        ),
        tightened=tuple(tree.get("tightened", ())),
        attempts=tree["attempts"],
        stream=tree["stream"],
        complete=all("seen" in stage for stage in decided),
    )


def _stored(stage: Mapping[str, Any], *, reports: bool) -> Stored:
    seen = tuple(sighting for told in stage.get("seen", ()) for sighting in _sightings(told))
    return Stored(
        stage=Stage(stage["stage"]),
        action=_ACTIONS[stage["action"]],
        rule=stage["rule"] or "",
        hazard=next(iter(stage["hazards"]), ""),
        choice=stage.get("choice"),
        by_rule=_by_rule(stage),
        reports=reports,
        seen=Sightings(seen, stage.get("left_out", 0)),
    )


def _by_rule(stage: Mapping[str, Any]) -> bool:
    """The rule `session` stands in no policy: it speaks of earlier turns."""
    return stage["action"] == Action.ALLOW.word or (stage["mode"] is not None and stage["rule"] != SESSION)


def _sightings(told: Mapping[str, Any]) -> Iterator[Sighting]:
    span = Span(*told["span"]) if "span" in told else None
    for hazard, score in told["found"]:
        yield Sighting(
            detector=told["detector"],
            hazard=hazard,
            score=score,
            scope=Scope(told["scope"]),
            rule=told.get("rule"),
            place=told.get("at", 0),
            span=span,
            replaceable=told.get("replaceable", span is not None),
            excused=tuple(told.get("excused", ())),
            view=told.get("view", "window" if span is None else "plain"),
        )
