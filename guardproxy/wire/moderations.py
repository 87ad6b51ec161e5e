"""`POST /v1/moderations`: OpenAI's shape, answered by our own detectors (wire.md 4.2).

    parse_request(tree: dict, limits: Limits) -> ModerationRequest          raises errors.BadRequest
    results_body(head: Head, moderations, annotation) -> bytes              HTTP 200
    result(moderation: Moderation, own, exact) -> dict                      one entry of `results`
    stage_member(model, moderations, own, exact) -> dict                           one stage of an inline `moderation`

A list of strings has one result each; a list of parts is one thing and has one result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guardproxy.core.categories import Moderation
from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree, place_name, serialise
from guardproxy.wire.chat_messages import Path
from guardproxy.wire.data_url import is_data_url, text_of_data_url
from guardproxy.wire.request import wrong_type

MOST_INPUTS = 256


@dataclass(frozen=True, slots=True)
class ModerationRequest:
    """One conversation for each result; `unread`: the places of pictures, which nobody looks at.

    `model`: as the client named it; it chooses a route and no detector.
    """

    inputs: tuple[Conversation, ...]
    unread: tuple[str, ...] = ()
    model: str | None = None

    def __repr__(self) -> str:
        return f"ModerationRequest({len(self.inputs)} inputs, {len(self.unread)} unread)"


@dataclass(frozen=True, slots=True)
class Head:
    """`id` as in `modr-…`; `model` names the detectors that looked, whatever was asked for.

    `own`: our hazards are shown as further keys. `exact`: scores are not rounded.
    """

    id: str
    model: str
    own: bool = True
    exact: bool = False


def parse_request(tree: Tree, limits: Limits) -> ModerationRequest:
    """Checks the shape. Other fields have no effect: nothing of this request goes anywhere."""
    model = tree.get("model")
    if model is not None and not isinstance(model, str):
        raise wrong_type(("model",), "a string")
    value = tree.get("input")
    if isinstance(value, str):
        return ModerationRequest((_said([Part(value, Pointer(("input",)))]),), model=model)
    if not isinstance(value, list) or not value:
        raise wrong_type(("input",), "a string, a list of strings or a list of parts")
    if len(value) > min(MOST_INPUTS, limits.max_messages):
        raise BadRequest(f"more than {MOST_INPUTS} inputs", code="too_complex", param="input")
    if not isinstance(value[0], dict):
        texts = tuple(_said([_text(item, ("input", at))]) for at, item in enumerate(value))
        return ModerationRequest(texts, model=model)
    parts, unread = [], []
    for at, item in enumerate(value):
        part = _part(item, ("input", at))
        if part is None:
            unread.append(place_name(("input", at)))
        else:
            parts.append(part)
    return ModerationRequest((_said(parts),), tuple(unread), model)


def results_body(head: Head, moderations: Sequence[Moderation], annotation: Tree) -> bytes:
    """The whole answer. `annotation` is what goes under `guardproxy`."""
    missing = list(dict.fromkeys(key for m in moderations for key in m.not_covered))
    return serialise(
        {
            "id": head.id,
            "model": head.model,
            "results": [result(m, own=head.own, exact=head.exact) for m in moderations],
            "guardproxy": {**annotation, "not_covered": missing},
        }
    )


def result(moderation: Moderation, *, own: bool, exact: bool = False) -> Tree:
    """Categories, their scores (rounded unless `exact`) and what they were given for: text, always."""
    shown = (*moderation.categories, *moderation.own) if own else moderation.categories
    return {
        "flagged": moderation.flagged,
        "categories": {c.key: c.flagged for c in shown},
        "category_scores": {c.key: c.shown(exact=exact) for c in shown},
        "category_applied_input_types": {c.key: ["text"] for c in shown},
    }


def stage_member(model: str, moderations: Sequence[Moderation] | None, *, own: bool, exact: bool = False) -> Tree:
    """One stage of the answer, a result for each choice; None: the stage was not checked in full."""
    if moderations is None:
        return {"type": "error", "code": "guard_unavailable", "message": "this stage was not checked in full"}
    results = [
        {"type": "moderation_result", "model": model, **result(one, own=own, exact=exact)} for one in moderations
    ]
    return {"type": "moderation_results", "model": model, "results": results}


def _said(parts: Sequence[Part]) -> Conversation:
    return Conversation((Message(Role.USER, Scope.USER, tuple(parts)),))


def _text(value: Any, path: Path) -> Part:
    if not isinstance(value, str):
        raise wrong_type(path, "a string")
    return Part(value, Pointer(path))


def _part(value: Any, path: Path) -> Part | None:
    """The text of a part; None for a picture that holds none."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an object with a type")
    match value.get("type"):
        case "text":
            return _text(value.get("text"), (*path, "text"))
        case "image_url":
            holder = value.get("image_url")
            url = holder.get("url") if isinstance(holder, dict) else None
            if not isinstance(url, str):
                raise wrong_type((*path, "image_url", "url"), "a string")
            text = text_of_data_url(url) if is_data_url(url) else None
            return None if text is None else Part(text, Pointer((*path, "image_url"), key=True))
        case _:
            place = place_name(path)
            raise BadRequest(f"{place} has an unsupported type", code="unsupported_content_part", param=place)
