"""Which language a text is in: for our own words, and for saying that a text is beyond the classifiers.

It never skips or changes another check: words, patterns and PII read every script.

Script first; Latin and Cyrillic texts of at least 20 letters go to py3langid, and a guess without margin is none.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from unicodedata import name

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Finding

LONGEST_LOOK = 1_000
FEWEST_LETTERS = 20
LEAST_CERTAIN = 0.80
"""Normalised probability; below, a wrong language is likelier than is worth it (tests/unit/detectors/test_language.py)."""

_CANDIDATES = (
    *("en", "de", "fr", "es", "pt", "it", "nl", "pl", "sv", "da", "no", "fi", "cs", "ro", "hu", "tr", "id", "vi"),
    *("ru", "uk", "bg", "sr", "el", "ar", "fa", "hi"),
)
_BY_SCRIPT = {"HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "zh-Hans", "THAI": "th", "HEBREW": "he"}
_NOTICED = 0.3
"""Share of the letters from which a script decides: Latin names stand in every Chinese text."""


class LanguageGuess:
    """Holds the model (50 MB); made once. `of` is pure and safe in any thread."""

    def __init__(self) -> None:
        whole = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        whole.set_languages(list(_CANDIDATES))
        # A second one without the columns of the other hundred languages: `set_languages` keeps them, 28 MB.
        self._model = LanguageIdentifier(
            np.ascontiguousarray(whole.nb_ptc), whole.nb_pc, whole.nb_classes, whole.tk_nextmove, whole.tk_output,
            norm_probs=True, tk_row=whole.tk_row,
        )  # fmt: skip

    def of(self, text: str) -> str | None:
        """A language tag, or None for what is too short, mixed or unclear."""
        head = text[:LONGEST_LOOK]
        letters = [c for c in head if c.isalpha()]
        own = None if head.isascii() else _by_script(letters)
        if own is not None or len(letters) < FEWEST_LETTERS:
            return own
        language, certainty = self._model.classify(head)
        return str(language) if certainty >= LEAST_CERTAIN else None


@cache
def guess() -> LanguageGuess:
    """The one of this process; the first call loads it (about 0.3 s)."""
    return LanguageGuess()


class UncoveredLanguage:
    """Reports a user's or a tool's text in a language none of `covered` is; unknown and short texts count as covered.

    Hazard `unscannable.language`, for the rule that `uncovered_language` of a policy makes.
    """

    info = DetectorInfo(
        "language.uncovered", "1", frozenset({"unscannable.language"}), Tier.INSTANT, Unit.MATCH, spans=False,
        stages=frozenset({Stage.INPUT}), scopes=frozenset({Scope.USER, Scope.HISTORY, Scope.TOOL_RESULT}),
    )  # fmt: skip

    def __init__(self, covered: Collection[str]) -> None:
        self._covered = frozenset(covered)

    def look(self, segment: Segment) -> list[Finding]:
        """At most one finding."""
        language = guess().of(segment.text)
        if is_covered(language, self._covered):
            return []
        return [Finding(self.info.id, "unscannable.language", 1.0, segment)]


def is_covered(language: str | None, covered: Collection[str]) -> bool:
    """True for an unknown language, for any when `covered` is empty, and by the base tag otherwise."""
    return language is None or not covered or language.partition("-")[0] in covered


def _by_script(letters: list[str]) -> str | None:
    """The language of a script that belongs to one; kana win over Han, which Japanese shares."""
    counts: dict[str, int] = {}
    for letter in letters:
        if letter > "\u0370":
            script = name(letter, "").partition(" ")[0]
            counts[script] = counts.get(script, 0) + 1
    for script, language in _BY_SCRIPT.items():
        wanted = counts.get(script, 0) + (counts.get("CJK", 0) if language == "ja" and counts.get(script) else 0)
        if letters and wanted / len(letters) >= _NOTICED:
            return language
    return None
