"""A plain answer: the upstream's body in one piece through the moderator, and out as one body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardproxy.core.decide import Decision
from guardproxy.core.rules import NoticePlace
from guardproxy.proxy.answering import Moderated, notices_of, refuse_unread
from guardproxy.proxy.drafting import give_up_on
from guardproxy.proxy.upstream import Reply
from guardproxy.proxy.wording import Notice, Wording, crisis_verdict
from guardproxy.wire.answer import Answer, Edit, joined
from guardproxy.wire.dialect import Dialect
from guardproxy.wire.envelope import refused_finish
from guardproxy.wire.request import Request
from guardproxy.wire.sse import SseDecoder

if TYPE_CHECKING:
    from guardproxy.proxy.flow import Flow


@dataclass(slots=True)
class PlainRun:
    """One plain answer of one exchange."""

    flow: Flow
    request: Request
    reply: Reply
    moderated: Moderated
    words: Wording
    notices: list[Notice]
    dialect: Dialect

    async def run(self) -> None:
        """From the body to the answer. Raises DraftRejected where the model is to be asked again."""
        moderated = self.moderated
        answer = self._read(await self.flow.read(self.reply))
        self.flow.meter.note(answer.tree)
        for called in answer.called:
            if called.name not in self.request.tool_names and not moderated.is_halted(called.choice):
                moderated.end(called.choice, refuse_unread(self.words.policy.ref))
        for choice in answer.choices:
            if moderated.is_halted(choice):
                continue
            texts = [(t.channel, t.text) for t in answer.texts if t.choice == choice]
            await moderated.feed_whole(choice, texts)
            await moderated.flush(choice)
        give_up_on(moderated)
        self.flow.take(moderated)
        edits = [self._edit(choice) for choice in answer.choices]
        refused = next((edit.refusal for edit in edits if edit.refusal is not None), None)
        if refused is not None and self.flow.refuses_by_error:
            await self.flow.refuse_by_error(refused)
            return
        body = self.dialect.render(answer, edits, self.flow.annotation(), self.flow.ask(self.request))
        await self.flow.whole_answer(self.reply, body)

    def _read(self, raw: bytes) -> Answer:
        """JSON as asked for, or a stream although none was wanted."""
        if "text/event-stream" not in self.reply.headers.get("content-type", ""):
            return self.dialect.read(raw, structured=self.request.structured)
        decoder = SseDecoder()
        return self.dialect.collect([*decoder.feed(raw), *decoder.flush()], structured=self.request.structured)

    def _edit(self, choice: int) -> Edit:
        given = self.moderated.given.get(choice)
        if given is not None and given.halt is not None:
            self.flow.ledger.finish_reason = refused_finish(self.flow.ask(self.request).in_field)
            alone = self.flow.refuses_by_error
            text = withheld(given.halt, self.words, self.flow.ledger.input, introduced=alone)
            return Edit(choice, refusal=text)
        own = notices_of(self.request, self.words, self.moderated.decision(choice))
        texts = joined(given.releases) if given is not None else ()
        before, after = sides([*self.notices, *own], said="".join(t.text for t in texts))
        self.words.introduced |= self.words.introduces
        self.flow.remember((before, after))
        return Edit(choice, texts, before=before, after=after)


def withheld(halt: Decision, words: Wording, asked: Decision | None, *, introduced: bool = False) -> str:
    """What stands in the place of an answer. `asked`: the decision of the input; `introduced`: see `Wording.refusal`."""
    at_risk = asked is not None and crisis_verdict(asked.verdicts) is not None
    return words.refusal(halt, "withheld", crisis_first=at_risk, introduced=introduced)


def sides(notices: Sequence[Notice], said: str) -> tuple[str, str]:
    """Notices before and after the text, each joined by blank lines; none that the text already says."""
    wanted = [n for n in notices if n.text not in said]
    before = "\n\n".join(n.text for n in wanted if n.place is NoticePlace.BEFORE)
    return before, "\n\n".join(n.text for n in wanted if n.place is NoticePlace.AFTER)
