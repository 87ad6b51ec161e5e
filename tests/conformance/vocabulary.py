"""What a cell of the matrix is made of: actions with the words that cause them, channels, places, and what is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from guardproxy.testing.scripts import Script

Tree = dict[str, Any]

INPUT, OUTPUT = "input", "output"
PLAIN, STREAM, LATE = "plain", "stream", "late"
FORMS = (PLAIN, STREAM, LATE)
"""`late`: a stream whose words come after text that the client has read already."""

STYLED = ("refuse_error", "refuse_field")
"""A refusal on a route with `refusal_style: error` or `refusal_field`."""
ACTIONS = ("allow", "log", "shadow", "warn", "redact", "regenerate", "refuse", *STYLED, "fault", "open")
"""`fault`: a detector breaks and its rule fails closed; `open`: the same, and the rule fails open."""
MODELS = {"refuse_error": "strict", "refuse_field": "formal"}
"""Each of these routes has a model of its own."""


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in a text to cause an action. `kept` stands in their place where a rule replaces them."""

    phrase: str
    rule: str = ""
    kept: str = ""


TEXTS: Mapping[str, Words] = {
    "allow": Words("calm heron"),
    "log": Words("tin whistle parade", "whistles"),
    "shadow": Words("paper submarine", "submarine"),
    "warn": Words("garden ladder", "ladders"),
    "redact": Words("captain turnip", "nickname", "[name]"),
    "regenerate": Words("rude kettle", "manners"),
    "refuse": Words("bluefinch", "finch"),
    "fault": Words("vrash", "fragile"),
    "open": Words("splonk", "brittle"),
}
IDENTIFIERS: Mapping[str, Words] = {
    "allow": Words("calm heron"),
    "log": Words("203.0.113.77", "addresses"),
    "shadow": Words("+49 30 901820", "phones"),
    "warn": Words("DE89370400440532013000", "accounts"),
    "redact": Words("4242 4242 4242 4242", "cards", "[card]"),
    "regenerate": TEXTS["regenerate"],
    "refuse": Words("heron@example.com", "mails"),
    "fault": Words("vrash", "fragile"),
    "open": Words("splonk", "brittle"),
}
"""For fields that only rules on personal data look at."""

NOTICE = "Please ask a professional about this before you act on it."
HARD = "I can't help with"
WITHHELD = "I can't show this answer"
CUT = "I can't go on with this answer"
ANSWER = "A calm answer."
CALM = "The herons come back in March and build on the old willows. " * 12
"""Long enough that some of it has left before the words come."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the text of a channel stands.

    `body`: for an input channel the request that holds the text, for an output channel what the request needs beside
    its question. `script` (output only): the upstream's answer with the text, after `calm` text if there is any.
    `path`: where the client finds an output text, in a collected answer; None where a stream and a plain answer have
    no common place. `noticed`: a notice may stand beside the answer. `structured`: the client reads JSON. `identifier`:
    only personal-data rules look. `becomes`: what an action turns into at this place. `dropped`: never leaves, and nobody
    looks. `lossy`: where a stream may lose the whole text when a part of it is replaced; `sealed`:
    a signature goes with it, so it always is lost then. `alone`: an answer that comes without its question. `with_routes`: refused in words since routes can be set. `early`: a
    stream says it before all text. `bare`: the words stand alone. `only`: the actions that make sense here; `why`: why the others do not.
    """

    body: Callable[[str], Tree] = lambda _text: {}
    script: Callable[[str, str, str], Script] | None = None
    path: tuple[str | int, ...] | None = None
    noticed: bool = True
    structured: bool = False
    identifier: bool = False
    becomes: Mapping[str, str] = field(default_factory=dict)
    dropped: bool = False
    lossy: bool = False
    sealed: bool = False
    alone: bool = False
    with_routes: bool = False
    early: bool = False
    bare: bool = False
    rule: str = ""
    only: tuple[str, ...] = ACTIONS
    why: str = ""

    def words(self, action: str) -> Words:
        return (IDENTIFIERS if self.identifier else TEXTS)["refuse" if action in STYLED else action]

    def text(self, action: str) -> str:
        phrase = self.words(action).phrase
        return phrase if self.bare else f"Look at {phrase} here."


@dataclass(frozen=True, slots=True)
class Seen:
    """What the client has of an answer, plain or collected from a stream.

    `text`: what a person reads. `finish`: the surface's word for how it ended. `error`: the code (or message, where
    the surface has no code) of an error body or frame. `annotation`: the `guardproxy` member. `strings`: every string
    of the answer joined, pieces of a stream put together.
    """

    text: str = ""
    refusal: str | None = None
    finish: str | None = None
    error: str | None = None
    annotation: Tree | None = None
    tree: Tree = field(default_factory=dict)
    strings: str = ""

    def at(self, path: tuple[str | int, ...]) -> Any:
        """The value at a place of the collected answer; None when it is not there."""
        value: Any = self.tree
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value


@dataclass(frozen=True, slots=True)
class Manners:
    """How a surface speaks.

    `natural`: words for an answer that ended by itself; `refused`, `incomplete`: for one that was refused, or broke
    off. `finished`: for a refusal to a client that reads JSON, which stands in a field of its own. `words`: there is a
    place for words; else a refusal is an error. `notices`: a caution may stand beside the text. `annotates`: answers
    have our member. `output`: harmless answers are looked at. `acts`: a judging surface whose verdict counts.
    `repeats`: the answer may show what was found. `instructed`: the model can be told to answer again.
    """

    natural: tuple[str | None, ...] = ("stop", "tool_calls", "function_call")
    refused: str | None = "content_filter"
    finished: str | None = "stop"
    incomplete: tuple[str | None, ...] = ("length",)
    refusal_field: bool = True
    words: bool = True
    notices: bool = True
    annotates: bool = True
    output: bool = True
    acts: bool = True
    repeats: bool = False
    instructed: bool = True


class Driver(Protocol):
    """One surface: how to ask, what a model would answer, and how its client reads."""

    name: str
    path: str
    streams: bool
    judges: bool
    """True where no model is behind: the answer is the verdict."""
    inputs: Mapping[str, Place]
    outputs: Mapping[str, Place]
    absent: Mapping[str, str]
    """Channels the surface does not have, and why; a stage's name or `*` stands for all others."""
    headers: Mapping[str, str]
    how: Manners

    def calm(self, stream: bool) -> Script: ...

    def request(self, stage: str, place: Place, text: str, stream: bool) -> Tree: ...

    def read(self, status: int, raw: bytes, stream: bool) -> Seen: ...

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        """Of a surface that judges: what its answer must say."""


def all_strings(value: Any) -> list[str]:
    """Every string at or below a value, member names included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [s for item in value for s in all_strings(item)]
    if isinstance(value, dict):
        return [s for name, member in value.items() for s in (name, *all_strings(member))]
    return []
