"""Texts in, vectors out."""

import pytest

from guardproxy.core.segments import input_segments
from guardproxy.errors import BadRequest, UpstreamBadAnswer
from guardproxy.wire.embeddings import parse_request, texts_beside


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


def texts(raw, *, base64=False):
    return [leaf.text for leaf in texts_beside(raw, base64=base64)]


def item(value):
    return b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":%s}]}' % value


@pytest.mark.parametrize("value", [b"[0.1,-1e-7,3]", b"[]", b"[[0.1],[2]]"])
def test_vectors_are_no_text(value):
    assert texts(item(value)) == texts(item(value), base64=True) == []


def test_base64_is_a_vector_only_where_it_was_asked_for():
    assert texts(item(b'"AACAPwAAgD8="'), base64=True) == []
    assert texts(item(b'"AACAPwAAgD8="')) == ["AACAPwAAgD8="]
    assert texts(item(b'"a heron"'), base64=True) == ["a heron"]


@pytest.mark.parametrize("value", [b'["a"]', b'[0.1,"a"]', b'[[0.1],"a"]', b'{"text":"a"}', b'[[[1],["a"]]]'])
def test_a_text_in_the_place_of_a_vector_is_one(value):
    assert texts(item(value)) == ["a"]


def test_every_other_string_and_unknown_name_is_text():
    raw = b'{"id":"e-1","object":"a b","model":"m","data":[{"object":"x","embedding":[1],"text":"t"}],"usage":{"zz":1}}'
    assert texts(raw) == ["a b", "x", "t", "zz"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data":{}}',
        b'{"data":["a"]}',
        b'{"data":[],"choices":"a"}',
        b'{"error":{"message":"x"},"data":[]}',
        b'{"object":"error","data":[]}',
        b'{"data":[],"data":[]}',
        b'{"data":[{"text":"a","Text":"b"}]}',
        b'{"a":' + b"[" * 1000 + b"]" * 1000 + b',"data":[]}',
    ],
)
def test_an_answer_that_is_none(raw):
    with pytest.raises(UpstreamBadAnswer):
        texts_beside(raw, base64=False)
