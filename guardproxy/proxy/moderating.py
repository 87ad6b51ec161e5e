"""`POST /v1/moderations`: look and report. Nothing is forwarded, refused or counted as a refusal.

Every verdict counts as a shadow rule's: the record says what the policy would have done, and that nothing was done.
"""

from __future__ import annotations

from dataclasses import replace

from guardproxy.core.categories import Moderation, moderate
from guardproxy.core.conversation import Segment, Stage, Step
from guardproxy.core.decide import decide
from guardproxy.core.judge import Verdict, judge
from guardproxy.core.rules import Policy
from guardproxy.core.segments import input_segments
from guardproxy.detectors.bench import Bench
from guardproxy.proxy.detector_set import DetectorSet
from guardproxy.proxy.exchange import JSON, Exchange
from guardproxy.proxy.screening import check_limits, complain
from guardproxy.wire.body import parse
from guardproxy.wire.moderations import Head, ModerationRequest, parse_request, results_body


class ModerationFlow(Exchange):
    """One request; all of its texts are looked at together."""

    async def _run(self) -> None:
        raw, limits = await self._body(), self._limits()
        request = parse_request(parse(raw, limits), limits)
        policy = self._enter(self._incoming.routes.of_named(request.model))
        for conversation in request.inputs:
            check_limits(conversation, policy, self._words(policy, conversation))
        bench = self._bench(policy)
        self._note_language(self.ledger, request.inputs[-1].last_user_text(), bench)
        detectors = DetectorSet.of(policy, bench.detectors, self._hall.benches.toolbox.infos)
        results = await self._results(request, policy, bench, detectors)
        annotation = {**self._annotation(), "not_checked": list(request.unread)}
        own = policy.disclosing.hazards == "leaf"
        head = Head(f"modr-{self.ledger.decision_id}", detectors.model, own=own, exact=self._incoming.exact)
        await self._whole(200, JSON, results_body(head, results, annotation))

    async def _results(
        self, request: ModerationRequest, policy: Policy, bench: Bench, detectors: DetectorSet
    ) -> list[Moderation]:
        texts = [input_segments(conversation) for conversation in request.inputs]
        seen = await bench.inspect([segment for segments in texts for segment in segments])
        self.ledger.note_input(seen)
        complain(bench, seen.failures)
        covered = detectors.hazards(Stage.INPUT, seen.failures)
        context, results, all_verdicts = self._context(), [], list[Verdict]()
        for at in range(len(texts)):
            findings = [f for f in seen.findings if len(texts) == 1 or _index(f.segment) == at]
            verdicts = judge(findings, policy, Stage.INPUT, context)
            all_verdicts += verdicts
            results.append(moderate(findings, verdicts, policy, context, covered))
        shadows = [replace(verdict, enforced=False) for verdict in all_verdicts]
        self.ledger.input = decide(shadows, policy.ref, Stage.INPUT)
        self.ledger.input_checked = not request.unread
        self.ledger.digests = tuple(s.digest() for segments in texts for s in segments if not s.joined)
        return results

    def _annotation(self) -> dict[str, object]:
        """What of our own member makes sense here: nothing was decided, so there is no rule and no hazard."""
        ref = self.ledger.policy.ref if self.ledger.policy else None
        return {
            "decision_id": self.ledger.decision_id,
            "policy": str(ref) if ref else None,
            "policy_hash": ref.hash if ref else None,
            "checked": list(self.ledger.checked),
        }


def _index(segment: Segment) -> Step:
    """Which text of the list: the second step of `input[3]`."""
    return segment.pieces[0].pointer.path[1]
