import gc

import pytest

from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind, Release
from guardproxy.testing.scripts import chunk
from guardproxy.wire.held_chunk import Held
from guardproxy.wire.seam import SEAM
from guardproxy.wire.stream_queue import ChoiceQueue

OTHER = Channel(ChannelKind.OTHER, "message.x")
NAME = Channel(ChannelKind.OTHER, "message.x{}")
TOOL = Channel(ChannelKind.TOOL, "0", whole=True)


def queue_of(*deltas, **top):
    queue = ChoiceQueue(CONTENT)
    for seq, delta in enumerate(deltas):
        queue.add(chunk(delta, **top), seq)
    return queue


def release(queue, start, end, text, channel=CONTENT):
    queue.release(Release(0, channel, start, end, text))


def contents(outs):
    return [out.tree["choices"][0]["delta"].get("content") for out in outs]


def test_a_chunk_leaves_when_its_text_is_released_and_as_it_came():
    queue = queue_of({"role": "assistant", "content": ""}, {"content": "hello"}, timings={"predicted_n": 1})
    assert queue.ready() == []
    release(queue, 0, 5, "hello")
    assert [out.tree for out in queue.ready()] == [
        chunk({"role": "assistant", "content": ""}, timings={"predicted_n": 1}),
        chunk({"content": "hello"}, timings={"predicted_n": 1}),
    ]
    assert queue.first_seq is None


def test_a_part_leaves_at_once_and_nothing_comes_twice():
    queue = queue_of({"role": "assistant", "content": "hello"}, usage={"total_tokens": 1})
    release(queue, 0, 3, "hel")
    first = queue.ready()
    release(queue, 3, 5, "lo")
    second = queue.ready()
    assert first[0].tree == chunk({"role": "assistant", "content": "hel"}, usage={"total_tokens": 1})
    assert second[0].tree == chunk({"content": "lo"})


def test_one_release_over_several_chunks_and_back():
    queue = queue_of({"content": "ab"}, {"content": "cd"}, {"content": "ef"})
    release(queue, 0, 3, "abc")
    assert contents(queue.ready()) == ["ab", "c"]
    release(queue, 3, 6, "def")
    assert contents(queue.ready()) == ["d", "ef"]


def test_a_changed_text_goes_to_its_first_chunk_and_empty_ones_stay_away():
    queue = queue_of({"content": "ab"}, {"content": "cd"}, {"content": "ef"}, {"content": "gh"})
    release(queue, 0, 1, "a")
    release(queue, 1, 6, "[…]")
    release(queue, 6, 8, "gh")
    assert contents(queue.ready()) == ["a[…]", "gh"]


def test_chunks_without_text_pass_once_text_has_left():
    queue = queue_of({}, {"content": "a"}, {}, {"content": "b"}, {})
    release(queue, 0, 1, "a")
    assert contents(queue.ready()) == [None, "a", None]
    release(queue, 1, 2, "b")
    assert contents(queue.ready()) == ["b", None]


def test_tool_calls_wait_for_the_end():
    queue = queue_of(
        {"content": "a"},
        {"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    )
    release(queue, 0, 1, "a")
    release(queue, 0, 2, "{}", TOOL)
    assert len(queue.ready()) == 1
    assert len(queue.ready(final=True)) == 2


def test_a_tool_call_that_nobody_released_does_not_leave_at_all():
    queue = queue_of(
        {"content": "a"},
        {"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    )
    release(queue, 0, 1, "a")
    assert contents(queue.ready(final=True)) == ["a"]


def test_an_unknown_field_leaves_with_its_chunk_if_it_is_released_by_then():
    queue = queue_of({"content": "a", "x": "v"})
    release(queue, 0, 2, "x\n", NAME)
    release(queue, 0, 1, "v", OTHER)
    release(queue, 0, 1, "a")
    assert queue.ready()[0].tree == chunk({"content": "a", "x": "v"})


def test_else_it_comes_with_the_finish_chunk():
    queue = queue_of({"content": "a", "x": "v"})
    queue.end(chunk({}, "stop"), 1)
    release(queue, 0, 1, "a")
    assert queue.ready()[0].tree == chunk({"content": "a"})
    release(queue, 0, 2, "x\n", NAME)
    release(queue, 0, 1, "v", OTHER)
    assert queue.finish().tree == chunk({"x": "v"}, "stop")


def test_else_it_does_not_leave():
    for changed in (None, "…"):
        queue = queue_of({"content": "a", "x": "v"})
        queue.end(chunk({}, "stop", x_top="v"), 1)
        release(queue, 0, 1, "a")
        if changed is not None:
            release(queue, 0, 1, changed, OTHER)
        assert queue.ready()[0].tree == chunk({"content": "a"})
        assert queue.finish().tree == chunk({}, "stop")


def test_logprobs_travel_with_an_untouched_delta_only():
    def piece(text):
        tree = chunk({"content": text})
        tree["choices"][0]["logprobs"] = {
            "content": [{"token": text, "logprob": -1, "bytes": None, "top_logprobs": []}]
        }
        return tree

    queue = ChoiceQueue(CONTENT)
    for seq in range(3):
        queue.add(piece("ab"), seq)
    release(queue, 0, 2, "ab")
    release(queue, 2, 4, "a…")
    release(queue, 4, 5, "a")
    kept, redacted, split = (out.tree["choices"][0]["logprobs"] for out in queue.ready())
    assert kept == piece("ab")["choices"][0]["logprobs"]
    assert redacted is None
    assert split is None


def test_the_finish_chunk_keeps_a_reason():
    queue = queue_of({"content": "a"})
    queue.end(chunk({}, "because"), 1)
    assert queue.finish().tree == chunk({}, "stop")


def test_a_channel_does_not_wait_for_another():
    queue = queue_of({"reasoning_content": "ab"}, {"content": "cd"}, {"reasoning_content": "ef"}, {"content": "gh"})
    release(queue, 0, 4, "cdgh")
    assert contents(queue.ready()) == ["cd", "gh"]
    assert queue.first_seq == 0
    release(queue, 0, 4, "abef", REASONING)
    assert [out.tree for out in queue.ready()] == [chunk({"reasoning_content": text}) for text in ("ab", "ef")]
    assert queue.first_seq is None


def test_what_is_not_text_leaves_before_the_chunks_behind_it():
    queue = queue_of({"role": "assistant", "reasoning_content": "ab"}, {}, {"content": "cd"}, {})
    assert queue.ready() == []
    release(queue, 0, 2, "cd")
    deltas = [out.tree["choices"][0]["delta"] for out in queue.ready()]
    assert deltas == [{"role": "assistant", "reasoning_content": ""}, {}, {"content": "cd"}, {}]
    release(queue, 0, 2, "ab", REASONING)
    assert [out.tree for out in queue.ready()] == [chunk({"reasoning_content": "ab"})]


def test_a_chunk_without_text_waits_for_the_rest_of_the_text_before_it():
    queue = queue_of({"content": "abcd"}, {})
    release(queue, 0, 2, "ab")
    assert contents(queue.ready()) == ["ab"]
    release(queue, 2, 4, "cd")
    assert contents(queue.ready()) == ["cd", None]


def test_an_unknown_string_in_a_list_does_not_leave_with_the_second_part():
    queue = queue_of({"content": [{"type": "text", "text": "hello", "x": "v"}, {"type": "text", "text": "you"}]})
    release(queue, 0, 3, "hel")
    release_all = queue.ready()
    release(queue, 3, 9, f"lo{SEAM}you")
    release_all += queue.ready()
    parts = [out.tree["choices"][0]["delta"]["content"] for out in release_all]
    assert [[part["text"] for part in content] for content in parts] == [["hel", ""], ["lo", "you"]]
    assert not any("x" in part for content in parts for part in content)


def listed(*texts, **more):
    return {"content": [{"type": "text", "text": text, **more} for text in texts]}


@pytest.mark.parametrize(
    ("deltas", "told"),
    [
        ([listed("a", "b")], ["a", SEAM, "b"]),
        ([listed("a"), listed("b")], ["a", SEAM, "b"]),
        ([listed("a", index=0), listed("b", index=0), listed("c", index=1)], ["a", "b", SEAM, "c"]),
        ([{"content": "a"}, {"content": "b"}, listed("c"), {"content": "d"}], ["a", "b", SEAM, "c", SEAM, "d"]),
        ([{"content": [{"type": "thinking", "thinking": listed(text)["content"]}]} for text in "ab"], ["a", "b"]),
        ([{"content": [{"type": "thinking", "thinking": listed("a", "b")["content"]}]}], ["a", SEAM, "b"]),
        ([{"reasoning_content": "a", "content": "x"}, {"reasoning_content": "b"}], ["a", "x", "b"]),
    ],
)
def test_where_parts_meet_there_is_a_seam(deltas, told):
    queue = ChoiceQueue(CONTENT)
    assert [text.text for seq, delta in enumerate(deltas) for text in queue.add(chunk(delta), seq)] == told


def test_a_change_over_a_seam_goes_to_the_part_in_front():
    queue = queue_of(listed("ab", "cd"))
    release(queue, 0, 1, "a")
    release(queue, 1, 4, "*")
    release(queue, 4, 5, "d")
    (out,) = queue.ready()
    assert [part["text"] for part in out.tree["choices"][0]["delta"]["content"]] == ["a*", "d"]


def test_a_change_that_begins_with_a_seam_goes_to_the_part_behind():
    queue = queue_of(listed("ab"), listed("cd"))
    release(queue, 0, 2, "ab")
    release(queue, 2, 5, f"{SEAM}*")
    parts = [out.tree["choices"][0]["delta"]["content"][0]["text"] for out in queue.ready()]
    assert parts == ["ab", "*"]


def test_calls_are_split_from_the_text_beside_them():
    call = {"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}", "x": "v"}}
    queue = queue_of({"content": "ab", "tool_calls": [call]}, {"content": "cd"})
    release(queue, 0, 4, "abcd")
    assert [out.tree for out in queue.ready()] == [chunk({"content": "ab"}), chunk({"content": "cd"})]
    assert queue.first_seq == 0
    release(queue, 0, 2, "{}", TOOL)
    named = {"name": "f", "arguments": "{}"}
    assert [out.tree for out in queue.ready(final=True)] == [chunk({"tool_calls": [{**call, "function": named}]})]


def test_dropping_leaves_nothing():
    queue = queue_of({"reasoning_content": "ab"}, {"content": "cd"})
    release(queue, 0, 2, "cd")
    queue.drop()
    assert queue.ready(final=True) == []


def alive():
    return sum(isinstance(one, Held) for one in gc.get_objects())


@pytest.mark.parametrize("released", ["ab", "[a]"])
@pytest.mark.parametrize("deltas", [({"content": "ab"},), ({"role": "assistant", "content": "a"}, {"content": "b"})])
def test_what_has_left_is_gone_and_does_not_wait_for_the_collector_of_cycles(deltas, released):
    gc.collect()
    before = alive()
    gc.disable()
    try:
        queue = queue_of(*deltas)
        release(queue, 0, 2, released)
        assert "".join(filter(None, contents(queue.ready()))) == released
        assert alive() - before <= 1  # the last that has left
    finally:
        gc.enable()
