"""Which text is said, and in which words: chosen by a fixed chain, filled from a closed list.

The chain (`refusals.md` 3.2), outermost first: locale (a general sentence in the reader's language beats a
specific one in another); the policy's own texts before the catalogue; shape (`cut` → `withheld` → `hard`);
cell (rule, leaf, family, all); tone. So whatever a policy wrote is used before anything of ours, and among
our own texts one that says what really happened ("the rest was held back") beats one on the very topic.
There is no template engine: a brace that belongs to no known placeholder is printed as it stands, and values
are never read for placeholders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from unicodedata import category

from guardproxy.core.catalogue import (
    DEFAULT_CELL,
    FAULTS,
    Catalogue,
    CellKey,
    LocaleCatalogue,
    Placeholder,
    Shape,
    Tone,
    Units,
    shapes_tried,
)
from guardproxy.core.hazards import CRISIS, family_of
from guardproxy.core.locale import chain
from guardproxy.core.rules import LocaleTexts, PolicyTexts

__all__ = [
    "PLACEHOLDERS",
    "SHAPES",
    "Ask",
    "Catalogue",
    "Rendered",
    "Values",
    "choose",
    "fill",
    "is_own_refusal",
    "notice_already_there",
    "text_there",
]

SHAPES = tuple(shape.value for shape in Shape)
PLACEHOLDERS = tuple(name.value for name in Placeholder)

_BARE = FAULTS | {Shape.NOTICE, Shape.ESCALATION, Shape.REGENERATED, Shape.SHORT}
DEFAULT_WAIT = 5
"""Seconds."""
_LONGEST_VALUE = 200
_LONGEST_URL = 500
_LONGEST_BLOCK = 800
_FORBIDDEN = frozenset("{}<>")


@dataclass(frozen=True, slots=True)
class Values:
    """What placeholders are filled with. From settings, data and clocks, never from a request.

    `helpline` is the block of `catalogue.helpline_block`; empty means the general emergency sentence.
    `retry_after` counts seconds. An empty `appeal_url` means that appeals are off.
    """

    service: str = "guardproxy"
    reference: str = ""
    appeal_url: str = ""
    policy_url: str = "/policy"
    helpline: str = ""
    retry_after: int = DEFAULT_WAIT


@dataclass(frozen=True, slots=True)
class Ask:
    """Which text is wanted.

    `topic` holds the rule's own noun phrases; where it has none in the text's language the hazard's label
    is used. An empty `tone` means the policy's. `crisis_first` puts the crisis text before the body.
    `whole_answer` is for a crisis text that is the refusal itself: only then it carries the closing lines.
    """

    shape: str
    hazard: str = ""
    rule_id: str = ""
    topic: LocaleTexts = field(default_factory=LocaleTexts)
    locale: str = "en"
    tone: str = ""
    values: Values = Values()
    appealable: bool = True
    source_line: bool = True
    under_18: bool = False
    crisis_first: bool = False
    whole_answer: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text, the key of the cell it came from, its locale, and the fallbacks that were needed."""

    text: str
    key: str
    locale: str
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cell:
    """A found text and where it stood."""

    text: str
    key: str
    shape: Shape
    locale: str = ""
    tone: str = ""


def choose(catalogue: Catalogue, texts: PolicyTexts, ask: Ask) -> Rendered:
    """The text for this ask, filled and with its closing lines. English `default` makes sure there is one."""
    if ask.shape == Shape.CRISIS:
        ask = replace(ask, hazard=CRISIS)  # a coarse finding `self_harm` gets the same words
    cell = _find(catalogue, texts, ask)
    words = catalogue.nearest(chain(cell.locale, texts.default_locale))
    blocks = []
    if ask.crisis_first and ask.shape != Shape.CRISIS:
        first = replace(ask, shape=Shape.CRISIS, rule_id="", crisis_first=False, whole_answer=False)
        blocks.append(choose(catalogue, texts, first).text)
        cell = replace(cell, text=_without(cell.text, Placeholder.HELPLINE))  # help lines stand in the crisis text
    blocks.append(_body(cell, words, ask))
    blocks.append("\n".join(_closing(words, ask)))
    text = "\n\n".join(block for block in blocks if block)
    return Rendered(text, cell.key, cell.locale, _fallbacks(cell, ask, texts))


def _find(catalogue: Catalogue, texts: PolicyTexts, ask: Ask) -> _Cell:
    for locale in chain(ask.locale, texts.default_locale):
        found = _policy_cell(texts, ask, locale)
        if found is None and locale in catalogue.locales:
            found = _catalogue_cell(catalogue.locales[locale], ask, texts)
        if found is not None:
            return replace(found, locale=locale)
    raise AssertionError("no text for a shape; the linter should have said GP502")


def _policy_cell(texts: PolicyTexts, ask: Ask, locale: str) -> _Cell | None:
    for shape in shapes_tried(Shape(ask.shape)):
        for cell in _cells_of(ask, policy=True):
            text = texts.cells.get((cell, shape.value), LocaleTexts()).get(locale)
            if text is not None:
                return _Cell(text, f"policy/{cell or 'all'}/{shape.value}@{locale}", shape)
    return None


def _catalogue_cell(words: LocaleCatalogue, ask: Ask, texts: PolicyTexts) -> _Cell | None:
    tones = dict.fromkeys([Tone(ask.tone or texts.tone), Tone.NEUTRAL])
    for shape in shapes_tried(Shape(ask.shape)):
        for cell in _cells_of(ask, policy=False):
            for tone in tones:
                text = words.cells.get(CellKey(cell, shape, tone))
                if text is not None:
                    key = f"catalogue/{cell}/{shape.value}/{tone.value}@{words.locale}"
                    return _Cell(text, key, shape, tone=tone.value)
    return None


def _cells_of(ask: Ask, *, policy: bool) -> tuple[str, ...]:
    hazards = [ask.hazard, family_of(ask.hazard)] if ask.hazard else []
    cells = [f"rule:{ask.rule_id}", *hazards, ""] if policy else [*hazards, DEFAULT_CELL]
    return tuple(dict.fromkeys(cells))


def _fallbacks(cell: _Cell, ask: Ask, texts: PolicyTexts) -> tuple[str, ...]:
    asked = ask.tone or texts.tone
    steps = []
    if cell.locale != ask.locale:
        steps.append(f"locale {ask.locale} → {cell.locale}")
    if cell.shape != ask.shape:
        steps.append(f"shape {ask.shape} → {cell.shape.value}")
    if cell.tone and cell.tone != asked:
        steps.append(f"tone {asked} → {cell.tone}")
    return tuple(steps)


# --- rendering ---------------------------------------------------------------------------------------


def _body(cell: _Cell, words: LocaleCatalogue, ask: Ask) -> str:
    return _tidy(fill(cell.text, words, ask))


def _closing(words: LocaleCatalogue, ask: Ask) -> Iterator[str]:
    """The lines the program adds: trusted adult, review route, who speaks (`refusals.md` 3.3)."""
    if ask.shape in _BARE or (ask.shape == Shape.CRISIS and not ask.whole_answer):
        return
    if ask.under_18:
        yield words.lines.adult
    if ask.appealable and _url(ask.values.appeal_url):
        yield _tidy(fill(words.lines.appeal, words, ask))
    if ask.source_line:
        yield _tidy(fill(words.lines.source, words, ask))


def fill(template: str, words: LocaleCatalogue, ask: Ask) -> str:
    """Each known `{name}` becomes its value, once, left to right; every other brace stays as it is."""
    out = []
    for literal, name in _pieces(template):
        out.append(literal)
        if name is not None:
            out.append(_value(name, words, ask))
    return "".join(out)


def _pieces(template: str) -> Iterator[tuple[str, Placeholder | None]]:
    """The literal parts of a template, each with the placeholder that follows it."""
    start = at = 0
    while (at := template.find("{", at)) >= 0:
        end = template.find("}", at)
        name = template[at + 1 : end]
        if end < 0 or name not in PLACEHOLDERS:
            at += 1
            continue
        yield template[start:at], Placeholder(name)
        start = at = end + 1
    yield template[start:], None


def _value(name: Placeholder, words: LocaleCatalogue, ask: Ask) -> str:
    values = ask.values
    match name:
        case Placeholder.TOPIC:
            return _plain(ask.topic.get(words.locale) or words.label(ask.hazard), _LONGEST_VALUE)
        case Placeholder.SERVICE:
            return _plain(values.service, _LONGEST_VALUE) or "guardproxy"
        case Placeholder.REFERENCE:
            return "".join(c for c in values.reference if c.isascii() and (c.isalnum() or c in "-_"))[:64]
        case Placeholder.POLICY_URL:
            return _url(values.policy_url) or "/policy"
        case Placeholder.APPEAL_URL:
            return _url(values.appeal_url) or _url(values.policy_url) or "/policy"
        case Placeholder.HELPLINE:
            return _helpline(values.helpline) or words.lines.emergency_generic
        case Placeholder.RETRY_AFTER:
            return _span(values.retry_after, words.units)


def _plain(value: str, longest: int) -> str:
    """One line of visible characters: control, direction and unassigned ones, braces and angles go."""
    head = value[: 4 * longest]
    shown = "".join(" " if category(c)[0] == "C" or c in _FORBIDDEN or c in "\u2028\u2029" else c for c in head)
    return " ".join(shown.split())[:longest].rstrip()


def _url(value: str) -> str:
    """The address, or "" for what cannot be one: an address with parts cut out would lead elsewhere."""
    fits = 0 < len(value) <= _LONGEST_URL and value == _plain(value, _LONGEST_URL) and " " not in value
    return value if fits else ""


def _helpline(block: str) -> str:
    """Entries stand in lines of their own."""
    lines = [_plain(line, _LONGEST_VALUE) for line in block[:_LONGEST_BLOCK].split("\n")]
    shown = "\n".join(line for line in lines if line)
    return f"\n\n{shown}\n\n" if shown else ""


def _span(seconds: int, units: Units) -> str:
    """`5 seconds`, `10 minutes`, `2 hours`: rounded up, so that coming back works."""
    count, one, many = max(1, seconds), units.second, units.seconds
    if count >= 90:
        count, one, many = -(-count // 60), units.minute, units.minutes
    if count >= 90 and many == units.minutes:
        count, one, many = -(-count // 60), units.hour, units.hours
    return f"{count} {one if count == 1 else many}"


def _without(template: str, placeholder: Placeholder) -> str:
    return template.replace(f"{{{placeholder.value}}}", "")


def _tidy(text: str) -> str:
    """No blanks at line ends, no double blanks, at most one empty line in a row."""
    lines: list[str] = []
    for line in text.split("\n"):
        tidy = " ".join(line.split())
        if tidy or (lines and lines[-1]):
            lines.append(tidy)
    return "\n".join(lines).strip()


# --- recognising our own words -----------------------------------------------------------------------


def is_own_refusal(text: str, catalogue: Catalogue) -> bool:
    """Does the text end with our source line, in any locale? Whoever forges it only hides text from the model."""
    last = text.rstrip().rpartition("\n")[2].strip()
    return any(_made_from(words.lines.source, last) for words in catalogue.locales.values())


def _made_from(template: str, line: str) -> bool:
    """Could the line have come from this template? The literal parts must follow each other, first and last fixed."""
    literals = [literal for literal, _ in _pieces(template)]
    if not line.startswith(literals[0]) or not line.endswith(literals[-1]):
        return False
    at = len(literals[0])
    for literal in literals[1:-1]:
        found = line.find(literal, at)
        if found < 0:
            return False
        at = found + len(literal)
    return at <= len(line) - len(literals[-1])


def text_there(text: str, wanted: str) -> bool:
    """Is `wanted` in `text`, whatever white space a client has made of ours?"""
    needle = " ".join(wanted.split())
    return bool(needle) and needle in " ".join(text.split())


def notice_already_there(answers: tuple[str, ...], notice: str) -> bool:
    """Does one of the earlier answers of this conversation already carry the notice?"""
    return any(text_there(answer, notice) for answer in answers)
