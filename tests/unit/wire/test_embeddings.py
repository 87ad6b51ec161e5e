"""Texts in, vectors out."""

import pytest

from guardproxy.core.segments import input_segments
from guardproxy.errors import BadRequest, UpstreamBadAnswer
from guardproxy.wire.embeddings import check_answer, parse_request


def ask(**fields):
    return parse_request({"model": "m", "input": "hi", **fields})


def test_a_plain_request():
    request = ask(encoding_format="base64", dimensions=256, user="u")
    assert (request.model, request.stream, request.noticed, request.prose) == ("m", False, False, False)
    assert [(s.text, s.identifier) for s in input_segments(request.conversation)] == [("hi", False), ("u", True)]
    assert "hi" not in repr(request)


def test_the_texts_of_a_list_stand_alone():
    request = ask(input=["blue", "finch"])
    assert [s.text for s in input_segments(request.conversation)] == ["blue", "finch"]
    assert request.conversation.last_user_text() == "blue\nfinch"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": [1, 2]}, "unscannable_prompt", "input"),
        ({"input": [[1, 2]]}, "unscannable_prompt", "input"),
        ({"input": None}, "invalid_type", "input"),
        ({"input": []}, "invalid_type", "input"),
        ({"input": [{"type": "image_url"}]}, "invalid_type", "input[0]"),
        ({"messages": []}, "unsupported_parameter", "messages"),
        ({"stream": True}, "unsupported_parameter", "stream"),
        ({"base_url": "http://x"}, "unsupported_parameter", "base_url"),
    ],
)
def test_refused_fields(fields, code, param):
    with pytest.raises(BadRequest) as caught:
        ask(**fields)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_an_answer_with_vectors_is_fine():
    check_answer(b'{"object":"list","data":[{"embedding":[0.1]}],"x":1}')


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"data":{}}', b'{"error":{"message":"x"},"data":[]}', b'{"object":"error","data":[]}']
)
def test_an_answer_without_is_not(raw):
    with pytest.raises(UpstreamBadAnswer):
        check_answer(raw)
