"""One exchange played without sockets: `explain` and `diff` take the path of the proxy, step by step.

What is asked is screened, what is answered goes through the moderator in one piece, the words are those a user reads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from guardproxy.core.catalogue import Catalogue
from guardproxy.core.conversation import Conversation, Segment
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure
from guardproxy.core.introduction import is_first_contact
from guardproxy.core.judge import Context
from guardproxy.core.refusal import Rendered
from guardproxy.core.rules import Action, NoticePlace, Policy
from guardproxy.core.segments import input_segments
from guardproxy.core.session import Visit
from guardproxy.detectors.bench import Bench, Inspection, Toolbox
from guardproxy.detectors.registry import toolbox
from guardproxy.errors import BadRequest, GuardUnavailable, ModelFilesError
from guardproxy.policy.messages import load as load_messages
from guardproxy.policy.shipped import directory
from guardproxy.proxy.answering import Given, Moderated, notices_of, refuse_unread
from guardproxy.proxy.languages import Languages
from guardproxy.proxy.plain import sides, withheld
from guardproxy.proxy.screening import Looks, check_limits, forget_refused, look_over_turns, looked_at, screen
from guardproxy.proxy.settings import ServiceSettings, Settings
from guardproxy.proxy.start import classifiers
from guardproxy.proxy.wording import Notice, Reader, Wording, crisis_verdict
from guardproxy.state.answers import Answers
from guardproxy.wire import chat
from guardproxy.wire.answer import Answer, joined
from guardproxy.wire.guard_check import CheckItem
from guardproxy.wire.request import Request

REFERENCE = "EXAMPLE"
_LANGUAGES_S = 30.0


@dataclass(frozen=True, slots=True)
class Workbench:
    """What every rehearsal needs, made once. `missing`: why no classifier can be asked, "" when they can."""

    toolbox: Toolbox
    catalogue: Catalogue
    languages: Languages
    service: ServiceSettings
    missing: str = ""


@asynccontextmanager
async def workbench(settings: Settings, today: float) -> AsyncIterator[Workbench]:
    """The detectors of the settings; `today` is POSIX seconds. Classifiers whose files are missing are left out."""
    pool, missing = classifiers(settings), "switched off by the settings"
    if pool is not None:
        try:
            await pool.ready()
            missing = ""
        except ModelFilesError as error:
            await pool.close()
            pool, missing = None, str(error)
    chosen = settings.detectors
    box = toolbox(pool, with_names=chosen.names, allowed_link_hosts=chosen.allowed_link_hosts)
    languages = Languages()
    languages.start()
    languages.ready(_LANGUAGES_S)
    catalogue = load_messages(directory(), datetime.fromtimestamp(today, UTC).date())
    try:
        yield Workbench(box, catalogue, languages, settings.service, missing)
    finally:
        if pool is not None:
            await pool.close()


@dataclass(slots=True)
class Played:
    """What came of it. `text` is what the user reads; `turned_away` is set instead of decisions when nothing was judged.

    `unread`: parts passed that nobody looks at. `unavailable`: a detector that a rule cannot do without could not look. `rendered`: texts chosen, with their keys.
    """

    segments: tuple[Segment, ...] = ()
    looks: list[Inspection] = field(default_factory=list)
    answered: tuple[Inspection, ...] = ()
    input: Decision | None = None
    output: Decision | None = None
    text: str = ""
    rendered: tuple[Rendered, ...] = ()
    turned_away: str = ""
    unavailable: bool = False
    unread: bool = False

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The detectors that could not look."""
        return tuple(failure for look in self.looks for failure in look.failures)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """In their order."""
        return tuple(decision for decision in (self.input, self.output) if decision is not None)


@dataclass(frozen=True, slots=True)
class Before:
    """What was before this exchange, if anything: its session, and the answers given."""

    visit: Visit | None = None
    answers: Answers | None = None

    def gave(self, text: str) -> bool:
        """Is it one of the answers?"""
        return self.answers is not None and self.answers.gave("", text)

    def remember(self, moderated: Moderated, text: str) -> None:
        """What has left; `text` is the answer with its notices."""
        if self.answers is not None and any(moderated.delivered()):
            self.answers.remember("", text)


class Rehearsal:
    """One policy, its detectors, and somebody who reads `locale` ("": what the text is in) in `country`."""

    def __init__(self, bench: Workbench, policy: Policy, context: Context, locale: str = "", country: str = "") -> None:
        self._on = bench
        self.policy = policy
        self.context = context
        self.bench = Bench(policy, bench.toolbox)
        self._locale = locale
        self._country = country

    async def play(self, item: CheckItem, visit: Visit | None = None, answers: Answers | None = None) -> Played:
        """The request, then the answer unless the request is refused.

        `visit`: it is a turn of a session. `answers`: those given before, and where this one is remembered.
        """
        played = Played()
        words = self._words(item.whole.conversation)
        request = item.asked or item.whole
        introduces = self.policy.disclosing.first_turn and request.noticed
        words.introduces = introduces and is_first_contact(request.conversation, self._on.catalogue)
        try:
            await self._play(item, played, words, Before(visit, answers))
        except BadRequest as error:
            played.turned_away = str(error)
        except GuardUnavailable as error:
            played.turned_away, played.unavailable = str(error), True
        played.rendered = tuple(words.rendered)
        return played

    async def _play(self, item: CheckItem, played: Played, words: Wording, before: Before) -> None:
        check_limits(item.whole.conversation, self.policy, words)
        if item.asked is not None:
            reread = forget_refused(item.asked, self.policy, self._on.catalogue)
            request = item.asked if reread is item.asked else chat.parse_request(reread.tree)
            played.segments = tuple(input_segments(looked_at(request, self.policy)))
            note, visit = played.looks.append, before.visit
            screened = await screen(request, Looks(self.policy, self.bench, self.context), note, before.gave)
            if visit is not None:
                over_turns = await look_over_turns(request, self.policy, self.bench, played.looks.append)
                found = (*screened.findings, *over_turns)
                screened = replace(screened, decision=visit.heed(request.conversation, found, screened.decision))
                words.retry_after = visit.wait
            played.input, played.unread = screened.decision, screened.unread
            if screened.decision.action is Action.REFUSE:
                at_risk = crisis_verdict(screened.decision.verdicts) is not None
                played.text = words.refusal(screened.decision, "hard", crisis_first=at_risk)
                return
        request = item.asked or item.whole
        if item.answer is None:
            played.text = self._said(request, played, words, "")
            return
        before.remember(await self._answer(request, item.answer, played, words), played.text)

    async def _answer(self, request: Request, answer: Answer, played: Played, words: Wording) -> Moderated:
        moderated = Moderated(self.policy, self.bench, self.context, request.conversation.last_user_text())
        offered = request.tool_names
        if offered and any(called.name not in offered for called in answer.called):
            moderated.end(0, refuse_unread(self.policy.ref))
        else:
            await moderated.feed(0, [(text.channel, text.text) for text in answer.texts])
            await moderated.flush(0)
        played.answered = tuple(moderated.seen)
        played.looks += moderated.seen
        decision = played.output = moderated.decision(0)
        if moderated.is_halted(0):
            played.text = withheld(decision, words, played.input)
            return moderated
        texts = joined(moderated.given.get(0, Given()).releases)
        played.text = self._said(request, played, words, "\n".join(text.text for text in texts))
        return moderated

    def _said(self, request: Request, played: Played, words: Wording, answer: str) -> str:
        """The answer with its notices; without one, the notices that would stand around it."""
        notices: list[Notice] = []
        if words.introduces:
            notices.append(Notice(words.introduction(), NoticePlace.BEFORE))
        crisis = words.crisis(played.input.verdicts) if played.input else ""
        if crisis and request.prose:
            notices.insert(0, Notice(crisis, NoticePlace.BEFORE))
        for decision in played.decisions:
            unread = played.unread and decision is played.input
            notices += notices_of(request, words, decision, unread=unread)
        before, after = sides(notices, said=answer)
        return "\n\n".join(text for text in (before, answer, after) if text)

    def _words(self, conversation: Conversation) -> Wording:
        reader = Reader(self._locale, "", self._country, conversation.last_user_text())
        return Wording(
            catalogue=self._on.catalogue,
            policy=self.policy,
            service=self._on.service,
            reader=reader,
            reference=REFERENCE,
            now=self.context.now,
            detect=self._on.languages.of,
        )
