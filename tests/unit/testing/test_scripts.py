import json
from pathlib import Path

import pytest

from guardproxy.testing.scripts import (
    SSE,
    answer,
    case_script,
    chunk,
    completion,
    continuation,
    continuation_stream,
    parrot,
    recorded,
    stream_of,
    text_chunk,
    vectors,
)


def test_a_plain_script():
    script = completion("hi", reasoning_content="hm")
    body = json.loads(script.segments[0])
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "hi", "reasoning_content": "hm"}
    assert answer({}, 429, retry_after="2").headers == (("retry-after", "2"),)


def test_a_stream_has_role_text_finish_usage_and_done():
    script = stream_of(["a", "b"], usage={"total_tokens": 3})
    assert script.content_type == SSE
    assert script.segments[-1] == b"data: [DONE]\n\n"
    trees = [json.loads(segment[6:]) for segment in script.segments[:-1]]
    assert trees[1] == chunk({"content": "a"})
    assert trees[-2]["choices"][0]["finish_reason"] == "stop"
    assert trees[-1]["usage"] == {"total_tokens": 3}


def test_text_completions_and_vectors():
    choices = json.loads(continuation("a", "b", finish_reason="length").segments[0])["choices"]
    assert [(c["text"], c["index"], c["finish_reason"]) for c in choices] == [("a", 0, "length"), ("b", 1, "length")]
    streamed = continuation_stream(["a"])
    assert json.loads(streamed.segments[0][6:]) == text_chunk("a")
    assert json.loads(streamed.segments[1][6:])["choices"][0]["finish_reason"] == "stop"
    assert [v["index"] for v in json.loads(vectors(2).segments[0])["data"]] == [0, 1]


def test_without_a_script_it_answers_as_asked():
    assert parrot({"stream": True}).content_type == SSE
    assert parrot({"stream": False}).content_type == "application/json"
    assert parrot(None).content_type == "application/json"


def test_a_row_of_the_cases():
    script = case_script({"segments_b64": ["YQ==", "Yg=="], "content_type": "text/html"})
    assert (script.segments, script.content_type) == ((b"a", b"b"), "text/html")


LLAMA = Path(__file__).parents[2] / "wire" / "golden" / "llama"
INDEX = json.loads((LLAMA / "index.json").read_text())


@pytest.mark.parametrize("name", INDEX)
def test_a_recorded_dialogue_is_cut_as_it_came(name):
    script = recorded(LLAMA, name)
    assert b"".join(script.segments) == (LLAMA / INDEX[name]["file"]).read_bytes()
    assert [len(piece) for piece in script.segments] == INDEX[name]["segments"]
    assert (script.status, script.content_type) == (INDEX[name]["status"], INDEX[name]["headers"]["content-type"])
