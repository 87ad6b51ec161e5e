"""The shipped words as data: texts by locale, hazard, shape and tone, and help lines with an expiry date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from guardproxy.core.locale import relatives
from guardproxy.core.rules import LocaleTexts


class Shape(StrEnum):
    """What a text is for (`refusals.md` 3.1); `escalation`, a notice of the rule `session`, and `regenerated` are ours."""

    HARD = "hard"
    WITHHELD = "withheld"
    CUT = "cut"
    SHORT = "short"
    NOTICE = "notice"
    ESCALATION = "escalation"
    REGENERATED = "regenerated"
    CRISIS = "crisis"
    COOL_DOWN = "cool_down"
    GUARD_UNAVAILABLE = "guard_unavailable"
    GUARD_UNAVAILABLE_CUT = "guard_unavailable_cut"


FAULTS = frozenset({Shape.GUARD_UNAVAILABLE, Shape.GUARD_UNAVAILABLE_CUT})
"""Texts about a failure of ours: never counted, and never worded, as a refusal."""

_FALLS_BACK = {
    Shape.CUT: (Shape.CUT, Shape.WITHHELD, Shape.HARD),
    Shape.WITHHELD: (Shape.WITHHELD, Shape.HARD),
    Shape.ESCALATION: (Shape.ESCALATION, Shape.NOTICE),
    Shape.REGENERATED: (Shape.REGENERATED, Shape.NOTICE),
}


class Tone(StrEnum):
    """How it is said; chosen by the policy, never by a model."""

    NEUTRAL = "neutral"
    WARM = "warm"
    BRIEF = "brief"


class Placeholder(StrEnum):
    """The whole list. None carries anything of the request."""

    TOPIC = "topic"
    SERVICE = "service"
    REFERENCE = "reference"
    APPEAL_URL = "appeal_url"
    POLICY_URL = "policy_url"
    HELPLINE = "helpline"
    RETRY_AFTER = "retry_after"


DEFAULT_CELL = "default"


def shapes_tried(shape: Shape) -> tuple[Shape, ...]:
    """`cut` falls back to `withheld`, that to `hard`, `escalation` and `regenerated` to `notice`; others stand alone."""
    return _FALLS_BACK.get(shape, (shape,))


@dataclass(frozen=True, slots=True)
class CellKey:
    """A place in a locale's catalogue; `cell` is a hazard id, a family or `default`."""

    cell: str
    shape: Shape
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True)
class Lines:
    """The sentences the program adds by itself."""

    source: str
    appeal: str
    emergency_generic: str
    adult: str
    ai_notice: str


@dataclass(frozen=True, slots=True)
class Units:
    """Words for time spans: one, many."""

    second: str = "s"
    seconds: str = "s"
    minute: str = "min"
    minutes: str = "min"
    hour: str = "h"
    hours: str = "h"


@dataclass(frozen=True, slots=True)
class LocaleCatalogue:
    """Everything we say in one language. `reviewed_by` empty: a draft nobody else has read."""

    locale: str
    revision: int
    lines: Lines
    labels: Mapping[str, str]
    cells: Mapping[CellKey, str]
    units: Units = Units()
    reviewed_by: str = ""

    @property
    def draft(self) -> bool:
        """True while no second reader has signed it; listed so in the disclosure."""
        return not self.reviewed_by

    def label(self, hazard: str) -> str:
        """The noun phrase for a hazard: leaf, family, else the neutral "this"."""
        family = hazard.partition(".")[0]
        return self.labels.get(hazard) or self.labels.get(family) or self.labels[DEFAULT_CELL]


class LineKind(StrEnum):
    """What a help line is for."""

    CRISIS = "crisis"
    EMERGENCY = "emergency"
    CHILD = "child"
    POISON = "poison"
    DOMESTIC = "domestic"


@dataclass(frozen=True, slots=True)
class HelpLine:
    """One entry of `helplines.yaml`. `verified_on` None: nobody has checked it, so it is never shown."""

    id: str
    country: str
    kind: LineKind
    names: LocaleTexts
    phone: str
    text: str = ""
    hours: str = ""
    languages: tuple[str, ...] = ()
    source: str = ""
    verified_on: date | None = None
    expires_on: date | None = None

    def valid(self, today: date) -> bool:
        """Checked by a person, and not too long ago."""
        if self.verified_on is None or self.expires_on is None:
            return False
        return self.verified_on <= today < self.expires_on

    def shown_as(self, locale: str) -> str:
        """One line for the reader: `988 Suicide & Crisis Lifeline: 988 (24/7)`."""
        named = [self.names.get(tag) for tag in (*relatives(locale), "en")]
        name = next((n for n in named if n), None) or next((n for _, n in self.names.by_locale), self.id)
        text = f", SMS {self.text}" if self.text and self.text != self.phone else ""
        hours = f" ({self.hours})" if self.hours else ""
        return f"{name}: {self.phone}{text}{hours}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All shipped words. Made by `policy.messages.load`; `en` is always there."""

    locales: Mapping[str, LocaleCatalogue]
    helplines: tuple[HelpLine, ...] = field(default=())

    @property
    def shipped(self) -> frozenset[str]:
        """The tags there are texts for."""
        return frozenset(self.locales)

    @property
    def revision(self) -> str:
        """Names the texts in use, for caches and records: `en.1 de.1 …`."""
        return " ".join(f"{tag}.{words.revision}" for tag, words in sorted(self.locales.items()))

    def nearest(self, tags: tuple[str, ...]) -> LocaleCatalogue:
        """The first of these tags that is shipped, else English."""
        return next((self.locales[tag] for tag in tags if tag in self.locales), self.locales["en"])


def catalogue_of(*locales: LocaleCatalogue, helplines: tuple[HelpLine, ...] = ()) -> Catalogue:
    """A catalogue from its parts."""
    return Catalogue(MappingProxyType({words.locale: words for words in locales}), helplines)


def helpline_block(catalogue: Catalogue, locale: str, country: str | None, today: date) -> str:
    """The lines to show in this country today, one a line; "" when there is none.

    Order: the emergency number, then up to two crisis lines in the reader's language, else any two. The
    country is never guessed from a language, and another country's number is never shown.
    """
    here = [h for h in catalogue.helplines if country and h.country == country.upper() and h.valid(today)]
    emergency = [h for h in here if h.kind is LineKind.EMERGENCY][:1]
    crisis = [h for h in here if h.kind is LineKind.CRISIS]
    language = locale.partition("-")[0]
    spoken = [h for h in crisis if language in {tag.partition("-")[0] for tag in h.languages}]
    return "\n".join(h.shown_as(locale) for h in emergency + (spoken or crisis)[:2])
