"""`POST /api/v1/text/contents`: our detectors for another orchestrator. It reports and never acts.

The answer shows scores and matched text, so it is for the operator's own machines: loopback, or a key with the scope
`detector`.
"""

from __future__ import annotations

from dataclasses import replace

from guardproxy.core.categories import reached
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import decide
from guardproxy.core.findings import Finding
from guardproxy.core.judge import judge
from guardproxy.core.rules import Kind, Ladder, Policy, PolicyRef, Rule
from guardproxy.core.segments import input_segments
from guardproxy.detectors.bench import Bench
from guardproxy.errors import BadRequest, GuardproxyError
from guardproxy.proxy.exchange import JSON, Exchange
from guardproxy.proxy.screening import check_limits, complain
from guardproxy.proxy.settings import is_loopback
from guardproxy.wire.body import parse
from guardproxy.wire.detector_api import HEADER, Wanted, detections_body, error_answer, parse_request, read_detector
from guardproxy.wire.errors import ErrorAnswer


class DetectFlow(Exchange):
    """One request for one detector or one policy."""

    def error(self, error: GuardproxyError) -> ErrorAnswer:
        """In the orchestrator's shape."""
        return error_answer(error)

    async def _run(self) -> None:
        raw, limits = await self._body(), self._limits()
        caller = self._incoming.caller
        if not caller.key and not is_loopback(self._hall.settings.listen.host):
            raise BadRequest("this path is served on loopback only", code="forbidden", status=403)
        if caller.key and "detector" not in caller.scopes:
            raise BadRequest("this path needs a key with the scope detector", code="forbidden", status=403)
        wanted = read_detector(self._incoming.header(HEADER))
        contents = parse_request(parse(raw, limits), limits)
        policy = self.ledger.policy = self._policy(wanted)
        bench = self._bench(policy) if wanted.is_policy else self._only(wanted).of(self._incoming.tenant)
        conversations = contents.conversations()
        for conversation in conversations:
            check_limits(conversation, policy, self._words(policy, conversation))
        self._note_language(self.ledger, contents.texts[-1] if contents.texts else "", bench)
        segments = [segment for conversation in conversations for segment in input_segments(conversation)]
        seen = await bench.inspect(segments)
        self.ledger.note_input(seen)
        complain(bench, seen.failures, "the detector", "the texts")
        verdicts = judge(seen.findings, policy, Stage.INPUT, self._context()) if wanted.is_policy else []
        shadows = [replace(verdict, enforced=False) for verdict in verdicts]
        self.ledger.input = decide(shadows, policy.ref, Stage.INPUT)
        self.ledger.input_checked = True
        self.ledger.digests = tuple(segment.digest() for segment in segments)
        found: list[list[Finding]] = [[] for _ in contents.texts]
        acting = reached([verdict for verdict in verdicts if verdict.enforced])
        for finding in acting if wanted.is_policy else seen.findings:
            found[int(finding.segment.pieces[0].pointer.path[1])].append(finding)
        await self._whole(200, JSON, detections_body(contents, wanted, found, exact=self._incoming.exact))

    def _policy(self, wanted: Wanted) -> Policy:
        """The one asked for; for a detector the one in force here, for its limits."""
        shelf, tenant, route = self._hall.shelf, self._incoming.tenant, self._incoming.route.name
        policy = shelf.named(wanted.name, tenant, route) if wanted.is_policy else shelf.select(tenant, route)
        if policy is None:
            raise BadRequest("no policy of this name is in force here", code="unknown_policy", status=404)
        return policy

    def _only(self, wanted: Wanted) -> Bench:
        """A bench with one detector, which must be able to look."""
        toolbox = self._hall.benches.toolbox
        if wanted.name not in {info.id for info in toolbox.infos}:
            raise BadRequest("no detector of this name is installed", code="unknown_detector", status=404)
        rule = Rule(wanted.name, Kind.DETECTOR, wanted.name, Ladder(()))
        return Bench(Policy(PolicyRef("detector", 1, ""), (rule,)), toolbox)
