"""`POST /v1/responses` over real sockets, with the stock SDK."""

import json

import openai
import pydantic
import pytest

from guardproxy.testing.scripts import Script, answer
from guardproxy.testing.scripts_typed import (
    function_call,
    output_text,
    reasoning,
    refusal_part,
    response,
    response_stream,
    says,
)
from tests.e2e.conftest import assert_turned_away

FUNCTION = {"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}}


class Pet(pydantic.BaseModel):
    """What structured output is parsed into."""

    name: str


@pytest.fixture
def client(proxy):
    with openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none", max_retries=0) as made:
        yield made


def ask(proxy, given, **more):
    return proxy.post("/v1/responses", {"model": "m", "input": given, **more})


def events(answered):
    frames = [frame.split("\n") for frame in answered.text.split("\n\n") if frame.startswith("event: ")]
    trees = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert [name.removeprefix("event: ") for name, _ in frames] == [tree["type"] for tree in trees]
    assert [tree["sequence_number"] for tree in trees] == list(range(len(trees)))
    return trees


def streamed(client, given="hi", **more):
    """The SDK's `.stream()` helper: every event, and the final response of the last one."""
    with client.responses.stream(model="m", input=given, **more) as stream:
        seen = list(stream)
    return seen, seen[-1].response


def test_a_harmless_answer_passes_with_our_member_added(proxy):
    script = response(reasoning("thoughts", "short"), "Two metres.", function_call("look_up", '{"a": 1}'), x_vendor=[1])
    proxy.upstream.answer_with(script)
    answered = ask(proxy, "How tall?", tools=[FUNCTION], store=False, x_vendor={"a": [1, "b"]})
    body = answered.json()
    assert body.pop("guardproxy")["action"] == "allow"
    assert body == json.loads(script.segments[0])
    sent = proxy.upstream.requests[-1]
    assert sent.path == "/v1/responses"
    fields = {"model": "m", "input": "How tall?", "tools": [FUNCTION], "store": False, "x_vendor": {"a": [1, "b"]}}
    assert sent.json == fields


def test_a_harmless_stream_passes_event_by_event(proxy):
    items = reasoning("thoughts", "short"), "Two metres.", function_call("look_up", '{"a": 1}')
    script = response_stream(*items, size=3)
    proxy.upstream.answer_with(script)
    told = events(ask(proxy, "How tall?", tools=[FUNCTION], stream=True))
    assert told[-1]["response"].pop("guardproxy")["action"] == "allow"
    sent = [json.loads(segment.decode().split("data: ")[1]) for segment in script.segments]
    assert [tree["type"] for tree in told][-1] == "response.completed"
    assert joined(told) == joined(sent)
    assert told[-1]["response"] == sent[-1]["response"]


def joined(trees):
    """The texts of a stream by kind and item: a delta may leave in parts."""
    found = {}
    for tree in trees:
        if tree["type"].endswith(".delta"):
            key = tree["type"], tree["output_index"]
            found[key] = found.get(key, "") + tree["delta"]
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "b l u e f i n c h"},
        {
            "input": [
                {
                    "role": "user",
                    "content": [{"type": "input_text", "text": "blue"}, {"type": "input_text", "text": "finch"}],
                }
            ]
        },
        {"input": "fine", "instructions": "bluefinch"},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": "bluefinch"}]},
        {"input": "fine", "tools": [{**FUNCTION, "description": "bluefinch"}]},
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_input_never_reaches_the_upstream(proxy, fields, stream):
    hits = proxy.upstream.hits
    refused = proxy.post("/v1/responses", {"model": "m", **fields, "stream": stream})
    assert refused.status_code == 200
    body = events(refused)[-1]["response"] if stream else refused.json()
    assert body["output"][0]["content"][0]["text"].startswith("I can't help")
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert body["id"].startswith("resp_")
    assert body["guardproxy"]["stage"] == "input"
    assert refused.headers["x-guardproxy-rule"] == "finch"
    assert proxy.upstream.hits == hits


def test_the_sdk_reads_a_refusal_plain_and_streamed(proxy, client):
    plain = client.responses.create(model="m", input="bluefinch")
    assert plain.output_text.startswith("I can't help")
    seen, last = streamed(client, "bluefinch")
    assert seen[0].type == "response.created"
    assert (seen[-1].type, last.status) == ("response.incomplete", "incomplete")
    assert last.output_text.startswith("I can't help")
    told = list(client.responses.create(model="m", input="bluefinch", stream=True))
    assert "".join(e.delta for e in told if e.type == "response.output_text.delta") == told[-1].response.output_text


def test_an_answer_is_refused_plain_and_in_mid_stream(proxy, client):
    proxy.upstream.answer_with(response("I know the bluefinch."))
    plain = client.responses.create(model="m", input="hi")
    assert plain.output_text.startswith("I can't")
    assert plain.status == "incomplete"
    proxy.upstream.answer_with(response_stream("Two metres tall. It is the bluefinch, you know.", size=4))
    seen, last = streamed(client)
    assert last.output_text.startswith("Two metres tall. It is")
    assert "bluefinch" not in last.model_dump_json() + json.dumps([e.model_dump(mode="json") for e in seen])
    assert len(last.output[0].content) == 2
    assert (seen[-1].type, last.incomplete_details.reason) == ("response.incomplete", "content_filter")


@pytest.mark.parametrize("stream", [False, True])
def test_spans_are_replaced_both_ways(proxy, client, stream):
    said = "I met captain turnip about HX-2031-ABCD. Nice."
    proxy.upstream.answer_with(response_stream(said, size=5) if stream else response(said))
    given = [{"role": "user", "content": "who is captain turnip"}]
    last = streamed(client, given)[1] if stream else client.responses.create(model="m", input=given)
    assert proxy.upstream.requests[-1].json["input"][0]["content"] == "who is [name]"
    assert last.output_text == "I met [name] about [ticket]. Nice."
    assert last.status == "completed"


def test_every_item_of_the_input_is_redacted_in_its_place(proxy):
    proxy.upstream.answer_with(response("Fine."))
    name = "captain turnip"
    given = [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": json.dumps({"who": name})},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": name}]},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": name}]},
        {"type": "shell_call", "call_id": "s", "action": {"commands": [f"echo {name}"]}},
        {"role": "user", "content": "hi"},
    ]
    assert ask(proxy, given, instructions=f"You are {name}.").status_code == 200
    sent = proxy.upstream.requests[-1].json
    assert name not in json.dumps(sent)
    assert json.loads(sent["input"][0]["arguments"]) == {"who": "[name]"}
    assert sent["input"][3]["action"]["commands"] == ["echo [name]"]
    assert sent["instructions"] == "You are [name]."


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
    ],
)
def test_media_are_not_passed_on_unseen(proxy, part):
    hits = proxy.upstream.hits
    answered = ask(proxy, [{"role": "user", "content": [part]}])
    assert (answered.status_code, answered.headers["x-guardproxy-rule"]) == (200, "unscannable")
    assert answered.json()["status"] == "incomplete"
    assert proxy.upstream.hits == hits


@pytest.mark.parametrize("stream", [False, True])
def test_a_notice_is_a_part_of_its_own(proxy, client, stream):
    said = "Climb it."
    proxy.upstream.answer_with(response_stream(said) if stream else response(said))
    last = (
        streamed(client, "my garden ladder")[1]
        if stream
        else client.responses.create(model="m", input="my garden ladder")
    )
    texts = [part.text for part in last.output[0].content]
    assert len(texts) == 2
    assert texts[0] == said or texts[1] == said
    assert last.output_text.count("\n\n") >= 1
    assert last.model_extra["guardproxy"]["action"] == "warn"


@pytest.mark.parametrize("stream", [False, True])
def test_parse_gives_the_object_or_a_clean_refusal(proxy, client, stream):
    said = '{"name": "captain turnip"}'
    proxy.upstream.answer_with(response_stream(said) if stream else response(said))
    if stream:
        parsed = streamed(client, "a pet", text_format=Pet)[1]
        refused = streamed(client, "bluefinch", text_format=Pet)[1]
    else:
        parsed = client.responses.parse(model="m", input="a pet", text_format=Pet)
        refused = client.responses.parse(model="m", input="bluefinch", text_format=Pet)
    assert parsed.output_parsed == Pet(name="[name]")
    assert (refused.output_parsed, refused.status) == (None, "completed")
    assert refused.output[0].content[0].refusal.startswith("I can't help")


@pytest.mark.parametrize("arguments", ['{"who": "captain turnip"}', '{"who": "captain \\u0074urnip"}'])
@pytest.mark.parametrize("stream", [False, True])
def test_arguments_are_looked_at_decoded_and_leave_whole(proxy, client, arguments, stream):
    item = function_call("look_up", arguments)
    proxy.upstream.answer_with(response_stream(item, size=1) if stream else response(item))
    last = (
        streamed(client, tools=[FUNCTION])[1]
        if stream
        else client.responses.create(model="m", input="hi", tools=[FUNCTION])
    )
    assert json.loads(last.output[0].arguments) == {"who": "[name]"}


@pytest.mark.parametrize("item", [function_call("other", "{}"), function_call("look_up", '{"a": "bluefinch"}')])
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_may_not_leave_refuses_the_answer(proxy, client, item, stream):
    proxy.upstream.answer_with(response_stream("Wait.", item) if stream else response("Wait.", item))
    last = (
        streamed(client, tools=[FUNCTION])[1]
        if stream
        else client.responses.create(model="m", input="hi", tools=[FUNCTION])
    )
    assert last.status == "incomplete"
    assert {one.type for one in last.output} == {"message"}


def test_the_models_own_refusal_is_kept_and_is_not_ours(proxy, client):
    proxy.upstream.answer_with(response_stream(says(refusal_part("I would rather not."))))
    last = streamed(client)[1]
    assert last.output[0].content[0].refusal == "I would rather not."
    assert last.model_extra["guardproxy"]["action"] == "allow"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "hi", "previous_response_id": "r"}, (400, "unsupported_parameter", "previous_response_id")),
        ({"input": "hi", "conversation": "c"}, (400, "unsupported_parameter", "conversation")),
        ({"input": "hi", "background": True}, (400, "unsupported_parameter", "background")),
        ({"input": "hi", "prompt": {"id": "p"}}, (400, "unsupported_parameter", "prompt.id")),
        ({"input": [{"type": "item_reference", "id": "x"}]}, (400, "unsupported_parameter", "input[0]")),
        ({"input": [{"type": "smoke_signal"}]}, (400, "unsupported_content_part", "input[0]")),
        ({"input": 7}, (400, "invalid_type", "input")),
    ],
)
def test_what_cannot_be_seen_is_turned_away(proxy, body, expected):
    assert_turned_away(proxy, "responses", json.dumps({"model": "m", **body}), expected)


def test_a_fault_after_headers_is_a_failed_response(proxy, client):
    script = response_stream("Two metres tall, and then some more of it.", size=4)
    proxy.upstream.answer_with(Script(script.segments[:9], content_type=script.content_type))
    seen, last = streamed(client)
    assert (seen[-1].type, last.status, last.error.code) == ("response.failed", "failed", "server_error")
    assert last.output_text.startswith("Two")


@pytest.mark.parametrize(
    "script", [answer({"error": {"message": "no such page"}}, status=404), response(status="failed")]
)
def test_an_upstream_without_this_surface_is_an_error(proxy, script):
    proxy.upstream.answer_with(script)
    answered = ask(proxy, "hi")
    assert answered.status_code in {404, 502}
    assert set(answered.json()["error"]) == {"message", "type", "param", "code"}
    assert ("llama.cpp" in answered.json()["error"]["message"]) is (answered.status_code == 404)


@pytest.mark.parametrize("wanted", [False, True])
def test_the_client_gets_the_form_it_asked_for(proxy, client, wanted):
    items = reasoning("hm"), says(output_text("Two "), output_text("metres."))
    proxy.upstream.answer_with(response(*items) if wanted else response_stream(*items))
    last = streamed(client)[1] if wanted else client.responses.create(model="m", input="hi")
    assert last.output_text == "Two metres."


def test_inline_moderation_reports_one_result_a_stage(proxy, client):
    asked = {"model": "omni-moderation-latest"}
    proxy.upstream.answer_with(response("Fine."))
    plain = client.responses.create(model="m", input="hi", moderation=asked)
    assert plain.moderation.input.type == plain.moderation.output.type == "moderation_result"
    proxy.upstream.answer_with(response_stream("Fine."))
    assert streamed(client, moderation=asked)[1].moderation.output.flagged is False
    assert "moderation" not in proxy.upstream.requests[-1].json


def test_a_refusal_is_forgotten_in_the_next_turn(proxy, client):
    refused = client.responses.create(model="m", input="bluefinch")
    proxy.upstream.answer_with(response("Fine."))
    history = [{"role": "user", "content": "bluefinch"}, *[item.model_dump() for item in refused.output]]
    told = client.responses.create(model="m", input=[*history, {"role": "user", "content": "a heron?"}])
    assert told.output_text == "Fine."
    assert proxy.upstream.requests[-1].json["input"] == [{"role": "user", "content": "a heron?"}]
