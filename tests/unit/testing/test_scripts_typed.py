"""The typed answers: OpenAI's own client reads them here; Anthropic's reads them in `make clients`."""

import json

import openai
import pytest

from guardproxy.testing import scripts_typed as typed
from guardproxy.testing.fake_upstream import FakeUpstream

ITEMS = (
    typed.reasoning("Let me think about it.", summary="A thought."),
    ["Hel", "lo the", "re."],
    typed.says(typed.refusal_part("I will not.")),
    typed.function_call("weather", '{"city": "Oslo"}'),
    typed.custom_call("shell", "ls -l"),
)


def events(script):
    frames = [segment.decode() for segment in script.segments]
    pairs = [frame.removesuffix("\n\n").split("\ndata: ") for frame in frames]
    found = [json.loads(data) for _, data in pairs]
    assert [name for name, _ in pairs] == [f"event: {event['type']}" for event in found]
    return found


def stock(upstream):
    return openai.OpenAI(base_url=upstream.base, api_key="none", max_retries=0)


def test_the_stock_client_reads_a_plain_response():
    with FakeUpstream(typed.response(*ITEMS)) as upstream, stock(upstream) as client:
        answer = client.responses.create(model="m", input="hi")
    assert answer.output_text == "Hello there."
    assert [item.type for item in answer.output] == [
        "reasoning",
        "message",
        "message",
        "function_call",
        "custom_tool_call",
    ]
    assert answer.usage.total_tokens == 8
    type(answer).model_validate(answer.model_dump())  # the client itself does not check what it reads


def test_the_stock_client_accumulates_a_streamed_response():
    with (
        FakeUpstream(typed.response_stream(*ITEMS)) as upstream,
        stock(upstream) as client,
        client.responses.stream(model="m", input="hi") as stream,
    ):
        whole = stream.get_final_response()
    assert whole.output_text == "Hello there."
    assert whole.output[3].arguments == '{"city": "Oslo"}'


def test_every_event_has_the_published_shape():
    with FakeUpstream(typed.response_stream(*ITEMS)) as upstream, stock(upstream) as client:
        seen = list(client.responses.create(model="m", input="hi", stream=True))
    assert len(seen) >= 40
    for event in seen:
        type(event).model_validate(event.model_dump())


def test_a_response_stream_counts_and_ends_with_its_status():
    stop = {"reason": "max_output_tokens"}
    found = events(typed.response_stream("Half", status="incomplete", incomplete_details=stop))
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert found[-1]["type"] == "response.incomplete"
    assert found[-1]["response"]["incomplete_details"] == stop
    assert found[0]["response"]["incomplete_details"] is None


@pytest.mark.parametrize("size", [1, 3, 100])
def test_deltas_add_up_to_what_is_done(size):
    said, done = {}, {}
    for event in events(typed.response_stream(*ITEMS, size=size)):
        place = (event.get("item_id"), event["type"].rpartition(".")[0])
        if event["type"].endswith(".delta"):
            said[place] = said.get(place, "") + event["delta"]
        for field in ("text", "refusal", "arguments", "input"):
            if event["type"].endswith(".done") and field in event:
                done[place] = event[field]
    assert said == done
    assert len(done) == 6


def test_a_plain_message():
    body = json.loads(typed.message(typed.thinking("Hm."), "Hello.", stop_reason="max_tokens").segments[0])
    assert body["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"},
        {"type": "text", "text": "Hello."},
    ]
    assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "max_tokens")


def test_a_message_stream_says_each_block_in_deltas():
    script = typed.message_stream(typed.thinking("Hm."), ["Hel", "lo."], typed.tool_use("weather", {"city": "Oslo"}))
    found = events(script)
    assert [event["type"] for event in found if "delta" not in event["type"]] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_stop",
        "content_block_start",
        "content_block_stop",
        "content_block_start",
        "content_block_stop",
        "message_stop",
    ]
    deltas = [event["delta"] for event in found if event["type"] == "content_block_delta"]
    assert deltas[:4] == [
        {"type": "thinking_delta", "thinking": "Hm."},
        {"type": "signature_delta", "signature": "c2lnbmVk"},
        {"type": "text_delta", "text": "Hel"},
        {"type": "text_delta", "text": "lo."},
    ]
    assert json.loads("".join(d["partial_json"] for d in deltas[4:])) == {"city": "Oslo"}
    assert found[-2]["delta"]["stop_reason"] == "end_turn"
