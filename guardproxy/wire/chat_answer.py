"""A plain (not streamed) chat answer.

    read_answer(raw: bytes, *, structured=False, shape=CHAT) -> Answer      raises errors.UpstreamBadAnswer
    answer_of(tree, *, structured=False) -> Answer                the same from a tree (collected stream)
    render(answer, edits: Sequence[Edit], annotation, *, in_field=False, shape=CHAT, logprobs="chosen") -> bytes

Texts beside the choices count as choice 0's. `render` needs one Edit for every choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from guardproxy.core.commands import CONTENT, Channel, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import WHOLE_CONTENT, Answer, AnswerText, Called, Edit
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
from guardproxy.wire.rewrite import rewrite
from guardproxy.wire.seam import with_seams
from guardproxy.wire.shape import CHAT, Shape


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
        texts += with_seams(_text(at, leaf, ("choices", at)) for leaf in leaves)
        called += [Called(at, name.name) for name in called_names(choice, "message", _ByPosition())]
    texts += [_text(0, leaf, ()) for leaf in top_leaves(tree)]
    return Answer(tree, tuple(texts), tuple(range(len(choices))), tuple(called))


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
    for at in answer.choices:
        allowed = {text.channel: text for text in by_choice[at].texts}
        rewrite(tree, [text for text in answer.texts if text.choice == at], allowed)
    for at, choice in enumerate(tree["choices"]):
        _finish_choice(tree["choices"], at, by_choice[at], in_field=in_field)
        if choice.get("logprobs") is not None:
            choice["logprobs"] = _logprobs(choice, answer, by_choice[at], logprobs)
    tree.update(annotation or {})
    return serialise(shape.outward(tree))


def _text(choice: int, leaf: TextLeaf, above: Path) -> AnswerText:
    return AnswerText(choice, leaf.channel, leaf.text, (*above, *leaf.path), leaf.key)


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
    looked: dict[Channel, str] = {}
    stands: dict[ChannelKind, str] = {}
    for text in answer.texts:
        if text.choice == edit.choice and text.channel.kind in (ChannelKind.CONTENT, ChannelKind.REFUSAL):
            looked[text.channel] = looked.get(text.channel, "") + text.text
            stands[text.channel.kind] = stands.get(text.channel.kind, "") + (text.text if text.path else "")
    allowed = {text.channel: text.text for text in edit.texts}
    if edit.refusal is not None or any(allowed.get(channel) != text for channel, text in looked.items()):
        return None
    said, refused = (stands.get(kind, "") for kind in (ChannelKind.CONTENT, ChannelKind.REFUSAL))
    return checked_logprobs(choice["logprobs"], said, refused, kept)
