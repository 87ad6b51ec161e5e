"""`/v1/responses`: items and parts, and the places of their texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guardproxy.testing.scripts import Script
from guardproxy.testing.scripts_typed import (
    custom_call,
    function_call,
    output_text,
    reasoning,
    refusal_part,
    response,
    response_stream,
    says,
)
from tests.conformance.anthropic import calmly
from tests.conformance.chat import FIRM, GLUED, PICTURE, UNREAD, WITHOUT_FAULT, cut, data_url, halves
from tests.conformance.frames import Tree
from tests.conformance.typed import response_of
from tests.conformance.vocabulary import ANSWER, INPUT, Manners, Place, Seen, all_strings

TEXT = "How are things?"
SCHEMA: Tree = {"type": "object", "properties": {}}
TOOL = {"type": "function", "name": "look_up", "description": "Looks up.", "parameters": SCHEMA}
CUSTOM = {"type": "custom", "name": "look_up"}


def items(*listed: Tree, **beside: Any) -> Tree:
    return {"input": list(listed), **beside}


def user(*texts: str) -> Tree:
    return {"role": "user", "content": [{"type": "input_text", "text": text} for text in texts]}


def history(*parts: Tree) -> Tree:
    answered = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(parts)}
    return items(user(TEXT), answered, user(TEXT))


def after_call(call: Tree, kind: str = "function_call_output", result: str = "Fine.", tool: Tree = TOOL) -> Tree:
    return items(user(TEXT), call, {"type": kind, "call_id": "call_1", "output": result}, tools=[tool])


def with_schema(text: str) -> Tree:
    schema = {"type": "object", "properties": {"word": {"type": "string", "enum": ["calm", text]}}}
    return {"input": TEXT, "tools": [{**TOOL, "parameters": schema}]}


def with_format(text: str) -> Tree:
    schema = {"type": "object", "description": text}
    return {"input": TEXT, "text": {"format": {"type": "json_schema", "name": "answer", "schema": schema}}}


def with_picture(text: str) -> Tree:
    picture = {"type": "input_image", "image_url": data_url(text), "detail": "auto"}
    return items({"role": "user", "content": [{"type": "input_text", "text": "Read it."}, picture]})


IMAGE = {"type": "input_image", "image_url": PICTURE, "detail": "auto"}
CALL = function_call("look_up", "{}")
CUSTOM_CALL = custom_call("look_up", "calm")

INPUTS = {
    "user": Place(lambda text: {"input": text}),
    "parts": Place(lambda text: items(user("First.", text))),
    "part_border": Place(lambda text: items(user("First", text, "Last")), bare=True),
    "split": Place(lambda text: items(user(*halves(text))), only=WITHOUT_FAULT, why=GLUED),
    "system": Place(lambda text: {"input": TEXT, "instructions": text}),
    "developer": Place(lambda text: items({"role": "developer", "content": text}, user(TEXT))),
    "history": Place(lambda text: history(output_text(text))),
    "history_refusal": Place(lambda text: history(refusal_part(text))),
    "history_reasoning": Place(
        lambda text: items(user(TEXT), {"id": "rs_1", **reasoning("", text)}, user(TEXT)), lossy=True
    ),
    "tool_result": Place(lambda text: after_call(CALL, result=text), noticed=False),
    "custom_result": Place(
        lambda text: after_call(CUSTOM_CALL, "custom_tool_call_output", text, CUSTOM), noticed=False
    ),
    "tool_arguments": Place(
        lambda text: after_call(function_call("look_up", json.dumps({"q": [text]}))), noticed=False
    ),
    "custom_input": Place(
        lambda text: after_call(custom_call("look_up", text), "custom_tool_call_output", tool=CUSTOM), noticed=False
    ),
    "tool_definition": Place(lambda text: {"input": TEXT, "tools": [{**TOOL, "description": text}]}, noticed=False),
    "tool_enum": Place(with_schema, noticed=False),
    "format": Place(with_format, structured=True, noticed=False),
    "identifier": Place(lambda text: {"input": TEXT, "metadata": {"about": text}}, identifier=True),
    "end_user": Place(lambda text: {"input": TEXT, "safety_identifier": text}, identifier=True),
    "unknown": Place(lambda text: {"input": TEXT, "x_vendor": {"deep": [text]}}),
    "unknown_name": Place(lambda text: {"input": TEXT, "x_vendor": {text: 1}}, becomes=FIRM),
    "data_url": Place(with_picture, becomes=FIRM),
    "picture": Place(
        lambda _: items({"role": "user", "content": [{"type": "input_text", "text": "Look."}, IMAGE]}),
        rule="unscannable",
        only=("refuse",),
        why=UNREAD,
        with_routes=True,
    ),
}


def output(*listed: Any) -> Any:
    """A script of these items after calm text; a function of the text gives an item."""

    def script(text: str, form: str, calm: str) -> Script:
        made = [item(text) if callable(item) else item for item in listed]
        if form == "plain":
            return response(*made)
        return response_stream(*([calmly(calm)] if calm else []), *made, size=7)

    return script


def in_text(text: str, form: str, calm: str) -> Script:
    return response(text) if form == "plain" else response_stream([*calmly(calm), *cut(text)])


def in_halves(text: str, form: str, calm: str) -> Script:
    """A phrase cut by the border of two parts."""
    return output(says(*map(output_text, halves(text))))(text, form, calm)


def in_json(text: str, form: str, calm: str) -> Script:
    value = json.dumps({"answer": calm + text})
    return response(value) if form == "plain" else response_stream(value, size=7)


def cited(text: str) -> Tree:
    note = {"type": "url_citation", "url": "https://example.org/", "title": text, "start_index": 0, "end_index": 4}
    return says({**output_text(ANSWER), "annotations": [note]})


def with_logprobs(text: str, top: str = "") -> Tree:
    others = [{"token": top, "logprob": -2.0, "bytes": []}] if top else []
    listed = [{"token": p, "logprob": -0.5, "bytes": list(p.encode()), "top_logprobs": others} for p in cut(text)]
    return says({**output_text(text), "logprobs": listed})


def beside(text: str, form: str, calm: str) -> Script:
    """A member of the response that nobody knows, in every copy of it."""
    if form == "plain":
        return response(ANSWER, x_note=text)
    return response_stream(*([calmly(calm)] if calm else []), ANSWER, x_note=text)


TOOLS = {"tools": [TOOL]}

OUTPUTS = {
    "content": Place(script=in_text),
    "parts": Place(script=output(lambda text: says(output_text("First. "), output_text(text)))),
    "part_border": Place(script=output(lambda text: says(output_text("First"), output_text(text)), "Last"), bare=True),
    "split": Place(script=in_halves, only=WITHOUT_FAULT, why="the word that breaks the detector is cut"),
    "second_item": Place(script=output("First. ", lambda text: text)),
    "json": Place(
        lambda _: {"text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}},
        in_json,
        structured=True,
        noticed=False,
    ),
    "refusal": Place(script=output(lambda text: says(refusal_part(text)))),
    "reasoning": Place(script=output(reasoning, ANSWER), lossy=True),
    "summary": Place(script=output(lambda text: reasoning("", text), ANSWER), lossy=True),
    "tool_arguments": Place(
        lambda _: TOOLS, output(lambda text: function_call("look_up", json.dumps({"q": [text]}))), noticed=False
    ),
    "custom_input": Place(
        lambda _: {"tools": [CUSTOM]}, output(lambda text: custom_call("look_up", text)), noticed=False
    ),
    "forced_tool": Place(
        lambda _: {**TOOLS, "tool_choice": {"type": "function", "name": "look_up"}},
        output(lambda text: function_call("look_up", json.dumps({"q": [text]}))),
        structured=True,
        noticed=False,
    ),
    "tool_name": Place(
        lambda _: TOOLS,
        output(lambda text: function_call(text, "{}")),
        noticed=False,
        rule="unscannable",
        only=("refuse",),
        why="a name is compared with the tools of the request: any other one refuses the choice, whatever it says",
    ),
    "annotations": Place(script=output(cited), lossy=True),
    "unknown": Place(script=output(lambda text: {**says(output_text(ANSWER)), "x_note": text}), lossy=True),
    "beside": Place(script=beside, lossy=True, early=True),
    "logprobs": Place(script=output(with_logprobs)),
    "top_logprobs": Place(
        script=output(lambda text: with_logprobs(ANSWER, text)),
        dropped=True,
        only=("allow", "refuse"),
        why="alternative tokens never leave, so nobody looks at them",
    ),
}


class Responses:
    """See vocabulary.Driver."""

    name, path, streams, judges = "responses", "/v1/responses", True, False
    inputs, outputs = INPUTS, OUTPUTS
    absent: Mapping[str, Any] = {
        "second_choice": "one answer a request",
        "prediction": "the surface has no prediction",
        "document": "a file is bytes, which the policy's on_unscannable decides on",
        "stop": "the surface has no stop sequences",
        "input": "the surface has no such field; one of that name is an unknown one, or a 400",
        "output": "the surface has no such part; one of that name is an unknown one",
    }
    headers: Mapping[str, str] = {}
    how = Manners(natural=("completed",), finished="completed", incomplete=("failed",))

    def calm(self, stream: bool) -> Script:
        return response_stream(ANSWER) if stream else response(ANSWER)

    def request(self, stage: str, place: Place, text: str, stream: bool) -> Tree:
        body = place.body(text) if stage == INPUT else {"input": TEXT, **place.body(text)}
        return {"model": "m", **body, **({"stream": True} if stream else {})}

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree, spoken = response_of(raw) if stream and status == 200 else (json.loads(raw), [])
        strings = [*all_strings(tree), raw.decode(), *spoken]
        if status != 200:
            assert set(tree["error"]) == {"message", "type", "param", "code"}
            error = tree["error"]
            return Seen(error["message"], error=error["code"], tree=tree, strings="\n".join(strings))
        assert tree["object"] == "response"
        parts = [part for item in tree["output"] if item["type"] == "message" for part in item["content"]]
        texts = [part["text"] for part in parts if part["type"] == "output_text"]
        refusals = [part["refusal"] for part in parts if part["type"] == "refusal"]
        details = tree.get("incomplete_details")
        return Seen(
            text="\n\n".join(texts),
            refusal="\n\n".join(refusals) or None,
            finish=details["reason"] if details else tree["status"],
            error=_code(tree["error"]) if tree.get("error") else None,
            annotation=tree.get("guardproxy"),
            tree=tree,
            strings="\n".join([*strings, "".join(texts)]),
        )

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        raise AssertionError("a model answers here")


def _code(error: Tree) -> str:
    """After the headers a fault is `response.failed`, whose codes are OpenAI's."""
    assert error["code"] == "server_error"
    return "guard_unavailable" if "safety check" in error["message"] else str(error["code"])
