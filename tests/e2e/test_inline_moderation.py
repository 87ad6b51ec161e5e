"""OpenAI's inline `moderation` on chat, through the stock SDK: it reports, and `block` refuses what is flagged."""

import openai
import pytest

from guardproxy.testing.scripts import completion, stream_of

LADDER, SUBMARINE, FINCH = "a garden ladder", "a paper submarine", "a bluefinch"


def asked(proxy, text, *, stream=False, **modes):
    policy = {stage: {"mode": mode} for stage, mode in modes.items()}
    with openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none", max_retries=0) as client:
        answered = client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": text}],
            moderation={"model": "omni-moderation-latest", "policy": policy},
            stream=stream,
        )
        return list(answered) if stream else answered


def said(stage):
    """What the SDK's types make of one stage."""
    assert stage.type == "moderation_results"
    assert stage.model.startswith("guardproxy-")
    (result,) = stage.results
    assert result.model == stage.model
    return result


def test_score_reports_both_stages_and_changes_nothing(proxy):
    proxy.upstream.answer_with(completion(f"Take {LADDER}."))
    answer = asked(proxy, f"Is {SUBMARINE} wet?", input="score", output="score")
    assert answer.choices[0].message.content.startswith(f"Take {LADDER}.")
    assert said(answer.moderation.input).flagged  # a shadow rule heard it
    assert said(answer.moderation.output).flagged
    assert answer.model_extra["guardproxy"]["action"] == "warn"
    assert "moderation" not in proxy.upstream.requests[-1].json


def test_a_harmless_exchange_is_not_flagged(proxy):
    proxy.upstream.answer_with(completion("Fine."))
    answer = asked(proxy, "hello", input="block", output="block")
    assert answer.choices[0].message.content == "Fine."
    assert not said(answer.moderation.input).flagged
    assert not said(answer.moderation.output).flagged


def test_score_loosens_nothing(proxy):
    hits = proxy.upstream.hits
    answer = asked(proxy, FINCH, input="score", output="score")
    assert answer.choices[0].finish_reason == "content_filter"
    assert said(answer.moderation.input).flagged
    assert answer.moderation.output.type == "error"
    assert proxy.upstream.hits == hits


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("text", "rule"), [(LADDER, "ladders"), (SUBMARINE, "submarine")])
def test_block_refuses_an_input_that_the_policy_would_let_pass(proxy, text, rule, stream):
    hits = proxy.upstream.hits
    refused = proxy.counted(surface="chat_completions", outcome="refuse")
    answer = asked(proxy, text, stream=stream, input="block")
    last = answer[-1] if stream else answer
    choices = [chunk for chunk in answer if chunk.choices][-1].choices if stream else answer.choices
    assert choices[0].finish_reason == "content_filter"
    assert said(last.moderation.input).flagged
    assert proxy.upstream.hits == hits
    assert proxy.counted(surface="chat_completions", outcome="refuse") == refused + 1
    guarded = [c for c in answer if c.choices][-1] if stream else answer
    assert guarded.model_extra["guardproxy"]["rule"] == rule
    line = proxy.record_of(guarded.model_extra["guardproxy"]["decision_id"])
    assert (line["tightened"], line["outcome"]) == (["input"], "refuse")


@pytest.mark.parametrize("stream", [False, True])
def test_block_stops_an_answer(proxy, stream):
    proxy.upstream.answer_with(
        stream_of(["Take the ", "garden ", "lad", "der."]) if stream else completion(f"Take {LADDER}.")
    )
    answer = asked(proxy, "hello", stream=stream, output="block")
    if stream:
        text = "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
        finish = [c for c in answer if c.choices][-1].choices[0].finish_reason
    else:
        text, finish = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert finish == "content_filter"
    assert "garden" not in text
    assert said((answer[-1] if stream else answer).moderation.output).flagged


def test_a_stream_says_it_twice(proxy):
    """On the last chunk with choices, and on a chunk of its own as OpenAI sends it."""
    proxy.upstream.answer_with(stream_of(["Fine."]))
    chunks = asked(proxy, "hello", stream=True, input="score")
    assert [bool(c.choices) for c in chunks if c.moderation] == [True, False]


@pytest.mark.parametrize(
    ("moderation", "param"),
    [
        ("on", "moderation"),
        ({}, "moderation.model"),
        ({"model": "m", "policy": []}, "moderation.policy"),
        ({"model": "m", "policy": {"input": "block"}}, "moderation.policy.input"),
        ({"model": "m", "policy": {"output": {"mode": "off"}}}, "moderation.policy.output.mode"),
    ],
)
def test_a_wrong_shape_is_an_error_that_names_the_place(proxy, moderation, param):
    answered = proxy.chat({"model": "m", "messages": [{"role": "user", "content": "hi"}], "moderation": moderation})
    assert (answered.status_code, answered.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(("path", "body"), [("completions", {"prompt": "hi"}), ("embeddings", {"input": "hi"})])
def test_surfaces_without_it_say_so(proxy, path, body):
    answered = proxy.post(f"/v1/{path}", {"model": "m", "moderation": {"model": "m"}, **body})
    assert (answered.status_code, answered.json()["error"]["param"]) == (400, "moderation")
