"""`POST /v1/completions`, the way in: a prompt or several, each continued `n` times.

    parse_request(tree: dict, limits: Limits = Limits()) -> Request      raises errors.BadRequest

What comes back is `shape.TEXT`. An echoed prompt is a part of the answer's text and screened as one.
"""

from __future__ import annotations

from guardproxy.core.conversation import Conversation
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree
from guardproxy.wire.chat_stream import MOST_CHOICES
from guardproxy.wire.request import Request, read_beside, read_head, read_texts, unsupported, wrong_type


def parse_request(tree: Tree, limits: Limits = Limits()) -> Request:  # noqa: B008 - frozen
    """Notices stand in headers and fields only: what is asked for is often code (wire.md 4.1).

    With a suffix it surely is, and then a crisis text has no place either.
    """
    head = read_head(tree, limits)
    _check_fields(tree)
    prompts = read_texts(tree.get("prompt"), "prompt", limits)
    if len(prompts) * head.n > MOST_CHOICES:
        raise BadRequest(f"more than {MOST_CHOICES} choices", code="too_complex", param="prompt")
    beside = read_beside(tree, frozenset({"prompt"}))
    return Request(
        tree=tree,
        conversation=Conversation(prompts, beside.extras, beside.unscannable, batch=True),
        model=head.model,
        stream=head.stream,
        include_usage=head.include_usage,
        n=len(prompts) * head.n,
        prose=tree.get("suffix") is None,
        noticed=False,
        safety_identifier=head.safety_identifier,
    )


def _check_fields(tree: Tree) -> None:
    if "messages" in tree:
        raise unsupported(("messages",), "this path takes a prompt")
    for name, kind, wanted in (("suffix", str, "a string"), ("echo", bool, "true or false")):
        if tree.get(name) is not None and not isinstance(tree[name], kind):
            raise wrong_type((name,), wanted)
