import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind
from guardproxy.wire.chat_answer import AnswerText
from guardproxy.wire.rewrite import rewrite, spread

NAME = Channel(ChannelKind.OTHER, "x{}")
OTHER = Channel(ChannelKind.OTHER, "x")


@pytest.mark.parametrize(
    ("pieces", "text", "parts"),
    [
        (["a", "b"], "ab", ["a", "b"]),
        (["one ", "blue", "finch", " two"], "one [x] two", ["one ", "[x]", "", " two"]),
        (["one bl", "ue two"], "one [x] two", ["one [x]", " two"]),
        (["a", "b"], "", ["", ""]),
        (["a", "b"], "abc", ["a", "bc"]),
        (["aa", "aa"], "aaa", ["aa", "a"]),
        (["a", "", "b"], "axb", ["a", "", "xb"]),
        ([], "", []),
    ],
)
def test_a_change_stands_where_it_was_made(pieces, text, parts):
    assert spread(pieces, text) == parts


def test_what_is_not_allowed_does_not_leave():
    tree = {"a": [{"t": "one ", "x": {"y": "v"}}, {"t": "two"}]}
    texts = [
        AnswerText(0, CONTENT, "one ", ("a", 0, "t")),
        AnswerText(0, NAME, "x", ("a", 0, "x"), key=True),
        AnswerText(0, OTHER, "v", ("a", 0, "x", "y")),
        AnswerText(0, CONTENT, "two", ("a", 1, "t")),
    ]
    rewrite(tree, texts, {CONTENT: "one *", NAME: "x", OTHER: "v"})
    assert tree == {"a": [{"t": "one ", "x": {"y": "v"}}, {"t": "*"}]}
    tree["a"][1]["t"] = "two"
    rewrite(tree, texts, {CONTENT: "one two", OTHER: "v"})
    assert tree == {"a": [{"t": "one "}, {"t": "two"}]}
