"""Which words the client reads: refusals, crisis texts and notices, chosen for one exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from guardproxy.core.catalogue import Catalogue, helpline_block
from guardproxy.core.conversation import Conversation, Role, Stage
from guardproxy.core.decide import Decision
from guardproxy.core.hazards import CRISIS, is_crisis
from guardproxy.core.judge import Verdict
from guardproxy.core.locale import choose_locale
from guardproxy.core.refusal import Ask, Values, choose, notice_already_there
from guardproxy.core.rules import Action, LocaleTexts, NoticePlace, Policy
from guardproxy.proxy.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Notice:
    """A caution added to an answer."""

    text: str
    place: NoticePlace


@dataclass(frozen=True, slots=True)
class Wording:
    """Renders texts for one exchange: its policy, locale and reference are fixed."""

    catalogue: Catalogue
    policy: Policy
    locale: str
    values: Values

    def refusal(self, decision: Decision, shape: str, *, crisis_first: bool = False) -> str:
        """The polite no; a crisis text comes first and cannot be configured away."""
        verdict = decision.because
        if verdict and is_crisis(verdict.hazard, decision.stage):
            return self._say("crisis", decision.hazard, verdict, whole_answer=True)
        return self._say(shape, decision.hazard, verdict, crisis_first=crisis_first)

    def crisis(self, verdicts: Sequence[Verdict]) -> str:
        """The crisis text, if a person at risk is among the enforced verdicts of the input; else ""."""
        verdict = crisis_verdict(verdicts)
        return self._say("crisis", CRISIS, verdict) if verdict else ""

    def notices(self, verdicts: Sequence[Verdict], stage: Stage, conversation: Conversation) -> list[Notice]:
        """One notice for each enforced warn verdict, each text once, none that the history already holds."""
        said = tuple(p.text for m in conversation.messages if m.role is Role.ASSISTANT for p in m.parts)
        found: dict[str, Notice] = {}
        for verdict in verdicts:
            if not verdict.enforced or verdict.action is not Action.WARN or is_crisis(verdict.hazard, stage):
                continue
            text = self._say("notice", verdict.hazard, verdict)
            if verdict.rule.every_turn or not notice_already_there(said, text):
                found.setdefault(text, Notice(text, verdict.rule.place))
        return list(found.values())

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
        ask = Ask(
            shape=shape,
            hazard=hazard,
            rule_id=rule.id if rule else "",
            topic=rule.topic if rule else LocaleTexts(),
            locale=self.locale,
            values=self.values,
            appealable=rule.appealable if rule else False,
            source_line=self.policy.disclosing.source_line,
            under_18=self.policy.under_18,
            crisis_first=crisis_first,
            whole_answer=whole_answer,
        )
        return choose(self.catalogue, self.policy.texts, ask).text


@dataclass(frozen=True, slots=True)
class Reader:
    """What we know of the person who reads: two of our headers, one of theirs, and the language they write."""

    locale_header: str
    accept_language: str
    country_header: str
    detected: str | None


def wording_for(
    catalogue: Catalogue, policy: Policy, service: ServiceSettings, reader: Reader, reference: str, now: float
) -> Wording:
    """Texts in the reader's language. A language chooses words only; it never changes a check."""
    own = {tag for texts in policy.texts.cells.values() for tag, _ in texts.by_locale}
    locale = choose_locale(
        reader.locale_header,
        reader.accept_language,
        reader.detected,
        policy.texts.default_locale,
        catalogue.shipped | own,
    )
    country = reader.country_header.upper()
    country = country if len(country) == 2 and country.isalpha() and country.isascii() else service.country
    today = datetime.fromtimestamp(now, UTC).date()
    values = Values(
        service=service.name,
        reference=reference,
        policy_url=service.policy_url,
        helpline=helpline_block(catalogue, locale, country or None, today),
    )
    return Wording(catalogue, policy, locale, values)


def crisis_verdict(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The enforced verdict that says a person is at risk."""
    for verdict in verdicts:
        if verdict.enforced and verdict.action >= Action.WARN and is_crisis(verdict.hazard, Stage.INPUT):
            return verdict
    return None


Detect = Callable[[str], str | None]
