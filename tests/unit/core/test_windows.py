"""Where windows fall: by the text alone."""

from __future__ import annotations

from itertools import count

import pytest

from guardproxy.core.commands import CONTENT
from guardproxy.core.rules import Streaming
from guardproxy.core.windows import END, HeldText, Origin, Windows, sentence_end

PLAIN = Streaming(first=10, characters=10, overlap=4, cut_at_sentence=False)


def cut(text: str, sizes: list[int], streaming: Streaming = PLAIN) -> list[tuple[str, str, int]]:
    held, windows, out = HeldText(), Windows(Origin(0, CONTENT, count(1)), streaming), []
    for start, end in zip([0, *sizes], [*sizes, len(text)], strict=True):
        held.append(text[start:end])
        out += windows.cut(held, held.end, ended=end == len(text))
    return [(w.context, w.fresh, w.start) for w in out]


def test_borders():
    assert cut("0123456789abcdefghij", []) == [
        ("", "0123456789", 0),
        ("6789", "abcdef", 6),
        ("cdef", "ghij", 12),
    ]
    assert cut("0123456789abcdef", [])[-1] == ("6789", "abcdef", 6)  # the end is a border: nothing is left to show
    assert cut("", []) == []


def test_fresh_parts_join_to_the_text_and_contexts_stand_before_them():
    text = "One sentence. Another one! A third? And then some more text without any end"
    streaming = Streaming(first=20, characters=24, overlap=8)
    windows = cut(text, [], streaming)
    assert "".join(fresh for _, fresh, _ in windows) == text
    for context, fresh, start in windows:
        assert text[start : start + len(context + fresh)] == context + fresh


@pytest.mark.parametrize("cut_at_sentence", [True, False])
def test_cutting_does_not_move_borders(cut_at_sentence):
    text = "Aa. Bb! Cc? Dddddddddddddddddddddddd. 日本。ああああ\nEe"
    streaming = Streaming(first=10, characters=14, overlap=5, cut_at_sentence=cut_at_sentence)
    whole = cut(text, [], streaming)
    assert cut(text, list(range(1, len(text))), streaming) == whole
    for a in range(len(text)):
        for b in range(a, len(text)):
            assert cut(text, [a, b], streaming) == whole


def test_answers_clear_from_the_front():
    held, windows = HeldText(), Windows(Origin(0, CONTENT, count(1)), PLAIN)
    held.append("0123456789abcdef")
    asked = windows.cut(held, held.end, ended=False)
    assert [w.id for w in asked] == [1, 2]
    assert windows.cleared == 0
    windows.answer(2, (), None)
    assert windows.heard() is None
    windows.answer(1, (), None)
    assert windows.heard() is not None
    assert windows.heard() is not None
    assert windows.heard() is None
    assert windows.cleared == 12
    windows.cut(held, held.end, ended=True)
    assert windows.cleared == END


def test_a_turn_shows_what_is_unseen_and_moves_no_border():
    held, windows = HeldText(), Windows(Origin(0, CONTENT, count(1)), PLAIN)
    held.append("01234")
    assert [(w.context, w.fresh) for w in windows.turn(held)] == [("", "01234")]
    assert windows.turn(held) == []
    held.append("56789abcdef")
    assert [(w.context, w.fresh) for w in windows.cut(held, held.end, ended=False)] == [
        ("01234", "56789"),
        ("6789", "abcdef"),
    ]


def test_held_text_forgets_and_will_not_pretend():
    held = HeldText()
    held.append("abc")
    held.append("def")
    assert held.slice(1, 5) == "bcde"
    held.drop(2)
    assert held.slice(2, 6) == "cdef"
    assert held.around(0, 4) == (2, "cd")
    with pytest.raises(AssertionError):
        held.slice(1, 3)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("aaaa. bbb ccc", 13),
        ("aaaaaaaa. bb", 9),
        ("aaaaaaa.b.bb", 12),
        ("aaaaaaaa。bb", 9),
        ("aaaaaaa\nb. ", 10),
        ("", 0),
    ],
)
def test_sentence_end(text, want):
    assert sentence_end(text) == want
