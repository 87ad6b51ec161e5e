import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts import chunk
from guardproxy.wire.conversion import Collector, as_chunks

CALLS = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}, {"id": "b", "x": 1}]


def collect(chunks):
    collector = Collector()
    for piece in chunks:
        collector.add(piece)
    return collector.tree()


def test_an_answer_becomes_a_stream_and_back():
    message = {"role": "assistant", "content": "hello", "reasoning_content": "hm", "tool_calls": CALLS, "x": {"y": "z"}}
    answer = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls", "stop_reason": 5},
            {"index": 1, "message": {"role": "assistant", "content": None}, "finish_reason": "length"},
        ],
        "usage": {"total_tokens": 3},
    }
    chunks = as_chunks(answer)
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
    assert [c["choices"][0]["finish_reason"] if c["choices"] else "usage" for c in chunks] == [
        None,
        "tool_calls",
        None,
        "length",
        "usage",
    ]
    assert [call["index"] for call in chunks[0]["choices"][0]["delta"]["tool_calls"]] == [0, 1]
    assert collect(chunks) == answer


def test_pieces_are_joined():
    def call(**function):
        return {"tool_calls": [{"index": 0, "function": function}]}

    tree = collect(
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "a"}),
            chunk({"content": "b", "role": "assistant"}),
            chunk({"content": "x"}, index=1),
            chunk(call(name="f", arguments="{")),
            chunk(call(arguments="}")),
            chunk({}, "stop"),
            chunk({"content": None}, "length", index=1),
            {**chunk({}), "choices": [], "usage": {"total_tokens": 1}},
        ]
    )
    first, second = tree["choices"]
    assert first["message"] == {
        "role": "assistant",
        "content": "ab",
        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
    }
    assert (second["message"]["content"], second["finish_reason"]) == ("x", "length")
    assert tree["usage"] == {"total_tokens": 1}


def test_a_call_without_its_list_is_a_call():
    def call(**function):
        return {"tool_calls": {"index": 0, "id": "", "function": function}}

    answer = collect([chunk(call(name="f", arguments="{")), chunk(call(name=None, arguments="}")), chunk({}, "stop")])
    assert answer["choices"][0]["message"]["tool_calls"] == [{"id": "", "function": {"name": "f", "arguments": "{}"}}]
    answer["choices"][0]["message"]["tool_calls"] = call(name="f")["tool_calls"]
    (made,) = as_chunks(answer)[0]["choices"]
    assert made["delta"]["tool_calls"] == [{"index": 0, "id": "", "function": {"name": "f"}}]


def test_content_that_comes_as_text_and_as_parts():
    thought, said = {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}
    deltas = [{"content": ""}, {"content": [thought]}, {"content": "a"}, {"content": None}, {"content": [said]}]
    answer = collect([*map(chunk, deltas), chunk({}, "stop")])
    assert answer["choices"][0]["message"]["content"] == [thought, said, said]


def test_an_empty_name_takes_no_names_place():
    empty = {"id": "", "object": "", "created": 0, "model": "", "usage": None, "note": 1, "choices": []}
    answer = collect([empty, chunk({"content": "a"}, "stop"), empty])
    del answer["choices"]
    assert answer == {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "note": 1}


def test_empty_results_take_no_results_place():
    judged, ended = chunk({"content": "a"}), chunk({}, "stop")
    judged["choices"][0]["content_filter_results"] = {"hate": {"filtered": False}}
    ended["choices"][0]["content_filter_results"] = {}
    (choice,) = collect([judged, ended])["choices"]
    assert choice["content_filter_results"] == {"hate": {"filtered": False}}


def test_later_pieces_of_a_call_do_not_take_its_name():
    def call(name, known_as, arguments):
        return {"tool_calls": [{"index": 0, "id": known_as, "function": {"name": name, "arguments": arguments}}]}

    (choice,) = collect([chunk(call("f", "t", "{")), chunk(call("", "", "}")), chunk({}, "stop")])["choices"]
    assert choice["message"]["tool_calls"] == [{"id": "t", "function": {"name": "f", "arguments": "{}"}}]


def test_tokens_are_joined():
    def spoken(word):
        piece = chunk({"content": word})
        piece["choices"][0]["logprobs"] = {"content": [{"token": word, "logprob": -1}], "refusal": None}
        return piece

    tokens = [{"token": word, "logprob": -1} for word in "ab"]
    (choice,) = collect([spoken("a"), spoken("b"), chunk({}, "stop")])["choices"]
    assert choice["logprobs"] == {"content": tokens, "refusal": None}


def test_the_text_so_far_beside_a_delta_is_no_text():
    beside = chunk({"content": "b"}, "stop")
    beside["choices"][0]["message"] = {"content": "ab"}
    assert collect([chunk({"content": "a"}), beside])["choices"][0]["message"]["content"] == "ab"


@pytest.mark.parametrize("more", [{}, {"choices": None}, {"choices": []}])
def test_chunks_without_choices_say_nothing(more):
    assert collect([more, chunk({"content": "a"}, "stop")])["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize("finish", [None, ""])
def test_a_cut_stream_is_called_cut(finish):
    with pytest.raises(UpstreamBadAnswer) as caught:
        collect([chunk({"content": "a"}, finish)])
    assert caught.value.kind == "reset"


@pytest.mark.parametrize("chunks", [[], [chunk({"content": "a"})], [{"error": {"message": "x"}}], [{"choices": ["x"]}]])
def test_half_an_answer_is_none(chunks):
    with pytest.raises(UpstreamBadAnswer):
        collect(chunks)


@pytest.mark.parametrize("tree", [{}, {"choices": []}, {"error": "x"}])
def test_no_answer(tree):
    with pytest.raises(UpstreamBadAnswer):
        as_chunks(tree)
