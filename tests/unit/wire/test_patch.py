import json

import pytest

from guardproxy.core.conversation import Pointer
from guardproxy.wire.patch import Replacement, drop_messages, insert_system, patch, with_value

ARGUMENTS = '{"q": "call 555", "list": ["a", {"b": "c"}], "n": 1.0}'


def tree():
    call = {"id": "t", "function": {"name": "f", "arguments": ARGUMENTS}}
    return {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "one", "x": 1}, {"type": "text", "text": "two"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
        "x_vendor": {"a": [1, "b"]},
    }


def test_strings_are_replaced_and_the_rest_survives():
    before = tree()
    after = patch(
        before,
        [
            Replacement(Pointer(("messages", 0, "content", 1, "text")), "2"),
            Replacement(Pointer(("x_vendor", "a", 1)), "z"),
        ],
    )
    assert before == tree()
    expected = tree()
    expected["messages"][0]["content"][1]["text"] = "2"
    expected["x_vendor"]["a"][1] = "z"
    assert after == expected


def test_strings_inside_arguments_are_encoded_again():
    path = ("messages", 1, "tool_calls", 0, "function", "arguments")
    after = patch(
        tree(),
        [Replacement(Pointer(path, ("q",)), 'call "…"'), Replacement(Pointer(path, ("list", 1, "b")), "d")],
    )
    arguments = after["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"q": 'call "…"', "list": ["a", {"b": "d"}], "n": 1.0}


def test_arguments_that_are_no_object():
    path = ("a",)
    assert patch({"a": '"x"'}, [Replacement(Pointer(path, ()), "y")]) == {"a": '"y"'}


def test_names_cannot_be_replaced():
    with pytest.raises(AssertionError, match="bug"):
        patch(tree(), [Replacement(Pointer(("x_vendor",), key=True), "y")])


def test_messages_can_leave_and_a_system_message_can_come():
    before = tree()
    assert [m["role"] for m in drop_messages(before, [0])["messages"]] == ["assistant"]
    assert insert_system(before, "be kind")["messages"][0] == {"role": "system", "content": "be kind"}
    assert before == tree()
    assert insert_system(before, "x")["x_vendor"] == before["x_vendor"]


def test_with_value_shares_what_it_does_not_touch():
    before = tree()
    after = with_value(before, ("messages", 0, "role"), "system")
    assert after["x_vendor"] is before["x_vendor"]
    assert "be" not in repr(Replacement(Pointer(("a",)), "be kind"))
