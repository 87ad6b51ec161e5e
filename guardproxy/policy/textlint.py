"""The twenty text rules of `refusals.md` 2 as GP601 … GP620, for one text of ours or of a policy.

They are reliable for texts because we ban words outright; they do not grade what a model says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import re2

from guardproxy.core.catalogue import FAULTS, Shape, Tone
from guardproxy.core.hazards import BY_ID, family_of
from guardproxy.policy.textchars import TextProblem, check_characters, encodable, error, warning, without_markup
from guardproxy.policy.wording import List, Wording, languages, straight, wording_for

__all__ = ["Draft", "TextProblem", "check", "check_cell"]

_SENTENCE_END = re2.compile(r"[.!?…](?:\s+|$)|[。！？]|\n+")
_PLACEHOLDER = re2.compile(r"\{[a-z_]+\}")
_WORD = re2.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*")
_SCORE = re2.compile(r"(?:^|[^\p{N}])(?:[01][.,]\p{N}+|\p{N}+ ?[%％])")
_VOWELS = re2.compile(r"(?i)[aeiouy]+")

_LONGEST = {
    Shape.HARD: 90,
    Shape.WITHHELD: 60,
    Shape.CUT: 60,
    Shape.SHORT: 4,
    Shape.NOTICE: 40,
    Shape.ESCALATION: 40,
    Shape.REGENERATED: 40,
    Shape.CRISIS: 90,
    Shape.COOL_DOWN: 60,
    Shape.GUARD_UNAVAILABLE: 60,
    Shape.GUARD_UNAVAILABLE_CUT: 60,
}
_LONGEST_BRIEF = 60
_LONGEST_CRISIS_FILLED = 180
_HELPLINE_WORDS = 40
_LONGEST_SENTENCE = 25
_HIGHEST_GRADE = 9.0
_FEWEST_WORDS_TO_TELL = 6
_NEXT_STEP = frozenset({Shape.HARD, Shape.WITHHELD, Shape.CUT, Shape.COOL_DOWN}) | FAULTS
_ADVICE = "advice"
_SAMPLE = {"{topic}": "this kind of thing", "{service}": "service", "{retry_after}": "ten minutes"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A text to check and what it is for. `label` is the topic it will be filled with, where that is known."""

    text: str
    shape: Shape
    locale: str
    hazard: str = ""
    rule_id: str = ""
    tone: Tone = Tone.NEUTRAL
    label: str = ""

    @property
    def words(self) -> str:
        """The text as a reader would take it in: markup and invisible characters are another rule's business."""
        return straight(without_markup(self.text))

    @property
    def bare(self) -> str:
        """The text without its placeholders: what the writer wrote."""
        return str(_PLACEHOLDER.sub(" ", self.words))

    @property
    def filled(self) -> str:
        """The text with a topic in it, for counting."""
        text = self.text
        for name, sample in _SAMPLE.items():
            text = text.replace(name, self.label or sample if name == "{topic}" else sample)
        return str(_PLACEHOLDER.sub("x", encodable(text)))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences as written, placeholders in place."""
        return tuple(s.strip() for s in _SENTENCE_END.split(self.words) if s and s.strip())

    @property
    def no_alternative(self) -> bool:
        """True for hazards whose refusal offers nothing (∅)."""
        return self.hazard in BY_ID and not BY_ID[self.hazard].offers_alternative


def check_cell(text: str, *, shape: str, locale: str, hazard: str, rule_id: str) -> Sequence[TextProblem]:
    """All problems of a text in a policy's `messages:`. `hazard` and `rule_id` are "" where the cell is for all."""
    return check(Draft(text=text, shape=Shape(shape), locale=locale, hazard=hazard, rule_id=rule_id))


def check(draft: Draft) -> Sequence[TextProblem]:
    """All problems of one draft, character rules first."""
    problems = list(check_characters(draft.text, draft.locale, emoji_allowed=draft.tone is Tone.WARM))
    if not draft.text.strip():
        return problems
    problems += _length(draft)
    problems += _crisis_block(draft)
    wording = wording_for(draft.locale)
    if wording is None:
        problems.append(
            warning("GP716", f'no word lists for "{draft.locale}": the wording rules are not checked', "read it twice")
        )
        return problems
    strange = list(foreign(draft.bare, wording))
    if strange:
        return problems + strange  # what other rules would say of it follows from this
    for rule in (_inability, _next_step, _banned, _questions, _regret, _readable, _crisis, _advice):
        problems += rule(draft, wording)
    return problems


def _length(draft: Draft) -> Iterator[TextProblem]:
    """R02."""
    limit = _LONGEST[draft.shape]
    if draft.tone is Tone.BRIEF and draft.shape is not Shape.SHORT:
        limit = min(limit, _LONGEST_BRIEF)
    words = count_words(draft.filled, draft.locale)
    if words > limit:
        yield error("GP602", f"{words} words, at most {limit} for {draft.shape.value}", "say it shorter")
    elif draft.shape is Shape.CRISIS and words + _HELPLINE_WORDS > _LONGEST_CRISIS_FILLED:
        yield error("GP602", "too long once the help lines are filled in", "say it shorter")


def count_words(text: str, locale: str) -> int:
    """Words; for scripts without blanks half the characters that are letters or digits."""
    if locale.partition("-")[0] in ("zh", "ja"):
        return -(-sum(1 for c in text if c.isalnum()) // 2)
    return sum(1 for _ in _WORD.finditer(text))


def _crisis_block(draft: Draft) -> Iterator[TextProblem]:
    """R17, the part that needs no word list."""
    if draft.shape is Shape.CRISIS and "{helpline}" not in draft.text:
        yield error("GP617", "a crisis text without {helpline}", "put {helpline} where the help lines shall stand")


def _inability(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R01: said once, in the first sentence, and naming the topic."""
    if draft.shape is not Shape.HARD or not draft.sentences:
        return
    first, rest = draft.sentences[0], draft.sentences[1:]
    if wording.find(List.INABILITY, first) is None:
        yield error("GP601", "the first sentence does not say what cannot be done", "begin with it, once and plainly")
    if any(wording.find(List.INABILITY, sentence) for sentence in rest):
        yield error("GP601", "inability is said twice", "once is enough; use the room for a next step")
    if not draft.no_alternative and not draft.rule_id and not _names_topic(draft, first):
        yield error("GP601", "the first sentence does not name the topic", "use {topic}, or its own words")


def _names_topic(draft: Draft, first: str) -> bool:
    """`{topic}`, or (in a cell for one hazard) words of its label where we know it."""
    if "{topic}" in first:
        return True
    if not draft.hazard:
        return False
    return not draft.label or bool(_stems(draft.label, draft.locale) & _stems(first, draft.locale))


def _stems(text: str, locale: str) -> set[str]:
    """Beginnings of the longer words (pairs of characters in Chinese): equal beginnings are the same topic."""
    if locale.partition("-")[0] in ("zh", "ja"):
        return {text[i : i + 2] for i in range(len(text) - 1)}
    return {m.group(0).lower()[:5] for m in _WORD.finditer(text) if len(m.group(0)) >= 4}


def _next_step(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R03."""
    if draft.shape not in _NEXT_STEP or draft.no_alternative or "{helpline}" in draft.text:
        return
    if wording.find(List.OFFER, draft.text) is None:
        yield error("GP603", "no next step", "say what can be done instead, or how to go on")


def _banned(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R04 to R07 and R12: words that have no place in any text."""
    for which, code, meaning in (
        (List.JUDGEMENT, "GP604", "judges the person or the request"),
        (List.INTENT, "GP605", "imputes an intent"),
        (List.THREAT, "GP606", "threatens"),
        (List.MODEL_PERSON, "GP607", "speaks as the model"),
        (List.INTERNALS, "GP612", "tells how the check works"),
    ):
        found = wording.find(which, draft.bare)
        if found is not None:
            yield error(code, f'"{found}" {meaning}', "name the topic neutrally and offer a next step")
    number = _SCORE.search(draft.bare)
    if number is not None:
        yield error("GP612", "a score or a share in a text", "say what cannot be done, not how sure we are")


def _questions(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R10."""
    marks = sum(draft.bare.count(mark) for mark in "?？")
    asked = wording.find(List.INQUIRY, draft.bare)
    if asked is not None:
        yield error("GP610", f'"{asked}" asks for intent or identity', "leave the question out")
    elif marks > 1:
        yield error("GP610", f"{marks} questions, at most one", "one offer is enough")
    elif marks == 1 and wording.find(List.OFFER, draft.bare) is None:
        yield error("GP610", "a question that is no offer", "leave the question out")


def _regret(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R11."""
    found = wording.find(List.REGRET, draft.bare)
    if found is not None:
        yield warning("GP611", f'"{found}" is ritual regret', "leave it out")
    if wording.count(List.APOLOGY, draft.bare) > 1:
        yield warning("GP611", "more than one apology", "one is enough, none is fine")


def foreign(text: str, wording: Wording, fewest: int = 2) -> Iterator[TextProblem]:
    """R14: another script, fewer than `fewest` of the commonest words, or more of another language's (labels: 0)."""
    letters = [c for c in text if c.isalpha()]
    own = sum(1 for c in letters if _is_han(c) == (wording.script == "Han"))
    if letters and own / len(letters) < 0.9:
        yield error("GP614", "most letters are of another script", f"write it in the language of {wording.language}")
        return
    words = [m.group(0).lower() for m in _WORD.finditer(text)]
    if wording.script == "Han" or len(words) < _FEWEST_WORDS_TO_TELL:
        return
    mine = wording.own_words(words)
    others = {other: wording_for(other) for other in languages() if other != wording.language}
    best = max((lists.own_words(words) for lists in others.values() if lists and lists.script != "Han"), default=0)
    if mine < fewest or best > max(mine, 2 - fewest):
        yield error("GP614", "this reads like another language", f"write it in the language of {wording.language}")


def _is_han(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003ffff"


def _readable(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R15."""
    longest = max((count_words(s, draft.locale) for s in _SENTENCE_END.split(draft.filled) if s), default=0)
    if longest > _LONGEST_SENTENCE:
        yield warning("GP615", f"a sentence of {longest} words", f"at most {_LONGEST_SENTENCE}")
    if wording.language == "en":
        grade = reading_grade(draft.filled)
        if grade > _HIGHEST_GRADE and count_words(draft.filled, "en") > _FEWEST_WORDS_TO_TELL:
            yield warning(
                "GP615", f"reading grade {grade:.1f}, at most {_HIGHEST_GRADE:.0f}", "shorter words, sentences"
            )


def reading_grade(text: str) -> float:
    """Flesch-Kincaid grade of an English text; syllables are counted as groups of vowels."""
    words = [m.group(0) for m in _WORD.finditer(text)]
    sentences = max(1, sum(1 for s in _SENTENCE_END.split(text) if s and s.strip()))
    if not words:
        return 0.0
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def _syllables(word: str) -> int:
    groups = sum(1 for _ in _VOWELS.finditer(word))
    silent = word.endswith("e") and not word.endswith("le") and groups > 1
    return max(1, groups - silent)


def _crisis(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R17: support first, no method, no end of the talk, no inability at the start."""
    if draft.shape is not Shape.CRISIS:
        return
    if wording.find(List.SUPPORT, draft.bare) is None:
        yield error(
            "GP617", "no word of support", 'say that the person is not alone ("you don\'t have to face it alone")'
        )
    method = wording.find(List.METHOD, draft.bare)
    if method is not None:
        yield error("GP617", f'"{method}" names a method', "name none")
    ending = wording.find(List.ENDING, draft.bare)
    if ending is not None:
        yield error("GP617", f'"{ending}" ends the talk', "offer to listen")
    if draft.sentences and wording.find(List.INABILITY, draft.sentences[0]) is not None:
        yield error("GP617", "a crisis text that begins with a no", "begin with the person")


def _advice(draft: Draft, wording: Wording) -> Iterator[TextProblem]:
    """R19."""
    if draft.shape is not Shape.NOTICE or family_of(draft.hazard) != _ADVICE or not draft.hazard:
        return
    if wording.find(List.NOT_ADVICE, draft.bare) is None:
        yield error("GP619", "does not say that this is no professional's advice", "add it")
    if wording.find(List.PROFESSIONAL, draft.bare) is None:
        yield error("GP619", "does not say whom to see", "name the professional and when")
