"""The stage itself: a play that does not hold says so."""

from __future__ import annotations

import pytest

from guardproxy.testing.playbook import asks, clear, feed, flush, halts, moderator, nothing, play, releases, window


def test_a_play_that_holds():
    play(
        moderator(),
        feed("x" * 30),
        asks(window(1, "", "x" * 30)),
        clear(1),
        releases("x" * 20),
        flush(),
        releases("x" * 10),
    )


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([feed("x" * 30)], "nobody expected"),
        ([feed("x" * 30), nothing()], "expected nothing"),
        ([feed("x"), releases("x")], "expected releases"),
        ([feed("x" * 30), asks(window(2))], "expected asks"),
        ([feed("x" * 30), asks(window(1, "y"))], "expected asks"),
        ([feed("x" * 30), asks(window(1), window(2))], "expected asks"),
        ([feed("x" * 30), asks(window(1)), clear(1), halts(rule="any")], "expected halts"),
        ([feed("x" * 30), asks(window(1)), clear(1), releases("x" * 19)], "expected releases"),
    ],
)
def test_a_play_that_does_not_hold(lines, says):
    with pytest.raises(AssertionError, match=says):
        play(moderator(), *lines)
