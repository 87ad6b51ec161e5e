"""The word lists of the text rules, by language: `lexicon/<language>.yaml`, compiled once when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import re2
import yaml

_FOLDER = Path(__file__).parent / "lexicon"
_TAIL = 300
"""Where a model's own caution is looked for: the last characters of its answer."""


class List(StrEnum):
    """The lists a language needs before its texts can be checked."""

    INABILITY = "inability"
    OFFER = "offer"
    JUDGEMENT = "judgement"
    INTENT = "intent"
    THREAT = "threat"
    MODEL_PERSON = "model_person"
    REGRET = "regret"
    APOLOGY = "apology"
    INQUIRY = "inquiry"
    NOT_ADVICE = "not_advice"
    PROFESSIONAL = "professional"
    SUPPORT = "support"
    EMERGENCY = "emergency"
    METHOD = "method"
    ENDING = "ending"
    SPEAKER = "speaker"
    INTERNALS = "internals"


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's lists. `find` gives the first match of a list, `count` the number of matches."""

    language: str
    script: str
    patterns: dict[List, Any]
    speaker: tuple[Any, ...]
    disclaimers: dict[str, Any]
    function_words: frozenset[str]

    def find(self, which: List, text: str) -> str | None:
        """The matched words, without the characters around them; None when nothing matches."""
        found = self.patterns[which].search(straight(text))
        return None if found is None else str(found.group(1)).strip()

    def count(self, which: List, text: str) -> int:
        """How often the list matches, without overlap."""
        return sum(1 for _ in self.patterns[which].finditer(straight(text)))

    def names_speaker(self, text: str) -> bool:
        """Does the line say that the policy speaks, and not the model?"""
        return all(pattern.search(straight(text)) for pattern in self.speaker)

    def disclaims(self, answer: str, hazard: str) -> bool:
        """Does the answer's own ending already say what a notice on this hazard would say?"""
        tail = straight(answer[-_TAIL:])
        keys = (hazard, hazard.partition(".")[0])
        return any(key in self.disclaimers and self.disclaimers[key].search(tail) for key in keys)

    def own_words(self, words: Sequence[str]) -> int:
        """How many of these (lower-case) words belong to the language's commonest."""
        if self.script == "Han":
            return sum(1 for word in words for letter in word if letter in self.function_words)
        return sum(1 for word in words if word in self.function_words)


def straight(text: str) -> str:
    """Typographic apostrophes and no-break blanks as the lists write them."""
    return text.replace("’", "'").replace("\u00a0", " ").replace("\u202f", " ")


def languages() -> tuple[str, ...]:
    """The languages with a lexicon."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


def wording_for(locale: str) -> Wording | None:
    """The lists for a tag's language; None when we have none."""
    return _load(locale.partition("-")[0].lower())


@cache
def _load(language: str) -> Wording | None:
    file = _FOLDER / f"{language}.yaml"
    if language not in languages():
        return None
    tree = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # safe loaders, both
    han = tree["script"] == "Han"
    return Wording(
        language=language,
        script=tree["script"],
        patterns={which: _compiled(tree[which.value], bounded=not han) for which in List},
        speaker=tuple(_compiled([entry], bounded=not han) for entry in tree[List.SPEAKER.value]),
        disclaimers={hazard: _compiled(entries, bounded=not han) for hazard, entries in tree["disclaimer"].items()},
        function_words=frozenset(tree["function_words"]),
    )


def _compiled(entries: Sequence[str], *, bounded: bool) -> Any:
    """One expression for a list; whole words where the script has blanks."""
    either = "|".join(f"(?:{entry})" for entry in entries)
    around = rf"(?:^|[^\p{{L}}\p{{N}}])({either})(?:$|[^\p{{L}}\p{{N}}])" if bounded else f"({either})"
    return re2.compile(f"(?i){around}", options=_options())


def _options() -> Any:
    """Room for the automaton of a long list in a script with many letters (the default 8 MiB are too few)."""
    options = re2.Options()
    options.max_mem = 64 << 20
    options.log_errors = False
    return options
