import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind, Release
from guardproxy.testing.scripts import chunk
from guardproxy.wire.answer_fields import TextLeaf
from guardproxy.wire.held_chunk import (
    Held,
    Line,
    holds_only_text,
    is_below_tools,
    is_without_text,
    only_tools,
    part_of,
    rest_of,
    says_more,
    trimmed,
    whole_chunk,
    without_tools,
)
from guardproxy.wire.stream_fields import Watched

CALL = {"index": 0, "function": {"name": "f"}}
TEXTS = {"id": "", "object": "chat and a walrus", "model": {"a": "walrus"}}


def held_of(delta, text="", **top):
    """A chunk whose content is its only text."""
    held = Held(0, chunk(delta, **top), [], [], tool=bool(delta.get("tool_calls")))
    if text:
        held.pieces = [Line().take(held, TextLeaf(CONTENT, text, ("delta", "content")))]
    return held


def test_a_line_gives_the_pieces_that_a_release_reaches():
    line, held = Line(), held_of({})
    first, second = (line.take(held, TextLeaf(CONTENT, text, ("delta", "content"))) for text in ("ab", "cd"))
    release = Release(0, CONTENT, 0, 3, "abc")
    assert line.give(release)
    assert list(line.reached(release)) == [first, second]
    release = Release(0, CONTENT, 3, 4, "*")
    assert not line.give(release)
    assert list(line.reached(release)) == [second]
    assert not line.pieces


@pytest.mark.parametrize(
    ("delta", "top", "more"),
    [
        ({"content": "ab"}, {}, False),
        ({"content": "ab", "refusal": None, "reasoning_content": ""}, {}, False),
        ({"content": "ab"}, {"system_fingerprint": "b1", "usage": None}, False),
        ({"content": "ab", "role": "assistant"}, {}, True),
        ({"content": "ab"}, {"usage": {"total_tokens": 1}}, True),
    ],
)
def test_what_stands_beside_the_text(delta, top, more):
    assert says_more(held_of(delta, "ab", **top)) is more


def test_unknown_strings_count_but_not_those_of_a_call():
    def entry(*path):
        return Watched(TextLeaf(Channel(ChannelKind.OTHER, "x"), "v", ("choices", 0, "delta", *path)), 1, fresh=True)

    held = held_of({"tool_calls": [{**CALL, "x": "v"}]})
    held.others = [entry("tool_calls", 0, "x")]
    assert is_below_tools(held.others[0])
    assert not says_more(held)
    held.others.append(entry("x"))
    assert says_more(held)


def test_a_chunk_in_two_parts():
    held = held_of({"role": "assistant", "content": "ab"}, "ab", usage={"total_tokens": 1})
    held.pieces[0].ready, held.pieces[0].covered = "a", 1
    assert part_of(held) == chunk({"role": "assistant", "content": "a"}, usage={"total_tokens": 1})
    held.tree = rest_of(held)
    held.pieces[0].ready = "b"
    assert holds_only_text(held)
    assert whole_chunk(held, changed=True) == chunk({"content": "b"})


def test_a_chunk_without_its_empty_members():
    assert trimmed(held_of({"content": "ab", "refusal": ""}, "ab")) == chunk({"content": "ab"})


def test_calls_and_the_rest():
    tree = chunk({"role": "assistant", "content": None, "tool_calls": [CALL]}, usage={"total_tokens": 1})
    assert only_tools(tree) == chunk({"tool_calls": [CALL]})
    assert without_tools(tree) == chunk({"role": "assistant", "content": None}, usage={"total_tokens": 1})
    assert not is_without_text(held_of({"tool_calls": [CALL]}))
    assert is_without_text(held_of({"content": None}))


@pytest.mark.parametrize(
    "make", [only_tools, lambda tree: rest_of(held_of(tree["choices"][0]["delta"], "ab", **TEXTS))]
)
def test_what_a_chunk_is_called_is_repeated_only_where_it_is_no_text(make):
    tree = chunk({"content": "ab", "tool_calls": [CALL]}, **TEXTS)
    assert {name: value for name, value in make(tree).items() if name != "choices"} == {"id": "", "created": 1}


def test_parts_of_a_content_keep_their_places_and_nothing_else():
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "a"}, "b"], "x": "c"},
        {"type": "text", "text": "d"},
    ]
    held = held_of({"content": parts})
    held.pieces = [Line().take(held, TextLeaf(CONTENT, "d", ("delta", "content", 1, "text")))]
    empty = {"type": "text", "text": ""}
    assert rest_of(held)["choices"][0]["delta"] == {
        "content": [{"type": "thinking", "thinking": [empty, empty]}, empty],
    }


def test_what_is_left_of_a_detail_keeps_its_place_and_kind():
    detail = {"type": "reasoning.text", "index": 2, "signature": "abc", "text": "thoughts"}
    held = Held(0, chunk({"reasoning_details": [detail]}), [], [], tool=False)
    leaf = TextLeaf(Channel(ChannelKind.REASONING, "details.2"), "thoughts", ("delta", "reasoning_details", 0, "text"))
    held.pieces = [Line().take(held, leaf)]
    held.pieces[0].ready = "tho"
    assert part_of(held)["choices"][0]["delta"] == {"reasoning_details": [{**detail, "text": "tho"}]}
    kept = {"type": "reasoning.text", "index": 2, "text": ""}
    assert rest_of(held)["choices"][0]["delta"] == {"reasoning_details": [kept]}
