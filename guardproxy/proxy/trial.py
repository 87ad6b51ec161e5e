"""The candidate: a second policy set that judges what the live one has answered, and can change nothing of it.

    Evidence                     what an exchange leaves for it
    Trial.begin(shelf), .end()   which set is the candidate
    Trial.offer(evidence)        after the answer has left: never waits; a full queue drops, and counts
    Trial.view()                 the comparison, for people

Both sides are judged by their rules alone (`core.opinion`), on the same texts. Model detectors are not asked again:
what they found for the live policy counts for both, and only for a request are those asked that the live policy does
not use. Words, patterns and the other instant detectors of the candidate look for themselves.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from guardproxy.core.change import Direction
from guardproxy.core.commands import Channel
from guardproxy.core.conversation import Conversation, Scope, Segment, Stage
from guardproxy.core.decide import Decision, stronger
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Plan
from guardproxy.core.opinion import Said, of_answer, of_input
from guardproxy.core.rules import Policy, PolicyRef
from guardproxy.core.segments import input_segments, latest
from guardproxy.detectors.bench import Bench, Toolbox
from guardproxy.errors import PolicyError
from guardproxy.observe.comparison import Comparison, change_of, together
from guardproxy.observe.logs import get_logger
from guardproxy.observe.metrics import Metrics
from guardproxy.policy.shelf import Shelf
from guardproxy.proxy.answering import Moderated
from guardproxy.proxy.screening import unscannable
from guardproxy.proxy.tasks import spawn

LONGEST_QUEUE = 256
MOST_CHARACTERS = 4_000_000
"""Text that may wait, in all."""
MOST_PAIRS = 32
REST = 4.0
"""After each exchange the candidate rests for so many times as long as it took: live traffic comes first."""
NOT_COVERED = (
    "memory of sessions, cool-downs, a request's own wish to be blocked, drafts written again: rules alone are compared",
    "an answer that the live policy cut: what the model would have gone on to say is unknown",
    "answers are not shown to a model detector again, so detectors that only the candidate uses there have no say",
    "requests that ended in a fault before they were judged, and /v1/moderations and /api/v1/text/contents",
    "what model detectors would say of older messages, where the live policy looks at the latest only",
    "turns that the live policy forgets are forgotten for the candidate, too",
)


_FIRST = Segment("Good morning.", Stage.INPUT, Scope.USER)


@dataclass(slots=True)
class Evidence:
    """What one exchange leaves. `moderated` once there was an answer, with what was said in `moderated.kept`.

    `asked` is false for a check of an answer alone. `places` as in `core.segments.latest`.
    """

    decision_id: str
    tenant: str
    policy: Policy
    bench: Bench
    context: Context
    conversation: Conversation
    findings: tuple[Finding, ...]
    moderated: Moderated | None = None
    asked: bool = True
    places: tuple[int, ...] = ()

    @property
    def characters(self) -> int:
        """How much text it keeps alive."""
        conversation = self.conversation
        asked = sum(len(p.text) for m in (*conversation.messages, *conversation.extras) for p in m.parts)
        kept = self.moderated.kept if self.moderated is not None else None
        return asked + sum(len(text) for _, _, text in kept or ())

    def said(self) -> dict[int, list[Said]]:
        """The answer by choice; choices that ended for a reason no policy has are left out."""
        texts: dict[int, dict[Channel, list[str]]] = {}
        moderated = self.moderated
        for choice, channel, text in (moderated.kept or ()) if moderated is not None else ():
            if moderated is not None and not moderated.was_ended(choice):
                texts.setdefault(choice, {}).setdefault(channel, []).append(text)
        return {
            choice: [Said(channel, "".join(pieces)) for channel, pieces in own.items()] for choice, own in texts.items()
        }


@dataclass(slots=True)
class _Candidate:
    """One set on trial. `benches` hold no model that the live policy has asked already: key (policy, models)."""

    shelf: Shelf
    benches: dict[tuple[int, frozenset[str]], tuple[Policy, Bench]] = field(default_factory=dict)
    pairs: dict[tuple[PolicyRef, PolicyRef], Comparison] = field(default_factory=dict)


class _NotJudged(Exception):
    """The label `reason` of `candidate_dropped_total`."""


class Trial:
    """One for each process; `offer` runs on the event loop."""

    def __init__(self, toolbox: Toolbox, metrics: Metrics) -> None:
        self._toolbox = toolbox
        self._metrics = metrics
        self._candidate: _Candidate | None = None
        self._queue: deque[tuple[Evidence, int]] = deque()
        self._characters = 0
        self._working: asyncio.Task[None] | None = None
        self.dropped: dict[str, int] = {}
        self.changed: Callable[[], None] = _nothing
        """Called when a candidate has come or gone, in the thread that did it."""
        self.elsewhere: Callable[[], Sequence[Mapping[str, Any]]] = tuple
        """Views of other processes that judge the same candidate."""
        metrics.watch("queue_depth", lambda: len(self._queue), "candidate")

    @property
    def running(self) -> bool:
        """Is there a candidate?"""
        return self._candidate is not None

    @property
    def shelf(self) -> Shelf | None:
        """The candidate's policies."""
        return self._candidate.shelf if self._candidate else None

    def begin(self, shelf: Shelf) -> None:
        """From now on this is the candidate; counting starts anew. Compiles: call it in a thread."""
        candidate = _Candidate(shelf)
        for policy in shelf.policies:
            self._bench(candidate, policy, frozenset()).look([_FIRST])  # what is made at the first look is made here
        self._candidate, self.dropped = candidate, {}
        self.changed()

    def end(self) -> None:
        """No candidate any more."""
        self._candidate = None
        self.changed()

    def offer(self, evidence: Evidence | None) -> None:
        """To be judged when there is time. The exchange is over: nothing that follows can reach it."""
        if evidence is None or self._candidate is None:
            return
        size = evidence.characters
        if len(self._queue) >= LONGEST_QUEUE or self._characters + size > MOST_CHARACTERS:
            self._drop("queue_full")
            return
        self._queue.append((evidence, size))
        self._characters += size
        if self._working is None or self._working.done():
            self._working = spawn(self._work())

    async def idle(self) -> None:
        """Returns when nothing waits."""
        while self._working is not None and not self._working.done():
            await asyncio.wait([self._working])

    def view(self) -> dict[str, Any]:
        """The comparison of each pair of policies, newest first, and what it cannot know."""
        pairs = list(self._candidate.pairs.values()) if self._candidate else []
        mine = [pair.view() for pair in reversed(pairs)]
        others = self.elsewhere() if self._candidate else ()
        dropped = Counter(self.dropped)
        for other in others:
            dropped.update(other["dropped"])
        return {
            "pairs": together([*mine, *(pair for other in others for pair in other["pairs"])]) if others else mine,
            "waiting": len(self._queue) + sum(other["waiting"] for other in others),
            "dropped": dict(dropped),
            "not_covered": list(NOT_COVERED),
        }

    async def _work(self) -> None:
        while self._queue:
            evidence, size = self._queue.popleft()
            self._characters -= size
            candidate = self._candidate
            if candidate is None:
                continue
            began = perf_counter()
            judging = spawn(self._judge(candidate, evidence))
            await asyncio.wait([judging])  # a task of its own: whatever goes wrong in it ends here
            error = judging.exception()
            if isinstance(error, _NotJudged):
                self._drop(str(error))
            elif error is not None:
                get_logger().warning("candidate_failed", kind=type(error).__name__, decision_id=evidence.decision_id)
                self._drop("error")
            await asyncio.sleep(REST * (perf_counter() - began))

    async def _judge(self, candidate: _Candidate, evidence: Evidence) -> None:
        try:
            policy = candidate.shelf.select(evidence.tenant, evidence.context.route)
        except PolicyError:
            raise _NotJudged("no_policy") from None
        if policy.ref.hash == evidence.policy.ref.hash:
            bench, findings = evidence.bench, list(evidence.findings)
        else:
            bench, findings = await self._look(candidate, policy, evidence)
        asked, pairs = evidence.conversation, []
        if evidence.asked:
            live = _input(evidence.findings, evidence.policy, evidence.bench, asked, evidence.context)
            pairs.append((live, _input(findings, policy, bench, asked, evidence.context)))
        pairs += await asyncio.to_thread(_answers, evidence, policy, bench)
        comparison = self._comparison(candidate, evidence.policy.ref, policy.ref)
        comparison.begin()
        for mine, other in pairs:
            comparison.add(mine, other, evidence.decision_id)
            self._count(mine, other)

    async def _look(self, candidate: _Candidate, policy: Policy, evidence: Evidence) -> tuple[Bench, list[Finding]]:
        """What the candidate's own detectors find in the request, and what models have found already."""
        models = {d.info.id for d in self._toolbox.models}
        missing = frozenset(models - set(evidence.bench.detectors))
        bench = await asyncio.to_thread(self._bench, candidate, policy, missing)
        conversation = latest(evidence.conversation, policy.messages_looked_at, evidence.places)
        seen = await bench.inspect(input_segments(conversation))
        if any(bench.fatal(failure) for failure in seen.failures):
            raise _NotJudged("detector")
        known = models | {d.info.id for d in self._toolbox.media}
        shown = {part.pointer for m in (*conversation.messages, *conversation.extras) for part in m.parts}
        shown |= {part.pointer for part in conversation.unscannable}
        heard = [f for f in evidence.findings if f.detector in known - missing]
        return bench, [*(f for f in heard if all(p.pointer in shown for p in f.segment.pieces)), *seen.findings]

    def _bench(self, candidate: _Candidate, policy: Policy, missing: frozenset[str]) -> Bench:
        made = candidate.benches.get((id(policy), missing))
        if made is None:
            models = tuple(d for d in self._toolbox.models if d.info.id in missing)
            made = (policy, Bench(policy, replace(self._toolbox, models=models)))
            in_force = {id(p) for p in candidate.shelf.policies}
            candidate.benches = {key: kept for key, kept in candidate.benches.items() if key[0] in in_force}
            candidate.benches[id(policy), missing] = made
        return made[1]

    def _comparison(self, candidate: _Candidate, live: PolicyRef, other: PolicyRef) -> Comparison:
        """A new pair whenever either side has changed; the oldest are forgotten."""
        if (live, other) not in candidate.pairs:
            candidate.pairs[live, other] = Comparison(live, other)
            while len(candidate.pairs) > MOST_PAIRS:
                del candidate.pairs[next(iter(candidate.pairs))]
        return candidate.pairs[live, other]

    def _count(self, live: Decision, other: Decision) -> None:
        self._metrics.count("candidate_decisions_total", other.stage, other.action.word, other.policy.name)
        change, _ = change_of(live, other)
        if change is not Direction.SAME:
            self._metrics.count("candidate_changes_total", other.stage, change)

    def _drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        self._metrics.count("candidate_dropped_total", reason)


def _input(
    findings: Sequence[Finding], policy: Policy, bench: Bench, asked: Conversation, context: Context
) -> Decision:
    decision = of_input(findings, policy, context)
    unread = not all(bench.reads(part) for part in asked.unscannable)
    return unscannable(decision, policy) if unread else decision


def _answers(evidence: Evidence, policy: Policy, bench: Bench) -> list[tuple[Decision, Decision]]:
    """One pair for the stage: the strongest of the choices on either side. Plain CPU work, in a thread."""
    moderated, pairs = evidence.moderated, []
    if moderated is not None:
        for choice, said in sorted(evidence.said().items()):
            found = moderated.found(choice)
            mine = of_answer(_plan(evidence.policy, evidence.bench, evidence.context), said, found)
            same = policy.ref.hash == evidence.policy.ref.hash
            other = mine if same else of_answer(_plan(policy, bench, evidence.context), said, found)
            pairs.append((mine, other))
    if not pairs:
        return []
    live, theirs = pairs[0]
    for mine, other in pairs[1:]:
        live, theirs = stronger(live, mine), stronger(theirs, other)
    return [(live, theirs)]


def _plan(policy: Policy, bench: Bench, context: Context) -> Plan:
    return Plan(policy, context, bench.scanners, classifies=False, fatal=_never)


def _never(failure: Failure) -> bool:
    del failure
    return False


def _nothing() -> None:
    """Nobody has to be told."""
