"""A plain (not streamed) answer of Anthropic's surface.

    answer_of(tree, *, structured) -> Answer                 takes the tree over; its one choice is 0
    render(answer, edit, annotation) -> bytes                the answer as the client gets it

A block of thoughts that was changed leaves out: its signature would be wrong.
"""

from __future__ import annotations

from typing import Any

import orjson

from guardproxy.core.commands import CONTENT, Channel
from guardproxy.wire.answer import WHOLE_CONTENT, Answer, AnswerText, Called, Edit
from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.messages_leaves import block_leaves, called_name, message_leaves, reasoning_of
from guardproxy.wire.messages_own import REFUSED, counts_of, no_usage
from guardproxy.wire.rewrite import rewrite
from guardproxy.wire.seam import with_seams


def answer_of(tree: Tree, *, structured: bool) -> Answer:
    """Everything textual in it; `structured`: the prose is looked at as a whole. Call inputs become JSON texts."""
    content = WHOLE_CONTENT if structured else CONTENT
    texts: list[AnswerText] = []
    called: list[Called] = []
    for at, block in enumerate(tree["content"]):
        if block.get("type") == "tool_use":
            called.append(Called(0, called_name(block)))
            if isinstance(block.get("input"), dict | list):
                block["input"] = serialise(block["input"]).decode()
        leaves = block_leaves(block, at, content)
        texts += [AnswerText(0, leaf.channel, leaf.text, ("content", at, *leaf.path), leaf.key) for leaf in leaves]
    beside = message_leaves(tree, "message")
    texts += [AnswerText(0, leaf.channel, leaf.text, leaf.path, leaf.key) for leaf in beside]
    return Answer(tree, tuple(with_seams(texts)), (0,), tuple(called))


def render(answer: Answer, edit: Edit, annotation: Tree | None) -> bytes:
    """The upstream's own tree, patched; `annotation` are members for the top."""
    tree: Tree = orjson.loads(serialise(answer.tree))
    if edit.refusal is not None:
        return serialise({**_refused(tree, edit.refusal), **(annotation or {})})
    rewrite(tree, answer.texts, {text.channel: text for text in edit.texts})
    allowed: dict[Channel, str] = {text.channel: text.text for text in edit.texts}
    said: dict[Channel, str] = {}
    for text in answer.texts:
        said[text.channel] = said.get(text.channel, "") + text.text
    blocks = [
        _finished(block)
        for at, block in enumerate(tree["content"])
        if said.get(reasoning_of(at), "") == allowed.get(reasoning_of(at), "")
    ]
    spoke = any(block.get("text") for block in blocks)
    if isinstance(tree.get("stop_reason"), str) and not is_control_value(tree["stop_reason"]):
        tree["stop_reason"] = "end_turn"  # a word that no list knows and nobody cleared
    tree["content"] = [*_own(edit.before, "", "\n\n"), *blocks, *_own(edit.after, "\n\n" if spoke else "", "")]
    return serialise({**tree, **(annotation or {})})


def _own(text: str, front: str, behind: str) -> list[Tree]:
    """A notice as a block of its own, a blank line away, for many clients join the texts of all blocks."""
    return [{"type": "text", "text": front + text + behind}] if text else []


def _refused(tree: Tree, text: str) -> Tree:
    """What frames the answer, and the refusal in place of all that the model said."""
    named = {
        name: tree[name] for name in ("id", "model") if isinstance(tree.get(name), str) and is_control_value(tree[name])
    }
    return {
        **named,
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
        "stop_reason": REFUSED,
        "stop_sequence": None,
        "usage": {**no_usage(), **counts_of(tree.get("usage"))},
    }


def _finished(block: Tree) -> Tree:
    """A call's input is an object again."""
    given: Any = block.get("input")
    if block.get("type") != "tool_use" or not isinstance(given, str):
        return block
    try:
        return {**block, "input": orjson.loads(given)}
    except orjson.JSONDecodeError:
        return block
