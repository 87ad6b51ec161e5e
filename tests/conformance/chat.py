"""`/v1/chat/completions`: the places of its texts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from guardproxy.testing.scripts import Script, chunk, completion, stream, stream_of
from tests.conformance.frames import chunks, collected
from tests.conformance.vocabulary import ACTIONS, ANSWER, INPUT, Manners, Place, Seen, Tree, all_strings

QUESTION = {"role": "user", "content": "How are things?"}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
CUSTOM = {"type": "custom", "custom": {"name": "look_up"}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}


def messages(*listed: Tree, **beside: Any) -> Tree:
    return {"messages": list(listed), **beside}


def said(role: str, text: Any, **beside: Any) -> Tree:
    """A message of this role before or after a harmless question, wherever the role may stand."""
    message = {"role": role, "content": text, **beside}
    if role == "user":
        return messages(message)
    if role in ("system", "developer"):
        return messages(message, QUESTION)
    return messages(QUESTION, message, QUESTION)


def after_call(call: Tree, *, name: str = "") -> Tree:
    """A history in which a tool was called."""
    answered = {"role": "function", "name": name, "content": "Fine."} if name else None
    result = answered or {"role": "tool", "tool_call_id": "call_1", "content": "Fine."}
    return messages(QUESTION, {"role": "assistant", "content": None, **call}, result, QUESTION)


def called(kind: str, name: str, text: str) -> Tree:
    return {"tool_calls": [{"id": "call_1", "type": kind, kind: {"name": "look_up", name: text}}]}


def with_result(result: Any) -> Tree:
    calling = {"role": "assistant", "content": None, **called("function", "arguments", "{}")}
    return messages(QUESTION, calling, {"role": "tool", "tool_call_id": "call_1", "content": result})


def parts(*texts: str) -> list[Tree]:
    return [{"type": "text", "text": text} for text in texts]


def halves(text: str) -> tuple[str, str]:
    """Cut inside the phrase: in the middle of the words that act."""
    middle = len(text) // 2
    return text[:middle], text[middle:]


def data_url(text: str) -> str:
    return "data:text/plain;base64," + b64encode(text.encode()).decode()


def with_tool(text: str) -> Tree:
    function = {**TOOL["function"], "description": text}  # type: ignore[dict-item]
    return messages(QUESTION, tools=[{"type": "function", "function": function}])


def with_enum(text: str) -> Tree:
    schema = {"type": "object", "properties": {"word": {"type": "string", "enum": ["calm", text]}}}
    return messages(QUESTION, tools=[{"type": "function", "function": {"name": "look_up", "parameters": schema}}])


def with_format(text: str) -> Tree:
    schema = {"name": "answer", "schema": {"type": "object", "description": text}}
    return messages(QUESTION, response_format={"type": "json_schema", "json_schema": schema})


PICTURE = "data:image/png;base64,iVBORw0KGgo="
UNREAD = "nobody looks at a picture: the policy's on_unscannable decides, whatever it shows"
FIRM = {"redact": "refuse"}
"""A text that has no place of its own: it can be refused, not replaced."""
GLUED = "models read joins with a space only, and the word that breaks the detector is cut by it"
WITHOUT_FAULT = tuple(action for action in ACTIONS if action not in ("fault", "open"))

INPUTS = {
    "user": Place(lambda text: said("user", text)),
    "parts": Place(lambda text: said("user", parts("First.", text))),
    "part_border": Place(lambda text: said("user", parts("First", text, "Last")), bare=True),
    "split": Place(lambda text: said("user", parts(*halves(text))), only=WITHOUT_FAULT, why=GLUED),
    "system": Place(lambda text: said("system", text)),
    "system_parts": Place(lambda text: said("system", parts("First.", text))),
    "developer": Place(lambda text: said("developer", text)),
    "history": Place(lambda text: said("assistant", text)),
    "history_refusal": Place(lambda text: said("assistant", None, refusal=text)),
    "history_reasoning": Place(lambda text: said("assistant", "Fine.", reasoning_content=text)),
    "tool_result": Place(with_result),
    "tool_result_parts": Place(lambda text: with_result(parts("First.", text))),
    "function_result": Place(lambda text: said("function", text, name="look_up")),
    "tool_arguments": Place(lambda text: after_call(called("function", "arguments", json.dumps({"q": [text]})))),
    "legacy_arguments": Place(
        lambda text: after_call({"function_call": {"name": "look_up", "arguments": json.dumps({"q": text})}}, name="f")
    ),
    "custom_input": Place(lambda text: after_call(called("custom", "input", text))),
    "tool_definition": Place(with_tool, noticed=False),
    "tool_enum": Place(with_enum, noticed=False),
    "function_definition": Place(
        lambda text: messages(QUESTION, functions=[{"name": "look_up", "description": text}]), noticed=False
    ),
    "format": Place(with_format, structured=True, noticed=False),
    "prediction": Place(lambda text: messages(QUESTION, prediction={"type": "content", "content": text})),
    "stop": Place(lambda text: messages(QUESTION, stop=[text])),
    "name": Place(lambda text: said("user", "How are things?", name=text)),
    "identifier": Place(lambda text: messages(QUESTION, metadata={"about": text}), identifier=True),
    "end_user": Place(lambda text: messages(QUESTION, safety_identifier=text), identifier=True),
    "unknown": Place(lambda text: messages(QUESTION, x_vendor={"deep": [text]})),
    "unknown_name": Place(lambda text: messages(QUESTION, x_vendor={text: 1}), becomes=FIRM),
    "data_url": Place(
        lambda text: said("user", [*parts("Read it."), {"type": "image_url", "image_url": {"url": data_url(text)}}]),
        becomes=FIRM,
    ),
    "picture": Place(
        lambda _: said("user", [*parts("Look."), {"type": "image_url", "image_url": {"url": PICTURE}}]),
        rule="unscannable",
        only=("refuse",),
        why=UNREAD,
        with_routes=True,
    ),
}


def plain(message: Tree, *, finish: str = "stop", top: Tree | None = None, choice: Tree | None = None) -> Script:
    tree = json.loads(completion("", **message).segments[0])
    tree["choices"][0] |= {"finish_reason": finish, **(choice or {})}
    return Script((json.dumps({**tree, **(top or {})}).encode(),))


def streamed(calm: str, deltas: list[Tree], finish: str = "stop", tops: list[Tree] | None = None) -> Script:
    """A role chunk, the calm text, these deltas, the finish."""
    listed = [chunk({"role": "assistant", "content": ""})]
    listed += [chunk({"content": calm[at : at + 60]}) for at in range(0, len(calm), 60)]
    listed += [chunk(delta, **top) for delta, top in zip(deltas, tops or [{}] * len(deltas), strict=True)]
    return stream([*listed, chunk({}, finish)])


def cut(text: str) -> list[str]:
    """As a model sends it: in pieces that cut words."""
    return [text[at : at + 7] for at in range(0, len(text), 7)]


def in_message(name: str, *, whole: bool = False) -> Any:
    """A script that says a text in one member of the message, beside an answer."""

    def script(text: str, form: str, calm: str) -> Script:
        if form == "plain":
            return plain({"content": ANSWER} | {name: text})
        pieces = [text] if whole else cut(text)
        beside = [] if name == "content" or calm else [{"content": ANSWER}]
        return streamed(calm, [*beside, *({name: piece} for piece in pieces)])

    return script


def in_call(kind: str, name: str) -> Any:
    def script(text: str, form: str, calm: str) -> Script:
        value = json.dumps({"q": [text]}) if name == "arguments" else text
        call = {"id": "call_1", "type": kind, kind: {"name": "look_up", name: value}}
        if form == "plain":
            return plain({"content": None, "tool_calls": [call]}, finish="tool_calls")
        first = {"index": 0, **call, kind: {"name": "look_up", name: ""}}
        more = [{"index": 0, kind: {name: piece}} for piece in cut(value)]
        return streamed(calm, [{"tool_calls": [piece]} for piece in (first, *more)], "tool_calls")

    return script


def in_legacy_call(text: str, form: str, calm: str) -> Script:
    value = json.dumps({"q": text})
    if form == "plain":
        call = {"function_call": {"name": "look_up", "arguments": value}}
        return plain({"content": None, **call}, finish="function_call")
    pieces: list[Tree] = [{"name": "look_up", "arguments": ""}, *({"arguments": piece} for piece in cut(value))]
    return streamed(calm, [{"function_call": piece} for piece in pieces], "function_call")


def in_name(text: str, form: str, calm: str) -> Script:
    call = {"id": "call_1", "type": "function", "function": {"name": text, "arguments": "{}"}}
    if form == "plain":
        return plain({"content": None, "tool_calls": [call]}, finish="tool_calls")
    return streamed(calm, [{"tool_calls": [{"index": 0, **call}]}], "tool_calls")


def in_parts(text: str, form: str, calm: str) -> Script:
    if form == "plain":
        return plain({"content": parts("First. ", text)})
    return streamed(calm, [{"content": parts(piece)} for piece in cut(text)])


def at_borders(text: str, form: str, calm: str) -> Script:
    """Words that are some only because parts begin and end there."""
    content = parts("First", text, "Last")
    return plain({"content": content}) if form == "plain" else streamed(calm, [{"content": content}])


def in_halves(text: str, form: str, calm: str) -> Script:
    """A phrase cut by the border of two parts; in a stream, of two chunks."""
    if form == "plain":
        return plain({"content": parts(*halves(text))})
    return streamed(calm, [{"content": half} for half in halves(text)])


def in_second(text: str, form: str, calm: str) -> Script:
    """The second of two choices; the first goes on."""
    if form == "plain":
        tree = json.loads(completion(ANSWER).segments[0])
        other = {"index": 1, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return Script((json.dumps({**tree, "choices": [*tree["choices"], other]}).encode(),))
    first = [chunk({"role": "assistant", "content": ANSWER}), chunk({"role": "assistant", "content": ""}, index=1)]
    second = [chunk({"content": piece}, index=1) for piece in [*([calm] if calm else []), *cut(text)]]
    return stream([*first, *second, chunk({}, "stop", index=1), chunk({}, "stop")])


def in_json(text: str, form: str, calm: str) -> Script:
    value = json.dumps({"answer": calm + text})
    return plain({"content": value}) if form == "plain" else streamed("", [{"content": p} for p in cut(value)])


def in_audio(text: str, form: str, calm: str) -> Script:
    if form == "plain":
        return plain({"content": ANSWER, "audio": {"id": "audio_1", "transcript": text, "expires_at": 1}})
    return streamed(calm, [{"content": ANSWER}, {"audio": {"id": "audio_1", "transcript": text}}])


def in_details(text: str, form: str, calm: str) -> Script:
    details = {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": text}]}
    if form == "plain":
        return plain({"content": ANSWER, **details})
    return streamed(calm, [{"content": ANSWER}, details])


def beside(text: str, form: str, calm: str) -> Script:
    """A member at the top that nobody knows."""
    if form == "plain":
        return plain({"content": ANSWER}, top={"x_note": text})
    return streamed(calm, [{"content": ANSWER}, {"content": " More."}], tops=[{"x_note": text}, {}])


def in_member_name(text: str, form: str, calm: str) -> Script:
    if form == "plain":
        return plain({"content": ANSWER, text: 1})
    return streamed(calm, [{"content": ANSWER}, {text: 1}])


def in_annotation(text: str, form: str, calm: str) -> Script:
    cited = {"type": "url_citation", "url_citation": {"url": "https://example.org/", "title": text}}
    if form == "plain":
        return plain({"content": ANSWER, "annotations": [cited]})
    return streamed(calm, [{"content": ANSWER}, {"annotations": [cited]}])


def tokens(text: str, *, top: str = "") -> list[Tree]:
    """One entry for each piece; `top`: a token nobody chose."""
    others = [{"token": top, "logprob": -2.0, "bytes": None}] if top else []
    return [{"token": p, "logprob": -0.5, "bytes": list(p.encode()), "top_logprobs": others} for p in cut(text)]


def with_logprobs(text: str, form: str, calm: str, *, top: str = "") -> Script:
    if form == "plain":
        return plain({"content": text}, choice={"logprobs": {"content": tokens(text, top=top)}})
    script = streamed(calm, [])
    listed = [json.loads(s.removeprefix(b"data: ")) for s in script.segments if b"[DONE]" not in s]
    for entry in tokens(text, top=top):
        piece = chunk({"content": entry["token"]})
        piece["choices"][0]["logprobs"] = {"content": [entry]}
        listed.insert(-1, piece)
    return stream(listed)


def with_top_logprobs(text: str, form: str, calm: str) -> Script:
    return with_logprobs(ANSWER, form, calm, top=text)


MESSAGE = ("choices", 0, "message")
CALL = (*MESSAGE, "tool_calls", 0)
TOOLS = {"tools": [TOOL]}
NO_PATH = None

OUTPUTS = {
    "content": Place(script=in_message("content"), path=(*MESSAGE, "content")),
    "parts": Place(script=in_parts, path=NO_PATH),
    "part_border": Place(script=at_borders, bare=True),
    "split": Place(script=in_halves, only=WITHOUT_FAULT, why="the word that breaks the detector is cut"),
    "second_choice": Place(lambda _: {"n": 2}, in_second, path=("choices", 1, "message", "content")),
    "json": Place(
        lambda _: {"response_format": FORMAT}, in_json, path=(*MESSAGE, "content"), structured=True, noticed=False
    ),
    "refusal": Place(script=in_message("refusal"), path=(*MESSAGE, "refusal")),
    "reasoning": Place(script=in_message("reasoning_content"), path=(*MESSAGE, "reasoning_content")),
    "reasoning_openrouter": Place(script=in_message("reasoning"), path=(*MESSAGE, "reasoning")),
    "reasoning_details": Place(script=in_details, path=(*MESSAGE, "reasoning_details", 0, "text")),
    "tool_arguments": Place(
        lambda _: TOOLS, in_call("function", "arguments"), path=(*CALL, "function", "arguments"), noticed=False
    ),
    "forced_tool": Place(
        lambda _: {**TOOLS, "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
        in_call("function", "arguments"),
        path=(*CALL, "function", "arguments"),
        structured=True,
        noticed=False,
    ),
    "custom_input": Place(
        lambda _: {"tools": [CUSTOM]}, in_call("custom", "input"), path=(*CALL, "custom", "input"), noticed=False
    ),
    "legacy_arguments": Place(
        lambda _: {"functions": [TOOL["function"]]},
        in_legacy_call,
        path=(*MESSAGE, "function_call", "arguments"),
        noticed=False,
    ),
    "tool_name": Place(
        lambda _: TOOLS,
        in_name,
        noticed=False,
        rule="unscannable",
        only=("refuse",),
        why="a name is compared with the tools of the request: any other one refuses the choice, whatever it says",
    ),
    "annotations": Place(script=in_annotation, path=(*MESSAGE, "annotations", 0, "url_citation", "title"), lossy=True),
    "transcript": Place(script=in_audio, path=(*MESSAGE, "audio", "transcript"), lossy=True),
    "unknown": Place(script=in_message("x_note", whole=True), path=(*MESSAGE, "x_note"), lossy=True),
    "unknown_name": Place(script=in_member_name),
    "beside": Place(script=beside, path=("x_note",), lossy=True),
    "logprobs": Place(lambda _: {"logprobs": True}, with_logprobs, path=(*MESSAGE, "content")),
    "top_logprobs": Place(
        lambda _: {"logprobs": True, "top_logprobs": 1},
        with_top_logprobs,
        dropped=True,
        only=("allow", "refuse"),
        why="alternative tokens never leave, so nobody looks at them",
    ),
}


class Chat:
    """See vocabulary.Driver."""

    name, path, streams, judges = "chat_completions", "/v1/chat/completions", True, False
    inputs, outputs = INPUTS, OUTPUTS
    absent: Mapping[str, Any] = {
        "suffix": "chat has no suffix",
        "list": "one conversation a request",
        "text": "a text comes as a message",
        "document": "a file part is bytes, which the policy's on_unscannable decides on",
        "document_title": "a file part is bytes, which the policy's on_unscannable decides on",
        "custom_result": "the result of a custom tool is a tool message",
        "summary": "thoughts have no summary of their own",
        "second_item": "an answer is one message; a second choice is a channel of its own",
        "echo": "chat does not echo; a repeated prompt is content",
    }
    headers: Mapping[str, str] = {}
    how = Manners()

    def calm(self, stream: bool) -> Script:
        return stream_of(["A calm ", "answer."]) if stream else completion(ANSWER)

    def request(self, stage: str, place: Place, text: str, stream: bool) -> Tree:
        body = place.body(text) if stage == INPUT else messages(QUESTION, **place.body(text))
        return {"model": "m", **body, **({"stream": True} if stream else {})}

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree = collected(chunks(raw), "message") if stream and status == 200 else json.loads(raw)
        if status != 200:
            assert set(tree["error"]) == {"message", "type", "param", "code"}
            return Seen(tree["error"]["message"], error=tree["error"]["code"], tree=tree, strings=raw.decode())
        speaking = [choice["message"] for choice in tree["choices"] if choice["message"]]
        assert all(message.get("role") == "assistant" for message in speaking), "who speaks?"
        choice = tree["choices"][-1]
        message = choice["message"]
        content = message.get("content")
        text = content if isinstance(content, str) else "".join(p.get("text", "") for p in content or [])
        error = tree.get("error")
        return Seen(
            text=text,
            refusal=message.get("refusal"),
            finish=choice["finish_reason"],
            error=error and error["code"],
            annotation=tree.get("guardproxy"),
            tree=tree,
            strings="\n".join([*all_strings(tree), text, raw.decode()]),
        )

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        raise AssertionError("a model answers here")
