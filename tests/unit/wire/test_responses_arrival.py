import pytest

from guardproxy.core.commands import CONTENT, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts_typed import function_call, reasoning, response_stream
from guardproxy.wire.responses_arrival import Arrivals
from tests.wire.responses_wire import events_of


def arrive(*items, size=4, arrivals=None):
    arrivals = arrivals or Arrivals(CONTENT)
    return [
        (tree["type"].removeprefix("response."), arrivals.read(tree))
        for tree in events_of(response_stream(*items, size=size))
    ]


def of_kind(read, kind):
    return [arrived for name, arrived in read if name == kind]


def test_only_the_pieces_are_new_text():
    read = arrive("Two metres.")
    texts = [(name, leaf.text) for name, arrived in read for leaf in arrived.texts]
    assert texts == [("output_text.delta", piece) for piece in ("Two ", "metr", "es.")]
    copies = [(name, copy.path) for name, arrived in read for copy in arrived.copies]
    assert copies == [
        ("output_text.done", ("text",)),
        ("content_part.done", ("part", "text")),
        ("output_item.done", ("item", "content", 0, "text")),
    ]
    assert all(arrived.divisible for arrived in of_kind(read, "output_text.delta"))


def test_thoughts_are_closed_when_they_end():
    read = arrive(reasoning("deep", "short"))
    closed = [(name, channel.key) for name, arrived in read for channel in arrived.closed]
    assert closed == [
        ("reasoning_summary_text.done", "output.0.summary.0.text"),
        ("reasoning_text.done", "output.0.content.0.text"),
    ]


def test_calls_are_told_once_and_marked():
    read = arrive(function_call("f", '{"a": 1}'))
    assert [arrived.called for _, arrived in read if arrived.called] == [["f"]]
    marked = {name for name, arrived in read if arrived.tool}
    assert marked == {
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    }
    assert not any(arrived.divisible for arrived in of_kind(read, "function_call_arguments.delta"))


def test_a_text_that_comes_whole_first_is_new_and_its_repetition_is_not():
    arrivals = Arrivals(CONTENT)
    item = {"type": "web_search_call", "id": "w", "action": {"type": "search", "query": "herons"}}
    first = arrivals.read({"type": "response.output_item.added", "output_index": 0, "item": item})
    again = arrivals.read({"type": "response.output_item.done", "output_index": 0, "item": item})
    other = {**item, "action": {"type": "search", "query": "storks"}}
    third = arrivals.read({"type": "response.output_item.done", "output_index": 0, "item": other})
    assert [leaf.text for leaf in first.texts] == ["herons"]
    assert [channel.key for channel in first.closed] == ["output.0.action.query"]
    assert (again.texts, len(again.copies)) == ([], 1)
    assert [(leaf.text, leaf.channel.key) for leaf in third.texts] == [("storks", "output.0.action.query#1")]


def test_the_last_event_says_which_items_it_repeats():
    arrivals = Arrivals(CONTENT)
    arrive("a", "b", arrivals=arrivals)
    assert (arrivals.finals, arrivals.done) == ([0, 1], {0, 1})


def test_items_of_the_last_event_alone_are_new():
    arrivals = Arrivals(CONTENT)
    last = events_of(response_stream("a", function_call("f", "{}")))[-1]
    arrived = arrivals.read(last)
    assert [leaf.text for leaf in arrived.texts] == ["a", "{}"]
    assert arrived.called == ["f"]
    assert arrivals.done == set()


def test_strings_that_no_list_knows_do_not_hold_their_event():
    tree = {"type": "response.output_text.delta", "delta": "a", "zz": "b", "obfuscation": "xyz"}
    arrived = Arrivals(CONTENT).read(tree)
    assert "obfuscation" not in tree
    assert [(leaf.channel.kind, leaf.text) for leaf in arrived.others] == [
        (ChannelKind.OTHER, "zz"),
        (ChannelKind.OTHER, "b"),
    ]


def test_the_word_for_an_unknown_kind_holds_its_event():
    arrived = Arrivals(CONTENT).read({"type": "response.surprise", "item": {"text": "b"}})
    assert [(leaf.text, leaf.path) for leaf in arrived.texts] == [("response.surprise", ("type",))]
    assert [leaf.text for leaf in arrived.others] == ["b"]


@pytest.mark.parametrize(
    "tree",
    [
        {"type": "response.output_item.added", "item": 7},
        {"type": "response.created", "response": 7},
        {"type": "response.output_text.delta", "output_index": "x", "delta": "a"},
        {"type": "response.output_text.delta", "output_index": 0, "delta": 4242424242424242},
        {"type": "response.output_item.added", "item": {"type": "program_output", "result": [{"a": "b"}] * 5001}},
    ],
)
def test_what_makes_no_sense_is_the_upstreams_fault(tree):
    with pytest.raises(UpstreamBadAnswer):
        Arrivals(CONTENT).read(tree)


def test_a_text_about_an_item_of_another_kind_is_one_too():
    arrivals = Arrivals(CONTENT)
    arrivals.read({"type": "response.output_item.added", "item": {"type": "reasoning"}})
    with pytest.raises(UpstreamBadAnswer, match="another kind"):
        arrivals.read({"type": "response.output_text.delta", "output_index": 0, "delta": "a"})
