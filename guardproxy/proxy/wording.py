"""Which words the client reads: refusals, crisis texts and notices, chosen for one exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from guardproxy.core.catalogue import Catalogue, helpline_block
from guardproxy.core.conversation import Conversation, Role, Stage
from guardproxy.core.decide import Decision
from guardproxy.core.escalation import RULE as SESSION
from guardproxy.core.hazards import CRISIS, is_crisis
from guardproxy.core.judge import Verdict
from guardproxy.core.locale import chain, choose_locale
from guardproxy.core.refusal import DEFAULT_WAIT, Ask, Rendered, Values, choose, notice_already_there
from guardproxy.core.rules import Action, LocaleTexts, NoticePlace, Policy, Unscanned
from guardproxy.proxy.settings import ServiceSettings

Detect = Callable[[str], str | None]
"""The language of a text, None where that is unclear."""


@dataclass(frozen=True, slots=True)
class Voice:
    """The locale and the values of one exchange."""

    locale: str
    values: Values


@dataclass(frozen=True, slots=True)
class Notice:
    """A caution added to an answer."""

    text: str
    place: NoticePlace
    patient: bool = False
    """It is no reason for the headers of a stream to leave: it waits for the first text of the answer."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What we know of the person who reads: two of our headers, one of theirs, and what they wrote last."""

    locale_header: str
    accept_language: str
    country_header: str
    last_text: str

    def __repr__(self) -> str:
        return f"Reader({len(self.last_text)} chars)"


@dataclass(slots=True)
class Wording:
    """Renders texts for one exchange. Language and help lines are looked up when the first word is needed.

    `rendered`: what was chosen so far, with its key and the fallbacks it took.
    `background`: a program makes a title or a tag of the answer. It gets a few words in place of a refusal, and
    neither notices nor a crisis text: they would become the title, and the chat itself shows them.
    """

    catalogue: Catalogue
    policy: Policy
    service: ServiceSettings
    reader: Reader
    reference: str
    now: float
    detect: Detect
    background: bool = False
    retry_after: int = 0
    """Seconds until a subject that the session refuses may come again."""
    introduces: bool = False
    """The answer that comes is the reader's first, and has to say that an AI speaks (`disclosure.first_turn`)."""
    introduced: bool = False
    """It has been said."""
    rendered: list[Rendered] = field(default_factory=list)
    _voice: Voice | None = None

    def refusal(self, decision: Decision, shape: str, *, crisis_first: bool = False, introduced: bool = False) -> str:
        """The polite no; a crisis text comes first and cannot be configured away.

        `introduced`: what stands in front of it has said that an AI speaks.
        """
        verdict = decision.because
        if self.background:
            return self._say("short", decision.hazard, verdict)
        if verdict and is_crisis(verdict.hazard, decision.stage):
            return self._say("crisis", decision.hazard, verdict, whole_answer=True)
        text = self._say(shape, decision.hazard, verdict, crisis_first=crisis_first)
        if crisis_first or introduced or not self.introduces:
            return text
        self.introduced = True
        return f"{self.introduction()}\n\n{text}"

    def introduction(self) -> str:
        """That an AI speaks, in the reader's language."""
        default = self.policy.texts.default_locale
        words = self.catalogue.nearest(chain(self._heard().locale, default))
        found = Rendered(words.lines.ai_notice, f"catalogue/lines/ai_notice@{words.locale}", words.locale)
        self.rendered.append(found)
        return found.text

    def crisis(self, verdicts: Sequence[Verdict]) -> str:
        """The crisis text, if a person at risk is among the enforced verdicts of the input; else ""."""
        verdict = None if self.background else crisis_verdict(verdicts)
        return self._say("crisis", CRISIS, verdict) if verdict else ""

    def notices(self, verdicts: Sequence[Verdict], stage: Stage, conversation: Conversation) -> list[Notice]:
        """One notice for each enforced warn verdict, each text once, none that the history already holds."""
        said = _said(conversation)
        found: dict[str, Notice] = {}
        for verdict in () if self.background else verdicts:
            if not verdict.enforced or verdict.action is not Action.WARN or is_crisis(verdict.hazard, stage):
                continue
            shape = "escalation" if verdict.rule.id == SESSION else "notice"
            text = self._say(shape, verdict.hazard, verdict)
            if verdict.rule.every_turn or not notice_already_there(said, text):
                found.setdefault(text, Notice(text, verdict.rule.place))
        return list(found.values())

    def unread(self, conversation: Conversation) -> list[Notice]:
        """The notice that an attachment passed unchecked, where the policy warns of it; once in a conversation."""
        if self.background or self.policy.on_unscannable is not Unscanned.WARN:
            return []
        text = self._say("notice", "unscannable.media", None)
        return [] if notice_already_there(_said(conversation), text) else [Notice(text, NoticePlace.AFTER)]

    def english_label(self, hazard: str) -> str:
        """The noun phrase of a hazard for the model, from our own catalogue."""
        return self.catalogue.nearest(("en",)).label(hazard)

    def rewritten(self, rejected: Decision) -> str:
        """Tells people that an answer is not the model's first."""
        return self._say("regenerated", rejected.hazard, rejected.because)

    def plain(self, shape: str, hazard: str = "") -> str:
        """A text that no rule asked for, such as a fault's."""
        return self._say(shape, hazard, None)

    def _say(
        self,
        shape: str,
        hazard: str,
        verdict: Verdict | None,
        *,
        crisis_first: bool = False,
        whole_answer: bool = False,
    ) -> str:
        rule = verdict.rule if verdict else None
        voice = self._heard()
        ask = Ask(
            shape=shape,
            hazard=hazard,
            rule_id=rule.id if rule else "",
            topic=rule.topic if rule else LocaleTexts(),
            locale=voice.locale,
            values=voice.values,
            appealable=rule.appealable if rule else False,
            source_line=self.policy.disclosing.source_line,
            under_18=self.policy.under_18,
            crisis_first=crisis_first,
            whole_answer=whole_answer,
        )
        found = choose(self.catalogue, self.policy.texts, ask)
        self.rendered.append(found)
        return found.text

    def _heard(self) -> Voice:
        self._voice = self._voice or self._found_voice()
        return self._voice

    def _found_voice(self) -> Voice:
        """A language chooses words only; it never changes a check."""
        reader, own = self.reader, {tag for texts in self.policy.texts.cells.values() for tag, _ in texts.by_locale}
        shipped = self.catalogue.shipped | own
        default = self.policy.texts.default_locale
        asked = choose_locale(reader.locale_header, reader.accept_language, None, "", shipped)
        if asked == "en" and not (reader.locale_header or reader.accept_language):
            asked = choose_locale("", "", self.detect(reader.last_text), default, shipped)
        country = reader.country_header.upper()
        country = country if len(country) == 2 and country.isalpha() and country.isascii() else self.service.country
        today = datetime.fromtimestamp(self.now, UTC).date()
        values = Values(
            service=self.service.name,
            reference=self.reference,
            policy_url=self.service.policy_url,
            helpline=helpline_block(self.catalogue, asked, country or None, today),
            retry_after=self.retry_after or DEFAULT_WAIT,
        )
        return Voice(asked, values)


def _said(conversation: Conversation) -> tuple[str, ...]:
    """The earlier answers."""
    return tuple(p.text for m in conversation.messages if m.role is Role.ASSISTANT for p in m.parts)


def crisis_verdict(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The enforced verdict that says a person is at risk."""
    for verdict in verdicts:
        if verdict.enforced and verdict.action >= Action.WARN and is_crisis(verdict.hazard, Stage.INPUT):
            return verdict
    return None
