"""`POST /v1/guard/check`: the natural path without a model in the middle.

A check is a decision like any other: it is recorded, counted and can be appealed. In a batch every item is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from guardproxy.core.categories import Moderation, moderate
from guardproxy.core.conversation import Conversation, Stage
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Policy, Unscanned
from guardproxy.detectors.bench import Bench, Inspection
from guardproxy.errors import BadRequest
from guardproxy.proxy.answering import Given, Moderated, refuse_unread
from guardproxy.proxy.detector_set import DetectorSet
from guardproxy.proxy.exchange import JSON, Exchange
from guardproxy.proxy.hall import new_decision_id
from guardproxy.proxy.ledger import Ledger
from guardproxy.proxy.screening import Looks, Screened, check_limits, forget_refused, screen
from guardproxy.proxy.trial import Evidence
from guardproxy.proxy.wording import Wording, crisis_verdict
from guardproxy.wire import chat
from guardproxy.wire.answer import joined
from guardproxy.wire.body import parse
from guardproxy.wire.guard_check import (
    CheckItem,
    CheckRequest,
    Said,
    answered,
    parse_request,
    placed,
    result,
)
from guardproxy.wire.moderations import stage_member
from guardproxy.wire.request import Request


@dataclass(slots=True)
class Check:
    """One item on its way. `found`: what detectors reported, by stage."""

    item: CheckItem
    ledger: Ledger
    words: Wording
    context: Context
    bench: Bench
    screened: Screened | None = None
    moderated: Moderated | None = None
    found: dict[Stage, list[Finding]] = field(default_factory=dict)
    keeps: bool = False
    """True while a candidate policy is on trial: it judges the item, too."""
    _looked_at: Conversation = field(default_factory=lambda: Conversation(()))

    async def look(self) -> None:
        """Both halves that the item has; each is looked at whatever the other says."""
        try:
            check_limits(self._conversation, self.words.policy, self.words)
        except BadRequest as error:
            raise placed(error, self.item.place) from None
        if self.item.asked is not None:
            await self._look_at_input(self.item.asked)
        if self.item.answer is not None:
            await self._look_at_output()

    def message(self) -> str | None:
        """What a user would read: the refusal, or the notices."""
        decision, words = self.ledger.strictest, self.words
        asked = self.screened.decision.verdicts if self.screened else ()
        if decision is not None and decision.action is Action.REFUSE:
            shape = "hard" if decision.stage is Stage.INPUT else "withheld"
            return words.refusal(decision, shape, crisis_first=crisis_verdict(asked) is not None)
        texts = [words.crisis(asked)]
        if self.screened is not None and self.screened.unread:
            texts += [notice.text for notice in words.unread(self._conversation)]
        for one in self._decisions():
            texts += [notice.text for notice in words.notices(one.verdicts, one.stage, self._conversation)]
        return "\n\n".join(dict.fromkeys(text for text in texts if text)) or None

    def redacted(self) -> Any:
        """The text or the messages without the spans; None when nothing was to be replaced, or too much."""
        decision = self.ledger.strictest
        if decision is None or decision.action is not Action.REDACT:
            return None
        messages = list(self.screened.tree["messages"]) if self.screened else []  # type: ignore[call-overload]
        if self.moderated is not None:
            messages.append(self.item.answered(joined(self.moderated.given.get(0, Given()).releases)))
        return messages[0]["content"] if self.item.text else messages

    def moderation(self, stage: Stage, detectors: DetectorSet) -> list[Moderation] | None:
        """A stage in OpenAI's words; None when a detector could not look, or a part could not be read."""
        unread = stage is Stage.INPUT and self.ledger.unscanned
        if unread or any(failure.stage == stage for failure in self.ledger.failures):
            return None
        verdicts = next(d.verdicts for d in self._decisions() if d.stage is stage)
        covered = detectors.hazards(stage)
        return [moderate(self.found[stage], verdicts, self.words.policy, self.context, covered)]

    def evidence(self) -> Evidence:
        """What a candidate policy judges."""
        return Evidence(
            decision_id=self.ledger.decision_id,
            tenant=self.ledger.tenant,
            policy=self.words.policy,
            bench=self.bench,
            context=self.context,
            conversation=self._looked_at,
            findings=self.screened.findings if self.screened else (),
            moderated=self.moderated,
            asked=self.screened is not None,
        )

    @property
    def _conversation(self) -> Conversation:
        return self.item.whole.conversation

    def _decisions(self) -> Sequence[Decision]:
        return [d for d in (self.ledger.input, *self.ledger.outputs) if d is not None]

    async def _look_at_input(self, asked: Request) -> None:
        policy = self.words.policy
        reread = forget_refused(asked, policy, self.words.catalogue)
        request = asked if reread is asked else chat.parse_request(reread.tree)
        self._looked_at = request.conversation
        self.screened = await screen(request, Looks(policy, self.bench, self.context), self._note)
        self.ledger.input = self.screened.decision
        self.ledger.digests = self.screened.digests
        self.ledger.input_checked = True
        self.ledger.unscanned = self.screened.unread

    def _note(self, seen: Inspection) -> None:
        self.ledger.note_input(seen)
        self.found[Stage.INPUT] = list(seen.findings)

    async def _look_at_output(self) -> None:
        """An answer in one piece, as the proxy reads one of an upstream."""
        answer, policy = self.item.answer, self.words.policy
        last = self.item.asked.conversation.last_user_text() if self.item.asked else ""
        moderated = self.moderated = Moderated(policy, self.bench, self.context, last, whole=True)
        moderated.kept = [] if self.keeps else None
        offered = self.item.whole.tool_names
        unread = len(self._conversation.unscannable) > len(
            self.item.asked.conversation.unscannable if self.item.asked else ()
        )
        if answer is None:
            raise AssertionError("there is no answer in this check; this is a bug")
        if (unread and policy.on_unscannable is Unscanned.REFUSE) or (
            offered and any(called.name not in offered for called in answer.called)
        ):
            moderated.end(0, refuse_unread(policy.ref))
        else:
            await moderated.feed_whole(0, [(text.channel, text.text) for text in answer.texts])
            await moderated.flush(0)
        self.ledger.outputs = (moderated.decision(0),)
        self.ledger.note("output", moderated.seen)
        self.ledger.output_checked = not unread
        self.found[Stage.OUTPUT] = [finding for seen in moderated.seen for finding in seen.findings]


class CheckFlow(Exchange):
    """One request: all of it is answered, or none."""

    async def _run(self) -> None:
        raw, limits = await self._body(), self._limits()
        request = parse_request(parse(raw, limits), limits)
        policy = self._policy(request)
        bench = self._bench(policy)
        checks = [self._check(item, at, policy, bench) for at, item in enumerate(request.items)]
        for failed in await asyncio.gather(*(check.look() for check in checks), return_exceptions=True):
            if failed is not None:
                raise failed
        detectors = DetectorSet.of(policy, bench.detectors, self._hall.benches.toolbox.infos)
        results = [result(_said(check, detectors, exact=self._incoming.exact)) for check in checks]
        # The headers of the answer are those of its hardest decision.
        ledgers = [check.ledger for check in checks]
        self.ledger = max(ledgers, key=_strength)
        self._beside = [ledger for ledger in ledgers if ledger is not self.ledger]
        await self._whole(200, JSON, answered(results, batch=request.batch))
        for check in checks if self._hall.trial.running else ():
            self._hall.trial.offer(check.evidence())

    def _policy(self, request: CheckRequest) -> Policy:
        """The one of the route that the items' model has, or the one asked for if it is in force there."""
        routes = [self._incoming.routes.of_named(item.whole.model) for item in request.items]
        if any(route is not routes[0] for route in routes):
            raise BadRequest("the models of a batch must be of one route", code="unsupported_parameter", param="items")
        policy = self._enter(routes[0])
        if request.policy is not None:
            named = self._hall.shelf.named(request.policy, self._incoming.tenant, routes[0].name)
            if named is None:
                raise BadRequest("no policy of this name is in force here", code="unknown_policy", param="policy")
            policy = self.ledger.policy = named
        return policy

    def _check(self, item: CheckItem, at: int, policy: Policy, bench: Bench) -> Check:
        """The first item has the ledger of the exchange; each other one its own."""
        ledger = self.ledger if at == 0 else replace(self.ledger, decision_id=new_decision_id())
        if at:
            ledger.failures, ledger.scores, ledger.seconds = [], [], []
        conversation = item.whole.conversation
        self._note_language(ledger, conversation.last_user_text(), bench)
        words = replace(self._words(policy, conversation), reference=ledger.decision_id)
        return Check(item, ledger, words, self._context(), bench, keeps=self._hall.trial.running)


def _strength(ledger: Ledger) -> Action:
    return ledger.strictest.action if ledger.strictest else Action.ALLOW


def _said(check: Check, detectors: DetectorSet, *, exact: bool) -> Said:
    ledger, policy = check.ledger, detectors.policy
    own = policy.disclosing.hazards == "leaf"
    annotation: Any = ledger.annotation()["guardproxy"]
    return Said(
        annotation=annotation,
        checked=ledger.checked,
        message=check.message(),
        redacted=check.redacted(),
        moderation={
            str(stage): stage_member(detectors.model, check.moderation(stage, detectors), own=own, exact=exact)
            for stage in check.found
        },
    )
