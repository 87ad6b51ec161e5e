"""Prompts in; what is refused by name."""

import pytest

from guardproxy.core.conversation import Role
from guardproxy.core.segments import input_segments
from guardproxy.errors import BadRequest
from guardproxy.wire.completions import parse_request


def ask(**fields):
    return parse_request({"model": "m", "prompt": "hi", **fields})


def test_a_plain_request():
    request = ask(echo=True, suffix="end", best_of=2, logprobs=1)
    assert (request.model, request.stream, request.n) == ("m", False, 1)
    assert not request.structured
    assert not request.noticed
    assert not request.prose
    assert ask().prose
    assert [m.role for m in request.conversation.messages] == [Role.USER]
    assert [s.text for s in input_segments(request.conversation)] == ["hi", "end"]
    assert "hi" not in repr(request)


def test_each_prompt_is_answered_n_times_and_stands_alone():
    request = ask(prompt=["blue", "finch"], n=3, stream=True, stream_options={"include_usage": True})
    assert (request.n, request.stream, request.include_usage) == (6, True, True)
    assert [s.text for s in input_segments(request.conversation)] == ["blue", "finch"]


def test_unknown_fields_survive_and_are_read():
    request = ask(guided_choice=["a", "b"], user="u")
    assert request.tree["guided_choice"] == ["a", "b"]
    found = {(s.text, s.identifier) for s in input_segments(request.conversation)}
    assert found == {("hi", False), ("guided_choice", False), ("a", False), ("b", False), ("u", True)}


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": [1, 2]}, "unscannable_prompt", "prompt"),
        ({"prompt": [[1], [2]]}, "unscannable_prompt", "prompt"),
        ({"prompt": None}, "invalid_type", "prompt"),
        ({"prompt": []}, "invalid_type", "prompt"),
        ({"prompt": {"prompt_string": "hi"}}, "invalid_type", "prompt"),
        ({"prompt": ["a"] * 9, "n": 16}, "too_complex", "prompt"),
        ({"prompt_embeds": "AAAA"}, "unsupported_parameter", "prompt_embeds"),
        ({"Prompt_Embeds": "AAAA"}, "unsupported_parameter", "Prompt_Embeds"),
        ({"messages": []}, "unsupported_parameter", "messages"),
        ({"suffix": 5}, "invalid_type", "suffix"),
        ({"echo": "yes"}, "invalid_type", "echo"),
        ({"n": 17}, "unsupported_parameter", "n"),
    ],
)
def test_refused_fields(fields, code, param):
    with pytest.raises(BadRequest) as caught:
        ask(**fields)
    assert (caught.value.code, caught.value.param) == (code, param)
