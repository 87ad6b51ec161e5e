"""What all surfaces read alike."""

import pytest

from guardproxy.core.conversation import Pointer, Unscannable
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits
from guardproxy.wire.request import read_beside, read_head, read_texts, unscannable_error, unsupported, wrong_type

LIMITS = Limits(max_messages=3, max_choices=4)


def refused(call, *arguments):
    with pytest.raises(BadRequest) as caught:
        call(*arguments)
    return caught.value.code, caught.value.param


def test_the_head():
    head = read_head({"model": "m", "stream": True, "n": 2, "safety_identifier": "u1"}, LIMITS)
    assert (head.model, head.stream, head.n, head.include_usage, head.safety_identifier) == ("m", True, 2, False, "u1")
    assert "u1" not in repr(head)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"model": " "}, "invalid_type", "model"),
        ({"model": None}, "invalid_type", "model"),
        ({"stream": 1}, "invalid_type", "stream"),
        ({"n": 0}, "unsupported_parameter", "n"),
        ({"n": 5}, "unsupported_parameter", "n"),
        ({"n": True}, "invalid_type", "n"),
        ({"best_of": 5}, "unsupported_parameter", "best_of"),
        ({"max_tokens": "1"}, "invalid_type", "max_tokens"),
        ({"api_base": "http://x"}, "unsupported_parameter", "api_base"),
        ({"previous_response_id": "r"}, "unsupported_parameter", "previous_response_id"),
        ({"previous_response_id": 0}, "unsupported_parameter", "previous_response_id"),
        ({"Prompt": "x"}, "unsupported_parameter", "Prompt"),
        ({"Input": "x"}, "unsupported_parameter", "Input"),
        ({"stream_options": []}, "invalid_type", "stream_options"),
    ],
)
def test_bad_heads(fields, code, param):
    assert refused(read_head, {"model": "m", **fields}, LIMITS) == (code, param)


def test_one_text_and_several():
    assert [str(p.pointer) for m in read_texts("a", "input", LIMITS) for p in m.parts] == ["input"]
    several = read_texts(["a", "b"], "input", LIMITS)
    assert [(p.text, str(p.pointer)) for m in several for p in m.parts] == [("a", "input[0]"), ("b", "input[1]")]


@pytest.mark.parametrize(
    ("value", "code", "param"),
    [
        ([1], "unscannable_prompt", "input"),
        ([[1, 2], [3]], "unscannable_prompt", "input"),
        (["a", 5], "unscannable_prompt", "input"),
        (["a", [5.0]], "unscannable_prompt", "input"),
        ([0] * 9999, "unscannable_prompt", "input"),
        ([], "invalid_type", "input"),
        (None, "invalid_type", "input"),
        (5, "invalid_type", "input"),
        ({"text": "a"}, "invalid_type", "input"),
        ([True], "invalid_type", "input[0]"),
        (["a", None], "invalid_type", "input[1]"),
        (["a", ["b"]], "invalid_type", "input[1]"),
        (["a", {"text": "b"}], "invalid_type", "input[1]"),
        (["a"] * 4, "too_complex", "input"),
    ],
)
def test_texts_that_are_none(value, code, param):
    assert refused(read_texts, value, "input", LIMITS) == (code, param)


def test_what_stands_beside():
    beside = read_beside({"model": "m", "prompt": "a", "suffix": "b", "user": "u", "odd": ["c"]}, "prompt")
    found = [(p.text, str(p.pointer), p.identifier) for m in beside.extras for p in m.parts]
    assert found == [("b", "suffix", False), ("u", "user", True), ("odd", "odd", False), ("c", "odd[0]", False)]
    assert [u.kind for u in read_beside({"x": [1] * 9}, "prompt").unscannable] == ["token_ids"]


@pytest.mark.parametrize(("kind", "code"), [("image", "unsupported_content_part"), ("token_ids", "unscannable_prompt")])
def test_unscannable_error(kind, code):
    error = unscannable_error(Unscannable(kind, Pointer(("messages", 0, "content", 1))))
    assert (error.code, error.param, error.status) == (code, "messages[0].content[1]", 400)


def test_what_is_sealed_says_why_and_the_way_out():
    error = unscannable_error(Unscannable("redacted_thinking", Pointer(("messages", 1, "content", 0))))
    assert (error.code, error.param) == ("unsupported_content_part", "messages[1].content[0]")
    assert "send the turn without it" in str(error)


def test_token_ids_say_the_way_out():
    assert "check_embedding_ctx_length=False" in str(unscannable_error(Unscannable("token_ids", Pointer(("input",)))))


def test_errors_name_the_place():
    assert (wrong_type(("a", 1), "x").param, unsupported(("b",), "why").code) == ("a[1]", "unsupported_parameter")
