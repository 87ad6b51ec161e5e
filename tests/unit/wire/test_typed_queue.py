import gc
from dataclasses import replace

import pytest

from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import TextLeaf
from guardproxy.wire.held_chunk import Held
from guardproxy.wire.seam import SEAM
from guardproxy.wire.typed_queue import EventQueue

OTHER = Channel(ChannelKind.OTHER, "delta.x")
NAME = Channel(ChannelKind.OTHER, "delta.x{}")
TOOL = Channel(ChannelKind.TOOL, "1", whole=True)
CITED = Channel(ChannelKind.OTHER, "cited.1")


def delta(text, channel=CONTENT, **more):
    """A piece of text and its leaf."""
    return {"type": "delta", "delta": {"text": text, **more}}, [TextLeaf(channel, text, ("delta", "text"))]


def in_part(number, text):
    """The same of a part of the answer."""
    tree, (leaf,) = delta(text)
    return tree, [replace(leaf, part=number)]


def bare(kind):
    return {"type": kind}


def queue_of(*pieces, **how):
    queue = EventQueue()
    for piece in pieces:
        if isinstance(piece, dict):
            queue.add(piece)
        else:
            queue.add(*piece, divisible=True, **how)
    return queue


def release(queue, start, end, text, channel=CONTENT):
    queue.release(Release(0, channel, start, end, text))


def shown(events):
    return [event["delta"]["text"] if "delta" in event else event["type"] for event in events]


def test_an_event_leaves_when_its_text_is_released_and_as_it_came():
    queue = queue_of(bare("start"), delta("hello", n=1))
    assert queue.ready() == []
    assert queue.waiting
    assert not queue.started
    release(queue, 0, 5, "hello")
    assert queue.ready() == [bare("start"), delta("hello", n=1)[0]]
    assert queue.started
    assert not queue.waiting


def test_texts_are_given_to_be_looked_at_unknown_ones_first():
    queue = EventQueue()
    texts = queue.add(*delta("hello", x="v"), [TextLeaf(OTHER, "v", ("delta", "x"))])
    assert [(text.channel, text.text) for text in texts] == [(OTHER, "v\n"), (CONTENT, "hello")]
    assert "hello" not in repr(texts)


def test_a_string_beside_a_piece_of_text_may_be_a_piece_itself():
    queue = EventQueue()
    texts = queue.add(*delta("hello", x="v"), [TextLeaf(OTHER, "v", ("delta", "x"))], divisible=True)
    assert [(text.channel, text.text) for text in texts] == [(OTHER, "v"), (CONTENT, "hello")]


def test_a_part_leaves_at_once_and_nothing_comes_twice():
    queue = queue_of(delta("hello"), bare("stop"))
    release(queue, 0, 3, "hel")
    assert shown(queue.ready()) == ["hel"]
    assert queue.ready() == []
    release(queue, 3, 5, "lo")
    assert shown(queue.ready()) == ["lo", "stop"]


def test_an_event_that_is_not_divisible_leaves_whole():
    queue = EventQueue()
    queue.add(*delta("hello"))
    release(queue, 0, 3, "hel")
    assert queue.ready() == []
    release(queue, 3, 5, "lo")
    assert shown(queue.ready()) == ["hello"]


def test_one_release_over_several_events_and_back():
    queue = queue_of(delta("ab"), delta("cd"), bare("stop"), bare("start"), delta("ef"))
    release(queue, 0, 3, "abc")
    assert shown(queue.ready()) == ["ab", "c"]
    release(queue, 3, 6, "def")
    assert shown(queue.ready()) == ["d", "stop", "start", "ef"]


def test_a_changed_text_goes_to_its_first_event_and_empty_ones_stay_away():
    queue = queue_of(delta("ab"), delta("cd"), bare("stop"), bare("start"), delta("ef"), delta("gh"))
    release(queue, 0, 1, "a")
    release(queue, 1, 6, "[…]")
    release(queue, 6, 8, "gh")
    assert shown(queue.ready()) == ["a[…]", "stop", "start", "gh"]


def test_an_event_without_text_that_was_taken_out_stays():
    queue = queue_of(delta(""), delta("a"))
    release(queue, 0, 1, "a")
    assert shown(queue.ready()) == ["", "a"]


def test_the_order_is_strict():
    queue = queue_of(delta("ab", REASONING), bare("stop"), delta("cd"))
    release(queue, 0, 2, "cd")
    assert queue.ready() == []
    release(queue, 0, 1, "a", REASONING)
    assert shown(queue.ready()) == ["a"]
    release(queue, 1, 2, "b", REASONING)
    assert shown(queue.ready()) == ["b", "stop", "cd"]


def test_a_second_text_holds_its_event_too():
    queue = EventQueue()
    tree = {"type": "citation", "cited": "a", "title": "b"}
    queue.add(tree, [TextLeaf(CITED, "a", ("cited",)), TextLeaf(CONTENT, "b", ("title",))])
    release(queue, 0, 1, "a", CITED)
    assert queue.ready() == []
    release(queue, 0, 1, "*")
    assert queue.ready() == [{**tree, "title": "*"}]


def test_nothing_of_a_tool_call_leaves_before_the_end():
    queue = queue_of(delta("a"))
    queue.add(bare("call"), tool=True)
    queue.add(*delta("{}", TOOL), tool=True)
    queue.add(bare("stop"))
    release(queue, 0, 1, "a")
    assert shown(queue.ready()) == ["a"]
    release(queue, 0, 2, "{}", TOOL)
    assert queue.ready() == []
    assert shown(queue.ready(final=True)) == ["call", "{}", "stop"]


def test_a_tool_call_alone_does_not_start_the_stream():
    queue = queue_of(bare("start"))
    queue.add(bare("call"), tool=True)
    assert queue.ready() == []
    assert shown(queue.ready(final=True)) == ["start", "call"]


def test_a_tool_call_that_nobody_released_does_not_leave_at_all():
    queue = queue_of(delta("a"))
    queue.add(bare("call"), tool=True)
    queue.add(*delta("{}", TOOL), tool=True)
    release(queue, 0, 1, "a")
    assert shown(queue.ready(final=True)) == ["a"]


def test_text_that_nobody_released_does_not_leave_at_the_end():
    queue = queue_of(delta("abc"), delta("de"))
    release(queue, 0, 1, "a")
    assert shown(queue.ready(final=True)) == ["a"]
    assert not queue.waiting


def test_an_unknown_string_leaves_with_its_event_if_it_is_released_by_then():
    leaves = [TextLeaf(NAME, "x", ("delta", "x"), key=True), TextLeaf(OTHER, "v", ("delta", "x"))]
    for changed, left in ((None, False), ("…", False), ("v", True)):
        queue = EventQueue()
        queue.add(*delta("a", x="v"), leaves, divisible=True)
        release(queue, 0, 2, "x\n", NAME)
        if changed:
            release(queue, 0, 1, changed, OTHER)
        release(queue, 0, 1, "a")
        assert queue.ready() == [delta("a", **({"x": "v"} if left else {}))[0]]


def test_an_unknown_string_leaves_with_the_first_part_only():
    queue = EventQueue()
    queue.add(*delta("ab", x="v"), [TextLeaf(OTHER, "v", ("delta", "x"))], divisible=True)
    release(queue, 0, 1, "v", OTHER)
    release(queue, 0, 1, "a")
    first = queue.ready()
    release(queue, 1, 2, "b")
    assert [*first, *queue.ready()] == [delta("a", x="v")[0], delta("b")[0]]


def test_an_unknown_string_keeps_an_event_whose_text_was_taken_out():
    queue = EventQueue()
    queue.add(*delta("ab"), divisible=True)
    queue.add(*delta("cd", x="v"), [TextLeaf(OTHER, "v", ("delta", "x"))], divisible=True)
    release(queue, 0, 1, "v", OTHER)
    release(queue, 0, 4, "*")
    assert queue.ready() == [delta("*")[0], delta("", x="v")[0]]


def test_a_name_may_hold_its_event_and_takes_its_member_along():
    leaves = [TextLeaf(NAME, "x", ("delta", "x"), key=True), TextLeaf(OTHER, "v", ("delta", "x", "y"))]
    for changed, left in (("x", {"x": {"y": "*"}}), ("…", {})):
        queue = EventQueue()
        queue.add(delta("a", x={"y": "v"})[0], leaves)
        release(queue, 0, 1, "*", OTHER)
        assert queue.ready() == []
        release(queue, 0, 1, changed, NAME)
        assert queue.ready() == [delta("a", **left)[0]]


def test_a_seam_is_looked_at_and_leaves_nowhere():
    queue = EventQueue()
    queue.add(*in_part(0, "ab"), divisible=True)
    texts = queue.add(*in_part(1, "cd"), divisible=True)
    assert [text.text for text in texts] == [SEAM, "cd"]
    release(queue, 0, 4, f"ab{SEAM}c")
    assert shown(queue.ready()) == ["ab", "c"]
    release(queue, 4, 5, "d")
    assert shown(queue.ready()) == ["d"]


def test_a_change_over_a_seam():
    queue = EventQueue()
    queue.add(*in_part(0, "ab"), divisible=True)
    queue.add(*in_part(1, "cd"), divisible=True)
    release(queue, 0, 1, "a")
    release(queue, 1, 4, "*")
    release(queue, 4, 5, "d")
    assert shown(queue.ready()) == ["a*", "d"]


def test_a_part_that_another_has_followed_does_not_go_on():
    queue = EventQueue()
    queue.add(*in_part(0, "ab"))
    queue.add(*in_part(1, "cd"))
    with pytest.raises(UpstreamBadAnswer, match="goes back to a part"):
        queue.add(*in_part(0, "ef"))


def test_settling_sees_what_leaves():
    seen = []

    def settle(tree):
        seen.append(tree["delta"]["text"])
        return {**tree, "n": len(seen)}

    queue = queue_of(delta("abc"), settle=settle)
    release(queue, 0, 1, "a")
    numbered = queue.ready()
    release(queue, 1, 3, "*")
    numbered += queue.ready()
    assert seen == ["a", "*"]
    assert [event["n"] for event in numbered] == [1, 2]


def test_settling_may_keep_an_event_back():
    queue = queue_of(delta("ab"), settle=lambda tree: None if queue.was_changed(CONTENT) else tree)
    queue.add(bare("stop"))
    release(queue, 0, 1, "a")
    assert shown(queue.ready()) == ["a"]
    release(queue, 1, 2, "*")
    assert shown(queue.ready()) == ["stop"]


def test_dropping_leaves_nothing():
    queue = queue_of(delta("ab"), bare("stop"))
    release(queue, 0, 1, "a")
    queue.drop()
    assert not queue.waiting
    assert queue.ready(final=True) == []


def alive():
    return sum(isinstance(one, Held) for one in gc.get_objects())


@pytest.mark.parametrize("released", ["ab", "[a]", ""])
@pytest.mark.parametrize("end", [lambda queue: queue.ready(final=True), lambda queue: queue.drop()])
def test_what_has_left_is_gone_and_does_not_wait_for_the_collector_of_cycles(released, end):
    gc.collect()
    before = alive()
    gc.disable()
    try:
        queue = queue_of(delta("a"), delta("b"), delta("never released"))
        release(queue, 0, 2, released)
        assert "".join(shown(queue.ready())) == released
        assert alive() - before == 1
        end(queue)
        del queue
        assert alive() == before
    finally:
        gc.enable()
