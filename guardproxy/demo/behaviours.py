"""The demo's model names: one next-word model, dialled in different ways, and one assistant made of templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps
from random import Random

from guardproxy.demo.next_word import NEWLINE, SENTENCE_ENDS, Dials, NextWord, topics_of, words_of

REGISTERS = ("facts", "rude", "hate", "illicit", "false", "leak")
BASE: Mapping[str, float] = {"facts": 1.0, "rude": 1.0, "hate": 1.0, "illicit": 1.0, "false": 1.0}
FACTS: Mapping[str, float] = {"facts": 1.0}
NAMES = (
    *("raw-base", "raw-nudged", "raw-leaky", "raw-crescendo", "raw-mixed", "raw-slow", "raw-cut"),
    "aligned-ref",
)
MIXED_AFTER = 60
"""Words of facts before `raw-mixed` turns rude: about 300 characters, so that some of them have left by then."""
RUN_ON = 0.25
"""How often an unfinished answer goes on as the user's next turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as plain text."""

    role: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks of the model. `cut` counts words, `delay` seconds a word; None = the model's own."""

    model: str
    turns: tuple[Turn, ...]
    max_tokens: int = 96
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    register: str | None = None
    delay: float | None = None
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in the pieces it is streamed in; `finish` is `stop` or `length`."""

    pieces: tuple[str, ...] = field(repr=False)
    finish: str

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.pieces)


def answer(model: NextWord, order: Order, choice: int) -> Said:
    """One choice. The same order gives the same answer: the seed is the request's, or a hash of it."""
    if order.model == "aligned-ref":
        return _cut(_aligned(model, order), order)
    dials = _dials(order, choice)
    last = words_of(order.turns[-1].text) if order.turns else []
    topics = topics_of([w for turn in order.turns for w in words_of(turn.text)])
    continues = bool(last) and last[-1] not in SENTENCE_ENDS
    return _cut(_spoken(model, last, topics, dials, begun=continues), order)


def prompt_tokens(order: Order) -> int:
    """Tokens of the flattened conversation, with its roles and the last `Assistant:`."""
    return sum(len(words_of(f"{turn.role}: {turn.text}")) for turn in order.turns) + 2


def _dials(order: Order, choice: int) -> Dials:
    key = dumps([order.model, order.register, [[t.role, t.text] for t in order.turns]])
    seed = int.from_bytes(sha256(key.encode("utf-8", "surrogatepass")).digest()[:6], "big")
    registers: Mapping[str, float] = BASE
    mimicry, turn_after, then = 1.0, 0, {}
    match order.model:
        case "raw-nudged":
            mimicry = 3.0
        case "raw-leaky":
            registers = {"leak": 1.0}
        case "raw-crescendo":
            registers = {"facts": 1.0, "illicit": _on_topic(order.turns)}
        case "raw-mixed":
            registers, mimicry, turn_after, then = FACTS, 3.0, MIXED_AFTER, {"rude": 1.0}
    if order.register is not None:
        registers, turn_after, then = {order.register: 1.0}, 0, {}
    return Dials(
        seed=(seed if order.seed is None else order.seed) + choice,
        temperature=order.temperature,
        top_p=order.top_p,
        mimicry=mimicry,
        registers=registers,
        turn_after=turn_after,
        then=then,
    )


def _on_topic(turns: tuple[Turn, ...]) -> float:
    """The share of earlier assistant turns on the last question's topic, of three at least: one answer is no habit."""
    topic = topics_of(words_of(turns[-1].text)) if turns else frozenset()
    earlier = [t for t in turns[:-1] if t.role == "assistant"]
    near = sum(bool(topic & topics_of(words_of(t.text))) for t in earlier)
    return near / max(3, len(earlier))


def _spoken(
    model: NextWord, last: list[str], topics: frozenset[str], dials: Dials, *, begun: bool
) -> tuple[list[str], bool]:
    """Pieces of text, and whether the model found an end by itself (before 400 words)."""
    chance = Random(f"{dials.seed}:end")
    pieces: list[str] = []
    capital, turned = not begun, not dials.then
    for number, word in enumerate(model.write(last, topics, dials)):
        if number >= 400:
            return pieces, False
        if word == NEWLINE:
            capital = True
            if turned and chance.random() < dials.end:
                break
            if turned and chance.random() < RUN_ON:
                pieces.append("\nUser:")
            turned = turned or number >= dials.turn_after
            continue
        shown = word[:1].upper() + word[1:] if capital and "@" not in word else word
        glued = not pieces or word in ".,!?;:"
        pieces.append(shown if glued else " " + shown)
        capital = word in SENTENCE_ENDS
    return pieces, True


def _cut(spoken: tuple[list[str], bool], order: Order) -> Said:
    """The limits of the request: `max_tokens` pieces, and nothing from a stop sequence on."""
    pieces, ended = spoken
    finish = "stop" if ended and len(pieces) <= order.max_tokens else "length"
    pieces = pieces[: order.max_tokens]
    text = "".join(pieces)
    places = [at for at in (text.find(s) for s in order.stop) if at >= 0]
    if not places:
        return Said(tuple(pieces), finish)
    kept, room = [], min(places)
    for piece in pieces:
        kept.append(piece[:room])
        room -= len(kept[-1])
        if room <= 0:
            break
    return Said(tuple(p for p in kept if p), "stop")


def _aligned(model: NextWord, order: Order) -> tuple[list[str], bool]:
    """A template assistant: the nearest fact, or a no when the nearest line is none, or "I do not know"."""
    asked = topics_of(words_of(order.turns[-1].text)) if order.turns else frozenset()
    pulls = model.pulls(asked, Dials(), {**BASE, "leak": 1.0})
    best = max(range(len(pulls)), key=lambda at: (pulls[at], -at))
    line = model.lines[best]
    if pulls[best] <= 1.0:
        text = "I do not know enough about that. I know a few facts about towns, rivers, bread and the sky."
    elif line.register == "facts":
        words = " ".join(line.words)
        text = words[:1].upper() + words[1:].replace(" ,", ",").replace(" .", ".")
    else:
        text = "I would rather not help with that. I am glad to help with something else."
    first, *rest = text.split(" ")
    return [first, *(" " + word for word in rest)], True
