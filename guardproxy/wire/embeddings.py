"""`POST /v1/embeddings`: texts in, vectors out.

    parse_request(tree: dict, limits: Limits = Limits()) -> Request      raises errors.BadRequest
    check_answer(raw: bytes) -> None                                     raises errors.UpstreamBadAnswer

There is nothing to moderate in vectors, so the upstream's bytes leave as they came.
"""

from __future__ import annotations

from guardproxy.core.conversation import Conversation
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import load_answer
from guardproxy.wire.body import Limits, Tree
from guardproxy.wire.request import Request, read_beside, read_head, read_texts, unsupported


def parse_request(tree: Tree, limits: Limits = Limits()) -> Request:  # noqa: B008 - frozen
    """All checks of wire.md 1; the texts stay apart."""
    head = read_head(tree, limits)
    if "messages" in tree:
        raise unsupported(("messages",), "this path takes input")
    if head.stream:
        raise unsupported(("stream",), "vectors are not streamed")
    inputs = read_texts(tree.get("input"), "input", limits)
    beside = read_beside(tree, "input")
    return Request(
        tree=tree,
        conversation=Conversation(inputs, beside.extras, beside.unscannable, batch=True),
        model=head.model,
        prose=False,
        noticed=False,
        safety_identifier=head.safety_identifier,
    )


def check_answer(raw: bytes) -> None:
    """A list of vectors, not an error with the status of a success."""
    tree = load_answer(raw)
    if tree.get("error") is not None or tree.get("object") == "error":
        raise UpstreamBadAnswer("the upstream reports an error inside its answer")
    if not isinstance(tree.get("data"), list):
        raise UpstreamBadAnswer("the upstream's answer has no list of vectors")
