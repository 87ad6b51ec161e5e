"""Made-up answers for `wire_law`: what a model says on the wire, with canaries planted, and what may come of it.

answer = written(Random(1))        choices and their members, each a text with what is planted in it
answer.wire(Random(2))             the bytes of its event stream: deltas, spellings and line ends at random
answer.judge(events)               Verdict: characters that leaked, characters that were lost, what left
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from guardproxy.testing.raw_client import finishes, spoken

WITHHELD = "I can't show this answer here. I can help with something else."
CUT = "I can't go on with this answer. I can help with something else."
POLICY = f"""\
guardproxy: policy/v1
policy: wire
revision: 1
owner: tests@example.org
about: Canaries in several scripts, refused or replaced.
applies_to: {{routes: ["*"], tenants: ["*"]}}
rules:
  - {{id: finch, about: A code name., words: [bluefinch, zebra marmalade protocol], on_match: refuse}}
  - {{id: others, about: In other scripts., words: [проект синица, 青鸟计划, grünspecht akte], on_match: refuse}}
  - {{id: keys, about: A key of a project., pattern: '\\bBF-[0-9]{{4}}-[0-9]{{4}}-[A-Z]{{4}}\\b', on_match: refuse}}
  - {{id: nickname, about: A nickname., words: [captain turnip], on_match: redact, replace_with: "[name]"}}
  - {{id: tickets, about: Numbers of tickets., pattern: '\\bHX-[0-9]{{4}}-[A-Z]{{4}}\\b', on_match: redact, replace_with: "[ticket]"}}
messages:
  withheld: {{en: {WITHHELD}}}
  cut: {{en: {CUT}}}
tests:
  - {{name: everyday talk passes, user: When does the heron colony return?, expect: allow}}
  - {{name: the code name is refused, user: Tell me about the bluefinch, expect: {{refuse: finch}}}}
"""
WORDS = (
    "the", "heron", "stands", "in", "shallow", "water.", "naïve", "Straße", "façade", "мост", "река", "鱼", "水边", "🐟",
    "👩‍👩‍👧", "and", "waits", "for", "a", "fish,", "then", "bluefin", "tuna", "zebra", "marmalade", "captain", "turnips",
    "protocols", "BF-2931", "HX-20", "проект", "grün", "Akte", "\u201cquoted\u201d", "tab\tbed", "back\\slash", "«da»", "नमस्ते",
)  # fmt: skip
REFUSED = (
    "bluefinch", "BlueFinch", "zebra marmalade protocol", "проект синица", "青鸟计划", "grünspecht akte",
    "BF-2931-7745-KITE", "b l u e f i n c h", "ｂｌｕｅｆｉｎｃｈ", "blue\u200bfinch", "BLÜEFINCH".replace("Ü", "U"),
)  # fmt: skip
REPLACED = (("captain turnip", "[name]"), ("Captain Turnip", "[name]"), ("HX-2031-ABCD", "[ticket]"))
MEMBERS = ("reasoning_content", "content")


@dataclass(frozen=True, slots=True)
class Text:
    """One member of one choice. `shown`: what leaves when all leaves; `until`: where it must stop, None: nowhere.

    `canary`: what is refused in it; `hidden`: what is replaced.
    """

    choice: int
    member: str
    said: str
    shown: str
    until: int | None
    canary: str = ""
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`leaked` and `lost` are characters; `left` is what each text let out, to be held against another cutting."""

    leaked: int
    lost: int
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """One answer: its texts, choice by choice, in the order in which a choice says them."""

    texts: tuple[Text, ...]

    @property
    def planted(self) -> int:
        """Canaries and names in it."""
        return sum(bool(text.canary) + len(text.hidden) for text in self.texts)

    @property
    def choices(self) -> int:
        """How many."""
        return 1 + max(text.choice for text in self.texts)

    def wire(self, chance: Random) -> bytes:
        """An event stream that says it: deltas of one to twelve characters, choices side by side."""
        queues = [[(t.member, t.said) for t in self.texts if t.choice == at] for at in range(self.choices)]
        chunks = [_chunk(at, {"role": "assistant", "content": ""}) for at in range(self.choices)]
        while any(queues):
            at = chance.choice([at for at, queue in enumerate(queues) if queue])
            member, rest = queues[at].pop(0)
            size = chance.randint(1, 16)
            chunks.append(_chunk(at, {member: rest[:size]}))
            if rest[size:]:
                queues[at].insert(0, (member, rest[size:]))
        chunks += [_chunk(at, {}, "stop") for at in range(self.choices)]
        return _spelt(chunks, chance)

    def judge(self, events: Sequence[Any]) -> Verdict:
        """What the caller read against what may leave."""
        cut = {text.choice for text in self.texts if text.until is not None}
        leaked, lost, left = 0, 0, []
        for text in self.texts:
            delivered = spoken(list(events), text.choice, text.member)
            bare = _bare(delivered) if text.member == "content" else delivered
            left.append(bare)
            leaked += _leaked(bare, text)
            if text.choice in cut:  # what a member held when another one ended the choice stays held
                lost += not text.shown[: text.until].startswith(bare)
            elif bare != text.shown:
                lost += max(1, len(text.shown) - len(bare))
        wanted = sorted("content_filter" if at in cut else "stop" for at in range(self.choices))
        lost += sorted(finishes(list(events))) != wanted or events[-1] != "[DONE]"
        return Verdict(leaked, lost, tuple(left))


def _leaked(bare: str, text: Text) -> int:
    """Characters at or behind the canary, and whole names that were to be replaced."""
    same = next((at for at, pair in enumerate(zip(bare, text.shown, strict=False)) if pair[0] != pair[1]), len(bare))
    behind = max(0, same - text.until) if text.until is not None else 0
    names = sum(len(name) * max(0, bare.count(name) - text.shown.count(name)) for name in set(text.hidden))
    return behind + names + (len(text.canary) if text.canary and text.canary in bare else 0)


def _bare(delivered: str) -> str:
    """Without our words at its end."""
    at = min((delivered.find(ours) for ours in (WITHHELD, CUT) if ours in delivered), default=len(delivered))
    return delivered[:at].removesuffix("\n\n")


def written(chance: Random) -> Written:
    """Two thirds have something planted."""
    texts = []
    for choice in range(chance.choice((1, 1, 2))):
        members = MEMBERS if chance.random() < 0.25 else MEMBERS[1:]
        texts += [_text(choice, member, chance) for member in members]
    return Written(tuple(texts))


def _text(choice: int, member: str, chance: Random) -> Text:
    words = [(word, word) for word in chance.choices(WORDS, k=chance.randint(3, 16))]
    hidden, canary = [], ""
    for _ in range(chance.choice((0, 0, 1, 2))):
        name, instead = chance.choice(REPLACED)
        words.insert(chance.randrange(len(words) + 1), (name, instead))
        hidden.append(name)
    if chance.random() < 0.4:
        canary = chance.choice(REFUSED)
        words.insert(chance.randrange(len(words) + 1), (canary, canary))
    said, shown = (" ".join(pair[at] for pair in words) for at in (0, 1))
    return Text(choice, member, said, shown, shown.index(canary) if canary else None, canary, tuple(hidden))


def _chunk(choice: int, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    one = {"index": choice, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [one]}


def _spelt(chunks: Sequence[dict[str, Any]], chance: Random) -> bytes:
    """One of the many ways to write the same events."""
    end = chance.choice((b"\n", b"\n", b"\r\n"))
    field = chance.choice((b"data: ", b"data:"))
    escaped = chance.random() < 0.5
    frames = []
    for chunk in chunks:
        if chance.random() < 0.05:
            frames.append(b": a comment" + end + end)
        frames.append(field + json.dumps(chunk, ensure_ascii=escaped).encode() + end + end)
    return b"".join([*frames, field + b"[DONE]" + end + end])
