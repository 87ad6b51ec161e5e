import json

import pytest

from guardproxy.wire.envelope import Ask, Envelope, cut_text, refusal_body, refusal_stream
from guardproxy.wire.shape import TEXT as TEXT_SHAPE

TEXT = "I cannot help with this request. You may ask me something else."
NOTE = {"guardproxy": {"action": "refuse"}}
ENVELOPE = Envelope("chatcmpl-1", 7, "m")


def chunks(frames):
    assert frames[-1] == b"data: [DONE]\n\n"
    return [json.loads(frame[6:]) for frame in frames[:-1]]


def test_a_plain_refusal():
    body = json.loads(refusal_body(ENVELOPE, TEXT, NOTE))
    assert body == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT},
                "logprobs": None,
                "finish_reason": "content_filter",
            }
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        **NOTE,
    }


def test_a_refused_text_completion():
    envelope = Envelope("cmpl-1", 7, "m", TEXT_SHAPE)
    body = json.loads(refusal_body(envelope, TEXT, NOTE, Ask(n=2)))
    choice = {"text": TEXT, "logprobs": None, "finish_reason": "content_filter"}
    assert body["object"] == "text_completion"
    assert body["choices"] == [{"index": 0, **choice}, {"index": 1, **choice}]
    trees = chunks(refusal_stream(envelope, TEXT, NOTE))
    assert all(tree["object"] == "text_completion" and set(tree["choices"][0]) == {*choice, "index"} for tree in trees)
    assert "".join(tree["choices"][0]["text"] for tree in trees) == TEXT
    assert [tree["choices"][0]["finish_reason"] for tree in trees][-2:] == [None, "content_filter"]
    assert trees[-1]["guardproxy"] == NOTE["guardproxy"]


def test_a_structured_refusal():
    choice = json.loads(refusal_body(ENVELOPE, TEXT, None, Ask(structured=True)))["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": None, "refusal": TEXT}
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("n", [1, 3])
def test_a_streamed_refusal(n):
    found = chunks(refusal_stream(ENVELOPE, TEXT, NOTE, Ask(n=n, include_usage=True)))
    for at in range(n):
        mine = [c["choices"][0] for c in found if c["choices"] and c["choices"][0]["index"] == at]
        assert mine[0]["delta"] == {"role": "assistant", "content": ""}
        assert "".join(c["delta"].get("content") or "" for c in mine) == TEXT
        assert 1 <= len(mine) - 2 <= 8
        assert [c["finish_reason"] for c in mine] == [None] * (len(mine) - 1) + ["content_filter"]
    assert [bool(c.get("guardproxy")) for c in found if c["choices"]] == [False] * (len(found) - 2) + [True]
    assert found[-1]["choices"] == []
    assert found[-1]["usage"]["total_tokens"] == 0


def test_a_route_may_ask_for_the_field_although_prose_was_asked_for():
    choice = json.loads(refusal_body(ENVELOPE, TEXT, None, Ask(refusal_field=True)))["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": None, "refusal": TEXT}
    assert choice["finish_reason"] == "stop"


def test_a_streamed_structured_refusal():
    found = [c["choices"][0] for c in chunks(refusal_stream(ENVELOPE, TEXT, None, Ask(structured=True)))]
    assert found[0]["delta"] == {"role": "assistant", "content": None}
    assert "".join(c["delta"].get("refusal", "") for c in found) == TEXT
    assert not any(c["delta"].get("content") for c in found)
    assert found[-1]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "text", ["a", "a b", "a  b ", " ", "word " * 100, "無空白" * 50, "1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 8 9"]
)
def test_pieces_join_back(text):
    assert "".join(cut_text(text)) == text
    assert 1 <= len(cut_text(text)) <= 8
