"""A plain (not streamed) answer of any surface: its texts, and what becomes of them.

    Answer(tree, texts, choices, called)     `AnswerText.choice` is the position of its choice
    joined(releases: Sequence[Release]) -> tuple[ChannelText, …]      what the moderator let out, for an Edit
    Edit(choice, texts, refusal, before, after)

Feed `texts` to the moderator in order, then render one Edit for every choice. What an Edit does not hold does not
leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from guardproxy.core.commands import Channel, ChannelKind, Release
from guardproxy.wire.answer_fields import Path
from guardproxy.wire.body import Tree

WHOLE_CONTENT = Channel(ChannelKind.CONTENT, whole=True)


@dataclass(frozen=True, slots=True)
class AnswerText:
    """One text of an answer and its place, a path from the top of the tree."""

    choice: int
    channel: Channel
    text: str
    path: Path
    key: bool = False

    def __repr__(self) -> str:
        return f"AnswerText({self.choice}, {self.channel.kind}, {len(self.text)} chars)"


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call of a choice; the flow compares the name with the request's tools."""

    choice: int
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer and everything textual in it."""

    tree: Tree = field(repr=False)
    texts: tuple[AnswerText, ...]
    choices: tuple[int, ...]
    called: tuple[Called, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelText:
    """What may leave of one channel; `pieces`: which stretch of the source each part of it stands for."""

    channel: Channel
    text: str
    pieces: tuple[Release, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        return f"ChannelText({self.channel.kind}, {len(self.text)} chars)"


@dataclass(frozen=True, slots=True)
class Edit:
    """The outcome for one choice: the released texts, or a refusal in place of all of them.

    `before` and `after` are notices around the content.
    """

    choice: int
    texts: tuple[ChannelText, ...] = ()
    refusal: str | None = None
    before: str = ""
    after: str = ""

    def __repr__(self) -> str:
        return f"Edit({self.choice}, {len(self.texts)} texts, refused={self.refusal is not None})"


def joined(releases: Sequence[Release]) -> tuple[ChannelText, ...]:
    """The released text of each channel of one choice, in the order of release."""
    texts: dict[Channel, list[Release]] = {}
    for release in releases:
        texts.setdefault(release.channel, []).append(release)
    return tuple(
        ChannelText(channel, "".join(piece.text for piece in pieces), tuple(pieces))
        for channel, pieces in texts.items()
    )
