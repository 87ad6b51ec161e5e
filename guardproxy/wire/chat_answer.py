"""A plain (not streamed) chat answer.

    read_answer(raw: bytes, *, structured=False, shape=CHAT) -> Answer      raises errors.UpstreamBadAnswer
    answer_of(tree, *, structured=False) -> Answer                the same from a tree (collected stream)
    joined(releases: Sequence[Release]) -> tuple[ChannelText, …]  what the moderator let out, for an Edit
    render(answer, edits: Sequence[Edit], annotation, *, in_field=False, shape=CHAT, logprobs="chosen") -> bytes

`AnswerText.choice` is the position in `choices`; texts beside the choices count as choice 0's. Feed
`texts` to the moderator in order; then give `render` one Edit for every choice. What an Edit does not
hold does not leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from guardproxy.core.commands import CONTENT, REFUSAL, Channel, ChannelKind, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import (
    CallKeys,
    Path,
    TextLeaf,
    called_names,
    calls_tools,
    choice_leaves,
    load_answer,
    normalise,
    top_leaves,
)
from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.envelope import refused_choice
from guardproxy.wire.logprobs import Logprobs, checked_logprobs
from guardproxy.wire.patch import value_at
from guardproxy.wire.shape import CHAT, Shape

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


class _ByPosition(CallKeys):
    """In a whole answer the calls stand in one list."""

    def key(self, call: Any, position: int) -> str:  # noqa: ARG002
        return str(position)


def read_answer(raw: bytes, *, structured: bool = False, shape: Shape = CHAT) -> Answer:
    """The answer of an upstream. Raises UpstreamBadAnswer unless it is an object with choices."""
    return answer_of(shape.inward(load_answer(raw), "message"), structured=structured)


def answer_of(tree: Tree, *, structured: bool = False) -> Answer:
    """The same from a tree; `structured`: the content is looked at as a whole. Takes the tree over."""
    choices = normalise(tree, "message")
    if not choices:
        raise UpstreamBadAnswer("the upstream's answer has no choices")
    content = WHOLE_CONTENT if structured else CONTENT
    texts, called = [], []
    for at, choice in enumerate(choices):
        leaves = choice_leaves(choice, "message", content, _ByPosition())
        texts += [_text(at, leaf, ("choices", at)) for leaf in leaves]
        called += [Called(at, name.name) for name in called_names(choice, "message", _ByPosition())]
    texts += [_text(0, leaf, ()) for leaf in top_leaves(tree)]
    return Answer(tree, tuple(texts), tuple(range(len(choices))), tuple(called))


def joined(releases: Sequence[Release]) -> tuple[ChannelText, ...]:
    """The released text of each channel of one choice, in the order of release."""
    texts: dict[Channel, list[Release]] = {}
    for release in releases:
        texts.setdefault(release.channel, []).append(release)
    return tuple(
        ChannelText(channel, "".join(piece.text for piece in pieces), tuple(pieces))
        for channel, pieces in texts.items()
    )


def render(
    answer: Answer,
    edits: Sequence[Edit],
    annotation: Tree | None = None,
    *,
    in_field: bool = False,
    shape: Shape = CHAT,
    logprobs: Logprobs = "chosen",
) -> bytes:
    """The answer as the client gets it; `annotation` are members for the top (`{"guardproxy": {…}}`)."""
    by_choice = {edit.choice: edit for edit in edits}
    if set(by_choice) != set(answer.choices):
        raise AssertionError("an answer needs one edit for each choice; this is a bug")
    tree: Tree = orjson.loads(serialise(answer.tree))
    source = {at: _source(answer, at) for at in answer.choices}
    for at in answer.choices:
        allowed = {text.channel: text.text for text in by_choice[at].texts}
        _write(tree, [text for text in answer.texts if text.choice == at], source[at], allowed)
    for at, choice in enumerate(tree["choices"]):
        _finish_choice(tree["choices"], at, by_choice[at], in_field=in_field)
        if choice.get("logprobs") is not None:
            choice["logprobs"] = _logprobs(choice, answer, by_choice[at], logprobs)
    tree.update(annotation or {})
    return serialise(shape.outward(tree))


def _text(choice: int, leaf: TextLeaf, above: Path) -> AnswerText:
    return AnswerText(choice, leaf.channel, leaf.text, (*above, *leaf.path), leaf.key)


def _source(answer: Answer, choice: int) -> dict[Channel, str]:
    out: dict[Channel, str] = {}
    for text in answer.texts:
        if text.choice == choice:
            out[text.channel] = out.get(text.channel, "") + text.text
    return out


def _write(tree: Tree, texts: Sequence[AnswerText], source: dict[Channel, str], allowed: dict[Channel, str]) -> None:
    """Writes what is allowed of each channel into its first place, and nothing into the others."""
    gone: list[Path] = []
    for text in texts:
        new = allowed.get(text.channel, "")
        if new == source[text.channel]:
            continue
        if text.key:
            gone.append(text.path)
        else:
            value_at(tree, text.path[:-1])[text.path[-1]] = new
            allowed[text.channel] = ""
            source[text.channel] = "\0"  # the channel has been rewritten: its other places stay empty
    for path in reversed(gone):
        value_at(tree, path[:-1]).pop(path[-1], None)


def _finish_choice(choices: list[Any], at: int, edit: Edit, *, in_field: bool) -> None:
    choice = choices[at]
    if edit.refusal is not None:
        index = choice.get("index")
        choices[at] = refused_choice(index if isinstance(index, int) else at, edit.refusal, in_field=in_field)
        return
    if choice.get("finish_reason") == "":  # a word that no list knows and nobody cleared
        choice["finish_reason"] = "stop"
    message = choice.get("message")
    if not isinstance(message, dict) or not (edit.before or edit.after) or calls_tools(choice, "message"):
        return
    if isinstance(message.get("content"), str):
        message["content"] = "\n\n".join(text for text in (edit.before, message["content"], edit.after) if text)
    elif isinstance(message.get("content"), list):
        around = [[{"type": "text", "text": text}] if text else [] for text in (edit.before, edit.after)]
        message["content"] = [*around[0], *message["content"], *around[1]]


def _logprobs(choice: Tree, answer: Answer, edit: Edit, kept: Logprobs) -> Tree | None:
    """Kept only for a choice whose content and refusal left as they came."""
    source = _source(answer, edit.choice)
    allowed = {text.channel: text.text for text in edit.texts}
    content = next((channel for channel in source if channel.kind is ChannelKind.CONTENT), CONTENT)
    untouched = all(allowed.get(channel) == source[channel] for channel in (content, REFUSAL) if channel in source)
    if edit.refusal is not None or not untouched:
        return None
    return checked_logprobs(choice["logprobs"], source.get(content, ""), source.get(REFUSAL, ""), kept)
