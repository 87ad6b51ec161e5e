import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind, Release
from guardproxy.wire.answer import AnswerText, joined
from guardproxy.wire.rewrite import rewrite, stretches
from guardproxy.wire.seam import SEAM

NAME = Channel(ChannelKind.OTHER, "x{}")
OTHER = Channel(ChannelKind.OTHER, "x")


def released(*pieces, channel=CONTENT):
    """What the moderator let out: (start, end, text) each."""
    return joined([Release(0, channel, *piece) for piece in pieces])[0]


def places(*texts):
    return [AnswerText(0, CONTENT, text, () if text == SEAM else ("t", at)) for at, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "pieces", "parts"),
    [
        (["a", "b"], [(0, 2, "ab")], ["a", "b"]),
        (["a", "b"], [(0, 1, "a"), (1, 2, "b")], ["a", "b"]),
        (
            ["one ", "blue", "finch", " two"],
            [(0, 4, "one "), (4, 13, "[x]"), (13, 17, " two")],
            ["one ", "[x]", "", " two"],
        ),
        (["one bl", "ue two"], [(0, 4, "one "), (4, 8, "[x]"), (8, 12, " two")], ["one [x]", " two"]),
        (["a", "b"], [(0, 1, "a")], ["a", ""]),
        (["aa", "aa"], [(0, 1, "a"), (1, 2, ""), (2, 4, "aa")], ["a", "aa"]),
        (["a", SEAM, "b"], [(0, 3, f"a{SEAM}b")], ["a", SEAM, "b"]),
        (["a", SEAM, "b"], [(0, 1, "a"), (1, 3, "*")], ["a", "", "*"]),
        (["ab", SEAM, "cd"], [(0, 1, "a"), (1, 4, "*"), (4, 5, "d")], ["a*", "", "d"]),
        (["ab", SEAM, "cd"], [(0, 5, f"*{SEAM}d")], ["*d", "", ""]),
        (["ab", "cd", SEAM], [(0, 4, f"*{SEAM}")], [f"*{SEAM}", "", ""]),
    ],
)
def test_a_change_stands_where_it_was_made(texts, pieces, parts):
    assert stretches(places(*texts), released(*pieces)) == parts


def test_nothing_is_released_of_a_channel():
    assert stretches(places("a", "b"), None) == ["", ""]


def test_what_is_not_allowed_does_not_leave():
    tree = {"a": [{"t": "one ", "x": {"y": "v"}}, {"t": "two"}]}
    texts = [
        AnswerText(0, CONTENT, "one ", ("a", 0, "t")),
        AnswerText(0, NAME, "x", ("a", 0, "x"), key=True),
        AnswerText(0, OTHER, "v", ("a", 0, "x", "y")),
        AnswerText(0, CONTENT, SEAM, ()),
        AnswerText(0, CONTENT, "two", ("a", 1, "t")),
    ]
    kept = {NAME: released((0, 1, "x"), channel=NAME), OTHER: released((0, 1, "v"), channel=OTHER)}
    rewrite(tree, texts, {CONTENT: released((0, 5, f"one {SEAM}"), (5, 8, "*")), **kept})
    assert tree == {"a": [{"t": "one ", "x": {"y": "v"}}, {"t": "*"}]}
    tree["a"][1]["t"] = "two"
    rewrite(tree, texts, {CONTENT: released((0, 8, f"one {SEAM}two")), OTHER: kept[OTHER]})
    assert tree == {"a": [{"t": "one "}, {"t": "two"}]}
