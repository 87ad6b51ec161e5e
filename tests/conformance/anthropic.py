"""`/v1/messages`: Anthropic's blocks, and the places of their texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from guardproxy.testing.scripts import Script
from guardproxy.testing.scripts_typed import message, message_stream, thinking, tool_use, typed_frame
from tests.conformance.chat import FIRM, GLUED, QUESTION, UNREAD, WITHOUT_FAULT, cut, halves, messages, parts, said
from tests.conformance.frames import Tree
from tests.conformance.typed import message_of
from tests.conformance.vocabulary import ANSWER, INPUT, Manners, Place, Seen, all_strings

SCHEMA: Tree = {"type": "object", "properties": {}}
TOOL = {"name": "look_up", "description": "Looks up.", "input_schema": SCHEMA}


def with_tool(text: str) -> Tree:
    return messages(QUESTION, tools=[{**TOOL, "description": text}])


def with_enum(text: str) -> Tree:
    schema = {"type": "object", "properties": {"word": {"type": "string", "enum": ["calm", text]}}}
    return messages(QUESTION, tools=[{**TOOL, "input_schema": schema}])


def after_call(call: Tree, result: Any) -> Tree:
    """A tool was called, and answers."""
    answer = {"type": "tool_result", "tool_use_id": "toolu_1", "content": result}
    called, answered = {"role": "assistant", "content": [call]}, {"role": "user", "content": [answer]}
    return messages(QUESTION, called, answered, tools=[TOOL])


def document(**more: str) -> Tree:
    source = {"type": "text", "media_type": "text/plain", "data": "Fine."}
    block: Tree = {"type": "document", "source": source}
    for name, text in more.items():
        block = {**block, "source": {**source, "data": text}} if name == "data" else {**block, name: text}
    return said("user", [*parts("Read it."), block])


PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
CALL = tool_use("look_up", {"q": []})

INPUTS = {
    "user": Place(lambda text: said("user", text)),
    "parts": Place(lambda text: said("user", parts("First.", text))),
    "part_border": Place(lambda text: said("user", parts("First", text, "Last")), bare=True),
    "split": Place(lambda text: said("user", parts(*halves(text))), only=WITHOUT_FAULT, why=GLUED),
    "system": Place(lambda text: messages(QUESTION, system=text)),
    "system_parts": Place(lambda text: messages(QUESTION, system=parts("First.", text))),
    "history": Place(lambda text: said("assistant", text)),
    "history_reasoning": Place(lambda text: said("assistant", [thinking(text), *parts("Fine.")]), lossy=True),
    "tool_result": Place(lambda text: after_call(CALL, text), noticed=False),
    "tool_result_parts": Place(lambda text: after_call(CALL, parts("First.", text)), noticed=False),
    "tool_arguments": Place(lambda text: after_call(tool_use("look_up", {"q": [text]}), "Fine."), noticed=False),
    "tool_definition": Place(with_tool, noticed=False),
    "tool_enum": Place(with_enum, noticed=False),
    "document": Place(lambda text: document(data=text)),
    "document_title": Place(lambda text: document(title=text)),
    "stop": Place(lambda text: messages(QUESTION, stop_sequences=[text])),
    "identifier": Place(lambda text: messages(QUESTION, metadata={"user_id": text}), identifier=True),
    "unknown": Place(lambda text: messages(QUESTION, x_vendor={"deep": [text]})),
    "unknown_name": Place(lambda text: messages(QUESTION, x_vendor={text: 1}), becomes=FIRM),
    "picture": Place(
        lambda _: said("user", [*parts("Look."), {"type": "image", "source": PNG}]),
        rule="unscannable",
        only=("refuse",),
        why=UNREAD,
        with_routes=True,
    ),
}


def calmly(calm: str) -> list[str]:
    return [calm[at : at + 60] for at in range(0, len(calm), 60)]


def blocks(*listed: Any, stop: str = "end_turn") -> Any:
    """A script of these blocks after the calm text; a function of the text gives a block."""

    def script(text: str, form: str, calm: str) -> Script:
        made = [block(text) if callable(block) else block for block in listed]
        if form == "plain":
            return message(*made, stop_reason=stop)
        first = [calmly(calm)] if calm else []
        return message_stream(*first, *made, size=7, stop_reason=stop)

    return script


def in_text(text: str, form: str, calm: str) -> Script:
    """One block, also after calm text."""
    return message(text) if form == "plain" else message_stream([*calmly(calm), *cut(text)])


def in_halves(text: str, form: str, calm: str) -> Script:
    """A phrase cut by the border of two blocks."""
    return blocks(*halves(text))(text, form, calm)


def cited(text: str) -> Tree:
    place = {"type": "char_location", "cited_text": text, "document_index": 0, "document_title": None}
    citation = {**place, "start_char_index": 0, "end_char_index": 4}
    return {"type": "text", "text": ANSWER, "citations": [citation]}


def with_citation(text: str, form: str, calm: str) -> Script:
    """In a stream a citation is a delta of its own."""
    if form == "plain":
        return message(cited(text))
    script = message_stream(*([calmly(calm)] if calm else []), ANSWER)
    index = 1 if calm else 0
    delta = {"type": "citations_delta", "citation": cited(text)["citations"][0]}
    event = typed_frame({"type": "content_block_delta", "index": index, "delta": delta})
    at = max(n for n, piece in enumerate(script.segments) if b"content_block_stop" in piece)
    return replace(script, segments=(*script.segments[:at], event, *script.segments[at:]))


def beside(text: str, form: str, calm: str) -> Script:
    """A member of the message that nobody knows."""
    if form == "plain":
        return message(ANSWER, x_note=text)
    script = message_stream(*([calmly(calm)] if calm else []), ANSWER)
    changed = [piece.replace(b'"usage":', b'"x_note": ' + json.dumps(text).encode() + b', "usage":', 1)
               if b"event: message_delta" in piece else piece for piece in script.segments]  # fmt: skip
    return replace(script, segments=tuple(changed))


TOOLS = {"tools": [TOOL]}

OUTPUTS = {
    "content": Place(script=in_text, path=("content", 0, "text")),
    "parts": Place(script=blocks("First. ", lambda text: text)),
    "part_border": Place(script=blocks("First", lambda text: text, "Last"), bare=True),
    "split": Place(script=in_halves, only=WITHOUT_FAULT, why="the word that breaks the detector is cut"),
    "reasoning": Place(script=blocks(thinking, ANSWER), sealed=True),
    "tool_arguments": Place(
        lambda _: TOOLS, blocks(lambda text: tool_use("look_up", {"q": [text]}), stop="tool_use"), noticed=False
    ),
    "forced_tool": Place(
        lambda _: {**TOOLS, "tool_choice": {"type": "tool", "name": "look_up"}},
        blocks(lambda text: tool_use("look_up", {"q": [text]}), stop="tool_use"),
        structured=True,
        noticed=False,
    ),
    "tool_name": Place(
        lambda _: TOOLS,
        blocks(lambda text: tool_use(text, {}), stop="tool_use"),
        noticed=False,
        rule="unscannable",
        only=("refuse",),
        why="a name is compared with the tools of the request: any other one refuses the choice, whatever it says",
    ),
    "annotations": Place(script=with_citation, lossy=True),
    "unknown": Place(script=blocks(lambda text: {"type": "text", "text": ANSWER, "x_note": text}), lossy=True),
    "beside": Place(script=beside, lossy=True),
}


class Messages:
    """See vocabulary.Driver."""

    name, path, streams, judges = "messages", "/v1/messages", True, False
    inputs, outputs = INPUTS, OUTPUTS
    absent: Mapping[str, Any] = {
        "second_item": "an answer is one message; its blocks are the parts",
        "summary": "thoughts have no summary of their own",
        "developer": "there are two roles, and `system`",
        "json": "there is no JSON answer; a forced tool is one, and answers as any other",
        "format": "there is no format field",
        "refusal": "there is no refusal part; a refusal is text",
        "second_choice": "one answer a request",
        "logprobs": "there are none; a member of that name is an unknown one",
        "top_logprobs": "there are none; a member of that name is an unknown one",
        "input": "the surface has no such field; one of that name is an unknown one, or a 400",
        "output": "the surface has no such block; one of that name is an unknown one",
    }
    headers: Mapping[str, str] = {"anthropic-version": "2023-06-01"}
    how = Manners(
        natural=("end_turn", "tool_use"),
        refused="refusal",
        incomplete=(None, "max_tokens", "end_turn"),
        refusal_field=False,
    )

    def calm(self, stream: bool) -> Script:
        return message_stream(ANSWER) if stream else message(ANSWER)

    def request(self, stage: str, place: Place, text: str, stream: bool) -> Tree:
        body = place.body(text) if stage == INPUT else messages(QUESTION, **place.body(text))
        return {"model": "m", "max_tokens": 64, **body, **({"stream": True} if stream else {})}

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree = message_of(raw) if stream and status == 200 else json.loads(raw)
        strings = "\n".join([*all_strings(tree), raw.decode()])
        if status != 200:
            assert tree["type"] == "error"
            error = tree["error"]
            assert {"type", "message"} <= set(error)
            return Seen(error["message"], error=_code(status, error), tree=tree, strings=strings)
        assert (tree["type"], tree["role"]) == ("message", "assistant")
        texts = [block["text"] for block in tree["content"] if block["type"] == "text"]
        error = tree.get("error")
        return Seen(
            text="\n\n".join(texts),
            finish=tree["stop_reason"],
            error=_code(503, error) if error else None,
            annotation=tree.get("guardproxy"),
            tree=tree,
            strings="\n".join([strings, "".join(texts), *texts]),
        )

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        raise AssertionError("a model answers here")


def _code(status: int, error: Tree) -> str:
    """Anthropic's errors have types and no codes."""
    if status == 503:
        assert error["type"] == "api_error"
        return "guard_unavailable" if "safety check" in error["message"] else error["type"]
    return "content_filter" if status == 400 else str(error["type"])
