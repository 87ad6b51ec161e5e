"""`POST /v1/embeddings`: texts in, vectors out.

    parse_request(tree: dict, limits: Limits = Limits()) -> Request      raises errors.BadRequest
    texts_beside(raw: bytes, *, base64: bool) -> list[TextLeaf]          raises errors.UpstreamBadAnswer

Vectors leave byte for byte as they came, so an answer is cleared as a whole or not sent on: every string in it
that is neither a vector nor a control is text, and nothing in it may be read in two ways.
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from guardproxy.core.conversation import Conversation
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import TextLeaf, load_answer, top_leaves
from guardproxy.wire.body import Limits, Tree, unique
from guardproxy.wire.request import Request, read_beside, read_head, read_texts, unsupported


def parse_request(tree: Tree, limits: Limits = Limits()) -> Request:  # noqa: B008 - frozen
    """All checks of wire.md 1; the texts stay apart."""
    head = read_head(tree, limits)
    if "messages" in tree:
        raise unsupported(("messages",), "this path takes input")
    if head.stream:
        raise unsupported(("stream",), "vectors are not streamed")
    inputs = read_texts(tree.get("input"), "input", limits)
    beside = read_beside(tree, frozenset({"input"}))
    return Request(
        tree=tree,
        conversation=Conversation(inputs, beside.extras, beside.unscannable, batch=True),
        model=head.model,
        prose=False,
        noticed=False,
        safety_identifier=head.safety_identifier,
    )


def texts_beside(raw: bytes, *, base64: bool) -> list[TextLeaf]:
    """The texts beside the vectors, most often none. `base64`: vectors were asked for in that form."""
    tree = load_answer(raw)
    if tree.get("error") is not None or tree.get("object") == "error":
        raise UpstreamBadAnswer("the upstream reports an error inside its answer")
    data = tree.get("data")
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data) or "choices" in tree:
        raise UpstreamBadAnswer("the upstream's answer is no list of vectors")
    _refuse_doubled(raw)
    return top_leaves({**tree, "data": [_beside_vector(item, base64=base64) for item in data]})


def _refuse_doubled(raw: bytes) -> None:
    """The client gets these bytes, and it may read another of two equal members than we did."""
    try:
        json.loads(raw, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise UpstreamBadAnswer("the upstream's answer can be read in two ways") from None


def _beside_vector(item: Tree, *, base64: bool) -> Tree:
    out = dict(item)
    if out.get("object") == "embedding":
        del out["object"]
    value = out.get("embedding")
    rows = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    if all(_is_vector(row, base64=base64) for row in rows):
        del out["embedding"]
    return out


def _is_vector(value: Any, *, base64: bool) -> bool:
    if isinstance(value, list):
        return set(map(type, value)) <= {int, float}
    return base64 and isinstance(value, str) and _is_base64(value)


def _is_base64(value: str) -> bool:
    try:
        b64decode(value, validate=True)
    except ValueError:
        return False
    return True
