import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind, Release
from guardproxy.testing.scripts import chunk
from guardproxy.wire.answer_fields import CallKeys, TextLeaf, choice_leaves
from guardproxy.wire.stream_fields import CHOICE, UnknownFields, without
from guardproxy.wire.stream_queue import below_choice

CHANNEL = Channel(ChannelKind.OTHER, "message.x")
PATH = ("choices", 0, "delta", "x")


def leaf(text):
    return TextLeaf(CHANNEL, text, PATH)


def release(fields, start, end, text):
    fields.release(Release(0, CHANNEL, start, end, text))


def seen(values):
    fields = UnknownFields()
    return "".join(w.leaf.text for value in values for w in fields.watch([leaf(value)]) if w.fresh)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (list("balloon"), "balloon"),  # letter by letter, with letters that repeat
        (["OpenAI"] * 5, "OpenAI"),
        (["safe", "safe", "high", "safe"], "safehighsafe"),
        (["ok", "ok"], "okok"),
    ],
)
def test_what_is_looked_at(values, text):
    assert seen(values) == text


@pytest.mark.parametrize(
    ("path", "key", "told"),
    [(PATH, False, "a"), (PATH, True, "a\n"), (("provider",), False, "a\n"), ((*CHOICE, "stop_reason"), False, "a\n")],
)
def test_what_comes_whole_is_a_line_of_its_own(path, key, told):
    """Else a word could hide behind the end of the value before it."""
    fields = UnknownFields()
    (watched,) = fields.watch([TextLeaf(CHANNEL, "a", path, key)])
    assert (watched.told, watched.end) == (told, len(told))


def test_pieces_keep_their_order_when_the_first_was_held():
    fields = UnknownFields()
    first, second, third = (fields.watch([leaf(text)]) for text in ("one ", "two ", "three"))
    assert fields.settle(chunk({"x": "one "}), first) == chunk({})
    release(fields, 0, 8, "one two ")
    assert fields.settle(chunk({"x": "two "}), second) == chunk({"x": "one two "})
    assert fields.settle(chunk({"x": "three"}), third) == chunk({})
    release(fields, 8, 13, "three")
    assert fields.late(chunk({}, "stop")) == chunk({"x": "three"}, "stop")


@pytest.mark.parametrize(("start", "end", "text"), [(0, 3, "o…"), (1, 3, "ne"), (0, 2, "on")])
def test_a_changed_or_holey_or_partial_release_clears_nothing(start, end, text):
    fields = UnknownFields()
    watched = fields.watch([leaf("one")])
    release(fields, start, end, text)
    assert fields.settle(chunk({"x": "one"}), watched) == chunk({})
    assert fields.late(chunk({}, "stop")) == chunk({}, "stop")


def test_after_the_end_only_a_cleared_value_can_come_again():
    fields = UnknownFields()
    fields.watch([leaf("a")])
    release(fields, 0, 1, "a")
    again, other = fields.watch([leaf("a")], new=False), fields.watch([leaf("b")], new=False)
    assert not any(w.fresh for w in (*again, *other))
    assert fields.only_cleared(chunk({"x": "a"}), again) == chunk({"x": "a"})
    assert fields.only_cleared(chunk({"x": "b"}), other) == chunk({})


def test_a_late_member_finds_its_objects_again():
    path = ("x_vendor", "deep", "note")
    fields = UnknownFields()
    watched = fields.watch([TextLeaf(CHANNEL, "v", path)])
    assert fields.settle(chunk({}, x_vendor={"deep": {"note": "v"}}), watched) == chunk({}, x_vendor={"deep": {}})
    release(fields, 0, 2, "v\n")
    assert fields.late(chunk({}, "stop")) == chunk({}, "stop", x_vendor={"deep": {"note": "v"}})


def test_without():
    tree = {"a": {"b": 1, "c": ["x", "y"]}}
    assert without(tree, ("a", "b")) == {"a": {"c": ["x", "y"]}}
    assert without(tree, ("a", "c", 0)) == {"a": {"b": 1, "c": ["", "y"]}}
    assert without(tree, ("z", "b")) == tree
    assert tree == {"a": {"b": 1, "c": ["x", "y"]}}


def cited(title, delta_more=()):
    item = {"type": "url_citation", "url_citation": {"title": title}}
    return chunk({"annotations": [item]} | dict(delta_more))


def test_an_item_of_a_list_that_is_released_late_leaves_whole_with_the_finish_chunk():
    path = (*CHOICE, "delta", "annotations", 0, "url_citation", "title")
    fields = UnknownFields()
    watched = fields.watch([TextLeaf(CHANNEL, "calm", path)])
    assert fields.settle(cited("calm"), watched) == chunk({})
    release(fields, 0, 4, "calm")
    assert fields.late(chunk({}, "stop"))["choices"][0]["delta"] == cited("calm")["choices"][0]["delta"]


def test_an_item_of_a_list_that_is_never_released_stays_away():
    path = (*CHOICE, "delta", "annotations", 0, "url_citation", "title")
    fields = UnknownFields()
    assert fields.settle(cited("bad"), fields.watch([TextLeaf(CHANNEL, "bad", path)])) == chunk({})
    assert fields.late(chunk({}, "stop")) == chunk({}, "stop")


def test_a_list_whose_strings_are_all_released_keeps_its_place():
    path = (*CHOICE, "delta", "annotations", 0, "url_citation", "title")
    fields = UnknownFields()
    watched = fields.watch([TextLeaf(CHANNEL, "calm", path)])
    release(fields, 0, 4, "calm")
    assert fields.settle(cited("calm"), watched) == cited("calm")


@pytest.mark.parametrize("note", [["it is"], {"deep": ["it is"]}, [{"deep": "it is"}], {"deep": [["it is"]]}])
def test_a_list_below_a_name_that_no_list_knows_waits_with_its_name(note):
    tree = chunk({"content": "a", "note": note})
    leaves = [below_choice(one) for one in choice_leaves(tree["choices"][0], "delta", CONTENT, CallKeys())]
    fields = UnknownFields()
    watched = fields.watch([one for one in leaves if one.channel.kind is ChannelKind.OTHER])
    settled = fields.settle(tree, watched)
    assert "it is" not in str(settled)
    for entry in watched:
        fields.release(Release(0, entry.leaf.channel, 0, len(entry.told), entry.told))
    assert fields.late(chunk({}, "stop")) == chunk({"note": note}, "stop")
