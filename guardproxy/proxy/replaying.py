"""A decision log under another policy: what would have come, from scores, places and versions alone.

replay(records, select, infos) -> Replayed
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from guardproxy.core.change import Came, Change, Comparison
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.drafts import for_draft, without_drafts
from guardproxy.core.judge import Context
from guardproxy.core.replay import Stored, finding_of, redecide, stopped_at
from guardproxy.core.rules import Action, Policy
from guardproxy.core.tighten import tightened
from guardproxy.core.unseen import Unseen
from guardproxy.observe.recorded import Recorded
from guardproxy.proxy.detector_set import DetectorSet
from guardproxy.proxy.inline import Inline
from guardproxy.wire.inline_moderation import ModerationAsk, ModerationMode
from guardproxy.wire.surface import SURFACES

Select = Callable[[str, str], Policy | None]
"""(tenant, route) → the policy that applies."""

_SURFACES = {surface.name: surface for surface in SURFACES.values()}

FAULT = "a fault: nothing was decided"
REPORTED = "the surface only reports"
ELSEWHERE = "no policy applies to its tenant and route"
OLD = "the record is of an older version and does not say what was found"
DRAFTS = "an earlier draft was thrown away, and what it held is not recorded"
CUT = "more was found than the record holds"
NOT_ASKED = "refused then and not now: the model was never asked"
NOT_SEEN = "stopped then and not now: what followed was never looked at"


@dataclass(frozen=True, slots=True)
class Line:
    """One record decided again. `reasons`: why not in full. `beyond`: what nobody can know, "" where nothing is.

    `decisions` in the order of the stages; empty where a whole log is compared.
    """

    change: Change
    decisions: tuple[Decision, ...]
    reasons: tuple[str, ...] = ()
    beyond: str = ""


@dataclass(slots=True)
class Replayed:
    """A whole log. `skipped`: reason → records that hold no decision to compare."""

    records: int = 0
    lines: list[Line] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def comparison(self) -> Comparison:
        """The records that could be decided again in full."""
        return Comparison.of(line.change for line in self.lines if not line.reasons)

    @property
    def in_part(self) -> Comparison:
        """The others, as far as the rules that can be replayed go."""
        return Comparison.of(line.change for line in self.lines if line.reasons)

    @property
    def reasons(self) -> Mapping[str, int]:
        """Reason → records, the most frequent first."""
        return dict(Counter(reason for line in self.lines for reason in line.reasons).most_common())

    @property
    def beyond(self) -> Mapping[str, int]:
        """The same for what lies behind a decision that no longer comes."""
        return dict(Counter(line.beyond for line in self.lines if line.beyond).most_common())


def replay(records: Iterable[Recorded], select: Select, infos: Sequence[DetectorInfo]) -> Replayed:
    """Every record under the policy that applies to it. `infos`: the detectors installed where the log was written."""
    out = Replayed()
    asking: dict[int, Unseen] = {}
    for record in records:
        out.records += 1
        policy = select(record.tenant, record.route)
        why = _skipped(record, policy)
        if why or policy is None:
            out.skipped[why] += 1
        else:
            blind = asking.setdefault(id(policy), Unseen(policy, infos))
            line = line_of(record, policy, infos, blind)
            out.lines.append(replace(line, decisions=()))  # a log is long
    return out


def _skipped(record: Recorded, policy: Policy | None) -> str:
    if not record.stages:
        return FAULT
    if all(stored.reports for stored in record.stages):
        return REPORTED
    return "" if policy is not None else ELSEWHERE


def line_of(record: Recorded, policy: Policy, infos: Sequence[DetectorInfo], blind: Unseen | None = None) -> Line:
    """One record. A request that is refused now and was not has no answer: it is left out."""
    blind = blind or Unseen(policy, infos)
    context = Context(route=record.route, tenant=record.tenant, now=record.time)
    decisions, reasons, beyond = list[Decision](), dict[str, None](), ""
    if not record.complete:
        reasons[OLD] = None
    for stored in record.stages:
        in_force = _in_force(stored, record, policy, infos)
        decision = _hardened(redecide(_kept(stored, record), in_force, context), stored, record)
        decision = _heeded(decision, stored, record, policy, infos)
        decisions.append(decision)
        beyond = beyond or _beyond(_kept(stored, record), decision, in_force, context)
        if stored.seen.left_out:
            reasons[CUT] = None
        if record.policy_hash != policy.ref.hash:
            if stored.stage is Stage.OUTPUT and record.attempts > 1:
                reasons[DRAFTS] = None
            reasons |= dict.fromkeys(blind.reasons(stored, record.beheld, context))
        if _refuses(decision) and stored.action is not Action.REFUSE:
            break
    old = tuple(Came(str(s.stage), s.action, s.rule, s.hazard) for s in record.stages)
    new = tuple(Came.of(decision) for decision in decisions)
    return Line(Change(record.decision_id, old, new), tuple(decisions), tuple(reasons), beyond)


def _refuses(decision: Decision) -> bool:
    return decision.stage is Stage.INPUT and decision.action is Action.REFUSE


def _beyond(stored: Stored, decision: Decision, policy: Policy, context: Context) -> str:
    if stored.action < Action.REGENERATE or not stored.by_rule or stored.reports:
        return ""
    if stored.stage is Stage.INPUT:
        return NOT_ASKED if decision.action < Action.REFUSE else ""
    return NOT_SEEN if stopped_at(stored, policy, context) is None else ""


def _looked(record: Recorded, policy: Policy, stage: Stage, infos: Sequence[DetectorInfo]) -> DetectorSet:
    return DetectorSet(policy, tuple(info for info in infos if record.beheld.saw(info.id, stage)))


def _in_force(stored: Stored, record: Recorded, policy: Policy, infos: Sequence[DetectorInfo]) -> Policy:
    """The request may have tightened the policy for this stage; a draft may have been the last, or the only one."""
    made = policy
    if stored.stage in record.tightened:
        covered = _looked(record, policy, stored.stage, infos).hazards(stored.stage, record.beheld.failures)
        made = tightened(policy, stored.stage, covered)
    surface = _SURFACES.get(record.surface)
    if stored.stage is Stage.INPUT or surface is None:
        return made
    return for_draft(made, record.attempts - 1) if surface.instruct else without_drafts(made)


def _kept(stored: Stored, record: Recorded) -> Stored:
    """An answer that was written again keeps that name, whatever the draft that left would be called."""
    again = stored.stage is Stage.OUTPUT and record.attempts > 1 and stored.action is Action.REGENERATE
    return replace(stored, by_rule=False) if again else stored


def _hardened(decision: Decision, stored: Stored, record: Recorded) -> Decision:
    """What has begun to leave cannot be written again: it was refused."""
    if record.stream and decision.action is Action.REGENERATE and stored.action is Action.REFUSE:
        return replace(decision, action=Action.REFUSE)
    return decision


def _heeded(
    decision: Decision, stored: Stored, record: Recorded, policy: Policy, infos: Sequence[DetectorInfo]
) -> Decision:
    """At the input, what the tightened rules could not refuse and is flagged is refused all the same."""
    if stored.stage is not Stage.INPUT or stored.stage not in record.tightened or not stored.by_rule:
        return decision
    block = ModerationAsk(input=ModerationMode.BLOCK)
    context = Context(route=record.route, tenant=record.tenant, now=record.time)
    found = [finding_of(sighting, stored.stage) for sighting in stored.seen.kept]
    heeded = Inline(block, _looked(record, policy, stored.stage, infos), context).heed(decision, found)
    return replace(heeded, seen=stored.seen)
