"""A plain (not streamed) answer of `POST /v1/responses`.

    read_answer(raw: bytes, *, structured) -> Answer        raises errors.UpstreamBadAnswer
    answer_of(tree, *, structured) -> Answer                the same from a tree; takes it over
    collected(events) -> Tree                               an event stream as the response it tells
    as_events(tree) -> list[Tree]                           a response as the events that would tell it
    render(answer, edit, annotation, in_field) -> bytes     the upstream's own tree, patched

A text that was changed is put where it stood: each stretch into the text that it begins in.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from guardproxy.core.commands import CONTENT
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import WHOLE_CONTENT, Answer, AnswerText, Called, Edit
from guardproxy.wire.answer_fields import load_answer
from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.responses_events import ENDS, FAILS, read_kind
from guardproxy.wire.responses_items import called_in, cleaned, cleaned_response, item_leaves, response_leaves
from guardproxy.wire.responses_logprobs import item_with_logprobs
from guardproxy.wire.responses_own import (
    PARTS,
    added,
    annotated,
    ending,
    message_id,
    no_usage,
    own_message,
    part_ends,
    refused_message,
    text_part,
)
from guardproxy.wire.rewrite import rewrite
from guardproxy.wire.seam import with_seams

_ENDED = frozenset({"completed", "incomplete"})


def read_answer(raw: bytes, *, structured: bool = False) -> Answer:
    """The answer of an upstream. Raises UpstreamBadAnswer unless it is a response that has ended well."""
    return answer_of(load_answer(raw), structured=structured)


def answer_of(tree: Tree, *, structured: bool = False) -> Answer:
    """The same from a tree; `structured`: the prose is looked at as a whole."""
    tree = _checked(tree)
    content = WHOLE_CONTENT if structured else CONTENT
    texts: list[AnswerText] = []
    called: list[Called] = []
    for at, item in enumerate(tree["output"]):
        name = called_in(item)
        called += [Called(0, name)] if name is not None else []
        for leaf in item_leaves(item, at, content):
            texts.append(AnswerText(0, leaf.channel, leaf.text, ("output", at, *leaf.path), leaf.key))
    texts += [AnswerText(0, leaf.channel, leaf.text, leaf.path, leaf.key) for leaf in response_leaves(tree)]
    return Answer(tree, tuple(with_seams(texts)), (0,), tuple(called))


def render(answer: Answer, edit: Edit, annotation: Tree, *, in_field: bool) -> bytes:
    """The answer as the client gets it; `in_field`: a refusal has a part of its own kind."""
    tree: Tree = orjson.loads(serialise(answer.tree))
    rewrite(tree, answer.texts, {text.channel: text for text in edit.texts})
    if edit.refusal is not None:
        item = refused_message(tree.get("id"), edit.refusal, in_field=in_field)
        usage = tree.get("usage") if isinstance(tree.get("usage"), dict) else no_usage()
        tree.update({**ending(in_field), "output": [item], "usage": usage})
    else:
        tree["output"] = [item_with_logprobs(item) for item in tree["output"]]
        _put_notices(tree, edit)
    return serialise(annotated(tree, annotation))


def collected(events: Iterable[Tree]) -> Tree:
    """The response that the last event holds; items that only their own events hold are put into it."""
    items: dict[int, Tree] = {}
    for tree in events:
        kind = read_kind(tree)
        if kind in FAILS:
            raise UpstreamBadAnswer("the upstream reports an error inside its answer")
        if kind == "response.output_item.done" and isinstance(tree.get("item"), dict):
            items[tree.get("output_index", len(items))] = tree["item"]
        response = tree.get("response")
        if kind in ENDS and isinstance(response, dict):
            return response if response.get("output") else {**response, "output": [items[at] for at in sorted(items)]}
    raise UpstreamBadAnswer("the upstream's stream was cut")


def as_events(tree: Tree) -> list[Tree]:
    """A whole response, told as a stream: each text in one piece."""
    tree = _checked(tree)
    start = {**tree, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[Tree] = [{"type": kind, "response": start} for kind in ("response.created", "response.in_progress")]
    for at, item in enumerate(tree["output"]):
        events += _item_events(item, at)
    return [*events, {"type": f"response.{tree['status']}", "response": tree}]


def _checked(tree: Tree) -> Tree:
    """The response without what nobody can look at. Raises UpstreamBadAnswer."""
    if tree.get("error") is not None or tree.get("object") == "error":
        raise UpstreamBadAnswer("the upstream reports an error inside its answer")
    if not isinstance(tree.get("output"), list):
        raise UpstreamBadAnswer("the upstream's answer has no output")
    status = tree.get("status", "completed")
    if status not in _ENDED:
        raise UpstreamBadAnswer("the upstream's answer has not ended")
    return {**cleaned_response(tree), "status": status, "output": [cleaned(item) for item in tree["output"]]}


def _item_events(item: Tree, at: int) -> list[Tree]:
    """An item with its messages' and thoughts' parts as events of their own; other items start as they end."""
    parts = item.get("content")
    if item.get("type") != "message" or not isinstance(parts, list):
        return [added(at, item), {"type": "response.output_item.done", "output_index": at, "item": item}]
    empty = {**item, "content": [], **({"status": "in_progress"} if "status" in item else {})}
    events: list[Tree] = [added(at, empty)]
    place = {"item_id": item["id"], "output_index": at} if "id" in item else {"output_index": at}
    for index, part in enumerate(parts):
        where = {**place, "content_index": index}
        name, kind = PARTS.get(str(part.get("type")), ("", "")) if isinstance(part, dict) else ("", "")
        noted = {"logprobs": part["logprobs"]} if name and "logprobs" in part else {}
        events.append({"type": "response.content_part.added", **where, "part": {**part, name: ""} if name else part})
        if name:
            events.append({"type": f"{kind}.delta", **where, "delta": part.get(name, ""), **noted})
        events += part_ends(where, part)
    return [*events, {"type": "response.output_item.done", "output_index": at, "item": item}]


def _put_notices(tree: Tree, edit: Edit) -> None:
    """Notices are parts of their own: in front of the first message's, behind the last one's."""
    if not edit.before and not edit.after:
        return
    spoken = [
        item for item in tree["output"] if item.get("type") == "message" and isinstance(item.get("content"), list)
    ]
    before = [text_part(edit.before + "\n\n")] if edit.before else []
    if not spoken:
        text = "\n\n".join(notice for notice in (edit.before, edit.after) if notice)
        at = len(tree["output"])
        tree["output"].append(own_message(message_id(tree.get("id"), at), [text_part(text)], "completed"))
        return
    spoken[0]["content"] = [*before, *spoken[0]["content"]]
    if edit.after:
        spoken[-1]["content"].append(text_part("\n\n" + edit.after))
