"""What OpenAI's client makes of answers with shapes, choices and tools; test_client_families.py asks the other clients."""

import json

import openai
import pydantic

from guardproxy.testing.scripts import completion


class Pet(pydantic.BaseModel):
    """What structured output is parsed into."""

    name: str


def stock(proxy):
    return openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none", max_retries=0)


def test_parse_gives_the_object_or_a_clean_refusal(proxy):
    proxy.upstream.answer_with(completion('{"name": "Rex"}'))
    with stock(proxy) as client:
        answer = client.chat.completions.parse(
            model="m", messages=[{"role": "user", "content": "a pet"}], response_format=Pet
        )
        assert answer.choices[0].message.parsed == Pet(name="Rex")
        refused = client.chat.completions.parse(
            model="m", messages=[{"role": "user", "content": "bluefinch"}], response_format=Pet
        )
    message = refused.choices[0].message
    assert message.parsed is None
    assert message.refusal.startswith("I can't help")


def test_a_structured_answer_is_redacted_inside_its_strings(proxy):
    proxy.upstream.answer_with(completion('{"name": "captain turnip"}'))
    with stock(proxy) as client:
        answer = client.chat.completions.parse(
            model="m", messages=[{"role": "user", "content": "a pet"}], response_format=Pet
        )
    assert answer.choices[0].message.parsed == Pet(name="[name]")


def test_choices_do_not_bleed(proxy):
    good, bad = completion("A calm answer."), completion("It is bluefinch.")
    body = json.loads(good.segments[0])
    body["choices"].append({**json.loads(bad.segments[0])["choices"][0], "index": 1})
    proxy.upstream.answer_with(type(good)((json.dumps(body).encode(),)))
    with stock(proxy) as client:
        answer = client.chat.completions.create(model="m", n=2, messages=[{"role": "user", "content": "hi"}])
    assert [c.finish_reason for c in answer.choices] == ["stop", "content_filter"]
    assert answer.choices[0].message.content == "A calm answer."


def test_an_unoffered_tool_is_refused_and_an_offered_one_passes(proxy):
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    proxy.upstream.answer_with(completion("", content=None, tool_calls=[call]))
    with stock(proxy) as client:
        ask = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        passed = client.chat.completions.create(**ask, tools=[tool])
        assert passed.choices[0].message.tool_calls[0].function.arguments == '{"city": "Oslo"}'
        refused = client.chat.completions.create(**ask)
        assert refused.choices[0].finish_reason == "content_filter"
        assert refused.choices[0].message.tool_calls is None
