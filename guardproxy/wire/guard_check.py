"""`POST /v1/guard/check`: a text or a conversation judged without a model (wire.md 4.3).

    parse_request(tree: dict, limits: Limits) -> CheckRequest        raises errors.BadRequest
    result(said: Said) -> dict                                       the answer to one check
    answered(results, batch: bool) -> bytes                          HTTP 200
    placed(error: BadRequest, place: str) -> BadRequest              the same error, inside a batch

A conversation may come with everything a chat request holds: tools, formats and unknown fields are looked at as there.
When its last message is the assistant's, that message is an answer and the rest is what it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from guardproxy.core.conversation import Stage
from guardproxy.errors import BadRequest
from guardproxy.wire import chat
from guardproxy.wire.answer import Answer, ChannelText, Edit
from guardproxy.wire.body import Limits, Tree, place_name, serialise
from guardproxy.wire.chat_answer import answer_of, render
from guardproxy.wire.request import Request, unsupported, wrong_type

MOST_ITEMS = 64
_WITH_TEXT = frozenset({"text", "stage"})
_NO_MODEL = "check"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing to judge. `whole` is all of it; `asked` and `answer` are what input and output rules look at.

    `place` is where it stands in a batch, "" outside one. `text`: it came as a text and goes back as one.
    """

    whole: Request = field(repr=False)
    asked: Request | None = field(repr=False)
    answer: Answer | None = field(repr=False)
    text: bool
    place: str = ""

    def answered(self, texts: Sequence[ChannelText]) -> Tree:
        """The assistant's message with what was released of it."""
        if self.answer is None:
            raise AssertionError("there is no answer in this check; this is a bug")
        tree: Tree = orjson.loads(render(self.answer, [Edit(0, tuple(texts))]))
        message: Tree = tree["choices"][0]["message"]
        return message


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """`policy`: the name of the one asked for, None for the one in force here."""

    items: tuple[CheckItem, ...]
    policy: str | None = None
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What one check came to. `annotation`: decision id, action, stage, policy, rule, hazards.

    `message`: what a user would read; `redacted`: a text or messages, as they were sent.
    """

    annotation: Tree
    checked: tuple[str, ...]
    message: str | None
    redacted: Any
    moderation: Tree

    def __repr__(self) -> str:
        return f"Said({self.annotation.get('action')})"


def parse_request(tree: Tree, limits: Limits) -> CheckRequest:
    """One check or a batch."""
    policy = tree.get("policy")
    if policy is not None and not isinstance(policy, str):
        raise wrong_type(("policy",), "a string")
    rest = {name: value for name, value in tree.items() if name != "policy"}
    if "items" not in rest:
        return CheckRequest((_item(rest, limits, ""),), policy)
    items = rest.pop("items")
    if rest:
        raise unsupported((next(iter(rest)),), "beside items only policy may stand")
    if not isinstance(items, list) or not items:
        raise wrong_type(("items",), "a non-empty list")
    if len(items) > MOST_ITEMS:
        raise BadRequest(f"more than {MOST_ITEMS} items", code="too_complex", param="items")
    return CheckRequest(
        tuple(_placed_item(item, limits, place_name(("items", at))) for at, item in enumerate(items)),
        policy,
        batch=True,
    )


def result(said: Said) -> Tree:
    """The members of wire.md 4.3."""
    return {
        "id": f"check-{said.annotation['decision_id']}",
        **said.annotation,
        "checked": list(said.checked),
        "message": said.message,
        "redacted": said.redacted,
        "moderation": said.moderation,
    }


def answered(results: Sequence[Tree], *, batch: bool) -> bytes:
    """One result, or `items` with one each."""
    return serialise({"items": list(results)} if batch else results[0])


def placed(error: BadRequest, place: str) -> BadRequest:
    """`messages[0]` becomes `items[3].messages[0]`."""
    param = ".".join(step for step in (place, error.param) if step) or None
    return BadRequest(str(error), code=error.code, param=param, status=error.status)


def _placed_item(value: Any, limits: Limits, place: str) -> CheckItem:
    try:
        if not isinstance(value, dict):
            raise BadRequest("an item must be an object", code="invalid_type")
        return _item(value, limits, place)
    except BadRequest as error:
        raise placed(error, place) from None


def _item(tree: Tree, limits: Limits, place: str) -> CheckItem:
    if "text" in tree and "messages" not in tree:
        return _text_item(tree, limits, place)
    if "messages" not in tree:
        raise BadRequest("send text, messages or items", code="invalid_type", param="text")
    for name in ("text", "stage"):
        if name in tree:
            raise unsupported((name,), "messages say themselves what is asked and what is answered")
    full = {"model": _NO_MODEL, **tree}
    whole = chat.parse_request(full, limits)
    if not whole.last_message_is_assistant:
        return CheckItem(whole, whole, None, text=False, place=place)
    before = full["messages"][:-1]
    asked = chat.parse_request({**full, "messages": before}, limits) if before else None
    return CheckItem(whole, asked, _answer(full["messages"][-1]), text=False, place=place)


def _text_item(tree: Tree, limits: Limits, place: str) -> CheckItem:
    for name in tree:
        if name not in _WITH_TEXT:
            raise unsupported((name,), "beside text only stage and policy may stand")
    text, stage = tree["text"], tree.get("stage", "input")
    if not isinstance(text, str):
        raise wrong_type(("text",), "a string")
    if stage not in tuple(Stage):
        raise wrong_type(("stage",), "input or output")
    whole = chat.parse_request({"model": _NO_MODEL, "messages": [{"role": "user", "content": text}]}, limits)
    if stage == Stage.INPUT:
        return CheckItem(whole, whole, None, text=True, place=place)
    return CheckItem(whole, None, _answer({"role": "assistant", "content": text}), text=True, place=place)


def _answer(message: Tree) -> Answer:
    copied = orjson.loads(serialise(message))
    return answer_of({"choices": [{"index": 0, "message": copied}]})
