"""One exchange with a model, from bytes to log line: the natural path, top to bottom.

bytes → parse → policy → screen (segments, findings, verdicts, decision) → upstream → moderator → render → record.
Every branch ends in `_record`, once, from the same ledger that headers and body fields are written from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter

from guardproxy.core.asked import decide_input
from guardproxy.core.commands import CONTENT
from guardproxy.core.conversation import Conversation, Stage
from guardproxy.core.decide import Decision
from guardproxy.core.drafts import for_draft, instruction_of, without_drafts
from guardproxy.core.escalation import RULE as SESSION
from guardproxy.core.findings import Finding
from guardproxy.core.introduction import is_first_contact
from guardproxy.core.rules import Action, NoticePlace, Policy
from guardproxy.detectors.bench import Inspection
from guardproxy.errors import GuardproxyError, GuardUnavailable, UpstreamBadAnswer, UpstreamTimeout
from guardproxy.proxy.answering import Moderated, ask_of, notices_of
from guardproxy.proxy.client import Client
from guardproxy.proxy.detector_set import DetectorSet
from guardproxy.proxy.drafting import DraftRejected, Drafts
from guardproxy.proxy.exchange import JSON, Exchange, Incoming
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.inline import Inline
from guardproxy.proxy.ledger import Ledger
from guardproxy.proxy.metering import Meter
from guardproxy.proxy.plain import PlainRun, withheld
from guardproxy.proxy.routes import RouteSettings
from guardproxy.proxy.screening import Looks, Screened, check_limits, forget_refused, look_over_turns, screen
from guardproxy.proxy.sending import Sender, may_act
from guardproxy.proxy.session import SessionWatch, subject_named, watch_of, who_of
from guardproxy.proxy.streaming import StreamRun
from guardproxy.proxy.target import Target
from guardproxy.proxy.trial import Evidence
from guardproxy.proxy.upstream import Reply, read_all
from guardproxy.proxy.wording import Notice, Wording, crisis_verdict
from guardproxy.wire.answer import joined
from guardproxy.wire.body import Tree, parse
from guardproxy.wire.dialect import Dialect
from guardproxy.wire.embeddings import texts_beside
from guardproxy.wire.envelope import Ask, Envelope, refused_finish
from guardproxy.wire.errors import ErrorAnswer, complaint_answer, error_answer, read_complaint, refusal_error
from guardproxy.wire.headers import STREAM_HEADERS, client_headers, upstream_headers
from guardproxy.wire.request import Request
from guardproxy.wire.surface import Surface


class Flow(Exchange):
    """See the module's text. One object for one exchange."""

    def __init__(self, hall: Hall, incoming: Incoming, client: Client, ledger: Ledger, surface: Surface) -> None:
        super().__init__(hall, incoming, client, ledger)
        self._surface = surface
        self._inline: Inline | None = None
        self._watch: SessionWatch | None = None
        self._drafts = Drafts()
        self._wording: Wording | None = None
        self.meter = Meter()
        self._told: Moderated | None = None
        self._sender = Sender(hall.upstream, surface.upstream_path, upstream_headers(incoming.headers), ledger)

    def error(self, error: GuardproxyError) -> ErrorAnswer:
        """An error in the surface's own shape."""
        return self._surface.errors(error_answer(error))

    @property
    def route(self) -> RouteSettings:
        """What the operator wants on this route."""
        return self._incoming.route.settings

    def ask(self, request: Request) -> Ask:
        """What shapes the frame of the answer: the request, and the route's style as far as the surface has it."""
        dialect = self._surface.dialect
        styled = self.route.refusal_style == "refusal_field" and dialect is not None and dialect.has_refusal_field
        return ask_of(request, refusal_field=styled, logprobs=self.route.logprobs)

    async def _run(self) -> None:
        try:
            await self._converse()
        finally:
            await self._sender.drop()

    async def _converse(self) -> None:
        raw, limits = await self._body(), self._limits()
        request = self._surface.parse(parse(raw, limits), limits)
        self.ledger.stream = request.stream
        self.ledger.subject = subject_named(
            self._incoming.tenant,
            identifier=request.safety_identifier,
            header=self._incoming.header("x-guardproxy-session"),
        )
        policy = self._enter(self._incoming.routes.of_model(request.model))
        self.ledger.annotate = self.route.annotate
        catalogue = self._hall.catalogue()
        sent = request.conversation
        reread = forget_refused(request, policy, catalogue)
        if reread is not request:
            request = replace(self._surface.parse(reread.tree, limits), moderation=request.moderation)
        if self.route.completions_notice == "text" and request.prose:
            request = replace(request, noticed=True)
        words = self._wording = self._words(policy, request.conversation)
        introduces = policy.disclosing.first_turn and request.noticed and not words.background
        words.introduces = introduces and is_first_contact(sent, catalogue)
        check_limits(request.conversation, policy, words)
        bench = self._bench(policy)
        context = self._context()
        self._note_language(self.ledger, request.conversation.last_user_text(), bench)
        if request.moderation is not None:
            infos = self._hall.benches.toolbox.infos
            detectors = DetectorSet.of(policy, bench.detectors, infos)
            self._inline = Inline(request.moderation, detectors, context, exact=self._incoming.exact)
            self.ledger.tightened = tuple(str(stage) for stage in Stage if request.moderation.blocks(stage))
        self._watch = await self._watching(request, sent, policy)
        looks = Looks(policy, bench, context)
        screened = await self._screen(request, looks)
        if self._watch is not None:
            over_turns = await look_over_turns(request, policy, bench, self.ledger.note_input)
            found = (*screened.findings, *over_turns)
            decision = self._watch.visit.heed(request.conversation, found, screened.decision)
            screened = replace(screened, decision=decision)
            self.ledger.session, words.retry_after = self._watch.note(), self._watch.visit.wait
        self._write_down(screened)
        self._leave_evidence(request, screened, looks)
        if screened.decision.action is Action.REFUSE:
            await self._sender.drop()
            await self._refuse(request, screened, words)
            return
        await self._forward(request, screened, words, looks)

    async def _screen(self, request: Request, looks: Looks) -> Screened:
        inline = self._inline
        if inline is not None:
            looks = replace(looks, policy=inline.policy(Stage.INPUT))
        overlaps = self.route.overlap and not may_act(request.tree) and not request.conversation.unscannable
        early = partial(self._start_early, request, looks) if overlaps else None
        screened = await screen(request, looks, self.ledger.note_input, self._gave, early)
        if inline is None:
            return screened
        if inline.strict(Stage.INPUT) and screened.failures:
            raise GuardUnavailable("the safety check is not working right now; this says nothing about the request")
        return replace(screened, decision=inline.heed(screened.decision, screened.findings))

    def _start_early(self, request: Request, looks: Looks, seen: Inspection) -> None:
        """Sends what would be sent if the detectors that still look were to find nothing that changes it."""
        decision = decide_input(seen.findings, looks.policy, looks.context)
        if not seen.failures and decision.action < Action.REDACT and crisis_verdict(decision.verdicts) is None:
            self._sender.early(self._addressed(request.tree))

    def _addressed(self, tree: Tree) -> Tree:
        return {**tree, "model": self.route.upstream_model} if self.route.upstream_model else tree

    def remember(self, texts: Iterable[str]) -> None:
        """What has left, answers and notices: when it comes back in the history it is known."""
        for text in texts:
            self._hall.answers.remember(self._incoming.tenant, text)

    def _gave(self, text: str) -> bool:
        return self._hall.answers.gave(self._incoming.tenant, text)

    async def _watching(self, request: Request, sent: Conversation, policy: Policy) -> SessionWatch | None:
        """`sent`: all of the history. None on a route for background tasks: they are no turns of anybody."""
        if self.route.background or (policy.escalation is None and policy.cool_down is None):
            return None
        who = who_of(
            self._hall.sessions,
            self._incoming.tenant,
            sent,
            identifier=request.safety_identifier,
            header=self._incoming.header("x-guardproxy-session"),
        )
        return await watch_of(self._hall.sessions, who, policy, self._hall.steady())

    async def record(self) -> None:
        """See `Exchange`; a turn is remembered however it ended."""
        self._settle_session((), ())
        if self._watch is not None:
            await self._watch.keep()
        self.ledger.ai_notice = self._wording is not None and self._wording.introduced
        self.ledger.tokens = self.meter.tokens
        await super().record()

    def _settle_session(self, outputs: Sequence[Decision], findings: Sequence[Finding]) -> None:
        if self._watch is not None:
            self._watch.settle(outputs, findings)

    def _moderated(self, request: Request, looks: Looks) -> Moderated:
        """What judges the draft that comes now."""
        inline = self._inline
        policy = inline.policy(Stage.OUTPUT) if inline else looks.policy
        number = self._drafts.number
        policy = for_draft(policy, number) if self._surface.instruct else without_drafts(policy)
        strict = inline is not None and inline.strict(Stage.OUTPUT)
        last = request.conversation.last_user_text()
        moderated = Moderated(policy, looks.bench, looks.context, last, strict=strict, whole=not request.stream)
        if self.evidence is not None:
            moderated.kept = []
        return moderated

    def _leave_evidence(self, request: Request, screened: Screened, looks: Looks) -> None:
        """For the candidate policy, if there is one."""
        if self._hall.trial.running:
            identity = (self.ledger.decision_id, self.ledger.tenant)
            shown = (request.conversation, screened.findings)
            evidence = Evidence(*identity, looks.policy, looks.bench, looks.context, *shown)
            self.evidence = replace(evidence, places=request.entries)

    def _write_down(self, screened: Screened) -> None:
        self.ledger.input = screened.decision
        self.ledger.digests = screened.digests
        self.ledger.input_checked = True
        self.ledger.unscanned = screened.unread

    async def _refuse(self, request: Request, screened: Screened, words: Wording) -> None:
        """The upstream is never reached."""
        at_risk = crisis_verdict(screened.decision.verdicts) is not None
        shape = "cool_down" if screened.decision.rule_name == SESSION else "hard"
        alone = self.refuses_by_error or self._surface.dialect is None
        text = words.refusal(screened.decision, shape, crisis_first=at_risk, introduced=alone)
        dialect = self._surface.dialect
        if dialect is None or self.refuses_by_error:
            await self.refuse_by_error(text)
            return
        envelope = self._envelope(request.model, dialect)
        ask = self.ask(request)
        self.ledger.finish_reason = refused_finish(ask.in_field)
        annotation = self.annotation()
        if not request.stream:
            await self._whole(200, JSON, dialect.refusal_body(envelope, text, annotation, ask))
            return
        events = dialect.refusal_stream(envelope, text, annotation, ask)
        self.ledger.status = 200
        await self.record()
        await self._client.start(200, (*STREAM_HEADERS, *self.ledger.headers()))
        await self._client.write(b"".join(events))
        await self._client.end()

    @property
    def refuses_by_error(self) -> bool:
        """True where a refusal is an HTTP error, as long as nothing of an answer has left."""
        return self.route.refusal_style == "error"

    async def refuse_by_error(self, text: str) -> None:
        """HTTP 400 in the surface's shape, never to be repeated; still a refusal in headers, records and counts."""
        self.ledger.finish_reason = ""
        refused = self._surface.errors(refusal_error(text, code=self.route.refusal_code))
        await self._whole(refused.status, refused.headers, refused.body)

    async def _forward(self, request: Request, screened: Screened, words: Wording, looks: Looks) -> None:
        """Sends the screened tree, and only it; once more for each draft that a rule wants to have written again."""
        tree = screened.tree
        crisis = words.crisis(screened.decision.verdicts)
        if crisis and words.policy.crisis_instruction and self._surface.instruct:
            tree = self._surface.instruct(tree, words.policy.crisis_instruction)
        tree = self._addressed(tree)
        notices = notices_of(request, words, screened.decision, unread=screened.unread)
        if words.introduces:
            notices = [Notice(words.introduction(), NoticePlace.BEFORE, patient=True), *notices]
        if crisis and request.prose:
            notices = [Notice(crisis, NoticePlace.BEFORE), *notices]
        asked, told = tree, notices
        while True:
            try:
                await self._draft(request, asked, words, told, self._moderated(request, looks))
            except DraftRejected as rejected:
                self._drafts.rejected.append(rejected.decision)
                asked = self._instructed(tree, words, rejected.decision)
                if words.policy.regenerate.notice and request.noticed:
                    told = [*notices, Notice(words.rewritten(rejected.decision), NoticePlace.AFTER)]
                continue
            return

    async def _draft(
        self, request: Request, tree: Tree, words: Wording, notices: list[Notice], moderated: Moderated
    ) -> None:
        """One answer of the upstream. Raises DraftRejected before anything of it has left."""
        reply = await self._sender.send(tree)
        if reply.status == 200:
            self.meter.begin(request.conversation, moderated)
        dialect = self._surface.dialect
        try:
            if reply.status != 200:
                await self._complain(reply, moderated)
            elif dialect is None:
                await self._pass(request, reply, moderated, words)
            elif request.stream:
                envelope = self._envelope(request.model, dialect)
                await StreamRun(self, request, reply, moderated, words, notices, envelope, dialect).run()
            else:
                await PlainRun(self, request, reply, moderated, words, notices, dialect).run()
        except DraftRejected:
            self._told = moderated
            raise
        finally:
            self.witness(moderated)
            await reply.close()

    def witness(self, moderated: Moderated) -> None:
        """What detectors did, once; also where a fault or a caller who leaves ended the answer before a decision."""
        if self._told is not moderated:
            self._told = moderated
            self.ledger.note("output", moderated.seen)
            if moderated.given:
                self.ledger.passed += moderated.passed

    def _instructed(self, tree: Tree, words: Wording, rejected: Decision) -> Tree:
        if self._surface.instruct is None:
            raise AssertionError("a draft was rejected where nobody can be asked again; this is a bug")
        return self._surface.instruct(tree, instruction_of(words.policy, words.english_label(rejected.hazard)))

    async def read(self, reply: Reply) -> bytes:
        """The body of a plain answer."""
        began = perf_counter()
        try:
            async with asyncio.timeout(self.route.total_timeout_s):
                raw = await read_all(reply, self._hall.upstream.target.max_answer_bytes)
        except TimeoutError:
            raise UpstreamTimeout("the upstream's answer took too long in all") from None
        self.ledger.upstream_seconds += perf_counter() - began
        return raw

    async def _pass(self, request: Request, reply: Reply, moderated: Moderated, words: Wording) -> None:
        """Vectors leave as they came, unless a text beside them must not leave as it stands."""
        raw = await self.read(reply)
        texts = {t.channel: t.text for t in texts_beside(raw, base64=request.tree.get("encoding_format") == "base64")}
        if texts:
            await moderated.feed(0, list(texts.items()))
            await moderated.flush(0)
            self.take(moderated)
            if moderated.is_halted(0):
                await self.refuse_by_error(withheld(moderated.decision(0), words, self.ledger.input))
                return
            if {t.channel: t.text for t in joined(moderated.given[0].releases)} != texts:
                raise UpstreamBadAnswer("the upstream's answer holds text that may not leave as it stands")
        await self.whole_answer(reply, raw)

    async def whole_answer(self, reply: Reply, body: bytes) -> None:
        """A whole answer, with the upstream's headers that clients may see."""
        await self._whole(200, (*JSON, *client_headers(tuple(reply.headers.items()))), body)

    async def _complain(self, reply: Reply, moderated: Moderated) -> None:
        """An HTTP error of the upstream, in our shape; its words are screened like an answer."""
        raw = await read_all(reply, 64 * 1024)
        complaint = read_complaint(reply.status, reply.headers, raw)
        self.ledger.failed(complaint.error)
        message = complaint.message
        if message:
            await moderated.feed(0, [(CONTENT, message)])
            await moderated.flush(0)
            given = moderated.given.get(0)
            message = "" if given is None or given.halt else "".join(r.text for r in given.releases)
        if reply.status in (404, 405) and self._surface.spoken_by:
            message = f"{message or complaint.error} (is {self._surface.path} served there? {self._surface.spoken_by})"
        await self._answer_error(self._surface.errors(complaint_answer(complaint, message)))

    def annotation(self) -> dict[str, object]:
        """What we add to an answer, or to the last chunk of a stream."""
        inline = self._inline.member(self.ledger.failures, unread=self.ledger.unscanned) if self._inline else {}
        return {**self.ledger.annotation(), **inline}

    def know(self, moderated: Moderated) -> None:
        """What is known of the output when the headers of a stream go out (contract.md 4)."""
        last = tuple(self._drafts.rejected[-1:])
        self.ledger.outputs = tuple(map(self._drafts.seen, moderated.decisions())) or last

    def take(self, moderated: Moderated) -> None:
        """What the output side found out, written down once."""
        self.ledger.outputs = tuple(map(self._drafts.seen, moderated.decisions()))
        self.ledger.attempts = 1 + self._drafts.number
        if self.evidence is not None:
            self.evidence.moderated = moderated
        self.remember(moderated.delivered())
        self._settle_session(self.ledger.outputs, [f for seen in moderated.seen for f in seen.findings])
        if self._inline is not None:
            for choice in sorted(moderated.given):
                self._inline.heed(moderated.decision(choice), moderated.found(choice))
        self.witness(moderated)
        self.ledger.output_checked = True

    def _envelope(self, model: str, dialect: Dialect) -> Envelope:
        return Envelope(f"{dialect.id_prefix}{self.ledger.decision_id}", int(self._hall.clock()), model)

    @property
    def times(self) -> Target:
        """How long the upstream may be silent."""
        return self._hall.upstream.target
