"""The text of a choice: what its channels say, in the order in which it came."""

from __future__ import annotations

import pytest

from guardproxy.core.choice import Line
from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind
from guardproxy.core.rules import Action
from guardproxy.core.windows import END
from guardproxy.testing.playbook import (
    WEAPONS,
    asks,
    clear,
    close,
    feed,
    findings,
    flush,
    halts,
    moderator,
    nothing,
    play,
    releases,
    window,
)
from guardproxy.testing.stand_ins import Named, rule

TOOL = Channel(ChannelKind.TOOL, "0", whole=True)
BAD = rule("bad", Action.REFUSE)


def words():
    return moderator(BAD, phrases=[Named("bad", "zorp blick")])


def test_a_closed_channel_leaves_whole_while_its_choice_goes_on():
    play(
        words(),
        feed("think zor", REASONING), releases("think ", REASONING),
        close(REASONING), releases("zor", REASONING),
        feed("p blick is said elsewhere"), releases("p blick is said elsewhere"),
        flush(), nothing(),
    )  # fmt: skip


def test_a_closed_channel_is_looked_at_to_its_end_at_once():
    play(
        moderator(WEAPONS, first=30, characters=40, overlap=10),
        feed("short", REASONING), nothing(),
        close(REASONING), asks(window(1, "", "short")),
        feed("answer"), nothing(),
        clear(1), releases("short", REASONING),
        flush(), asks(window(2, "", "answer")),
        clear(2), releases("answer"),
    )  # fmt: skip


def test_what_its_last_window_shows_ends_the_choice():
    play(
        moderator(WEAPONS, first=30, characters=40, overlap=10),
        feed("short", REASONING), nothing(),
        close(REASONING), asks(window(1, "", "short")),
        findings(1, weapons=0.95), halts(rule="weapons-instructions"),
        feed("answer"), nothing(),
    )  # fmt: skip


def test_text_behind_the_end_of_a_channel_is_dropped():
    play(
        words(),
        feed("a", REASONING), releases("a", REASONING),
        close(REASONING), nothing(),
        feed("b", REASONING), nothing(),
        close(REASONING), nothing(),
        flush(), nothing(),
    )  # fmt: skip


def test_closing_what_never_spoke_is_nothing():
    play(words(), close(REASONING), nothing(), feed("a"), releases("a"))


def test_a_text_that_leaves_whole_waits_for_the_others():
    play(
        words(),
        feed('{"a": 1}', TOOL), nothing(),
        close(TOOL), nothing(),
        feed("zorp blick", CONTENT), halts(rule="bad"),
    )  # fmt: skip


def test_channels_that_are_over_cost_nothing_more():
    """Typed streams have one for each citation; every step would look at all of them."""
    own = words().moderator
    for at in range(50):
        channel = Channel(ChannelKind.OTHER, str(at))
        own.feed(0, channel, "a title")
        own.close(0, channel)
    own.feed(0, CONTENT, "go on")
    assert len(own._choices[0]._live) == 1
    assert own.decision(0).action is Action.ALLOW


@pytest.mark.parametrize(
    ("runs", "places"),
    [
        ([(3, 0)], [0, 1, 2, END]),
        ([(2, 0), (2, 2)], [0, 1, 2, 3, END]),
        ([(2, 0), (2, 5)], [0, 1, 5, 6, END]),
        ([(1, 4), (1, 6), (1, 7)], [4, 6, 7, END]),
        ([], [END]),
    ],
)
def test_place(runs, places):
    line = Line(None)
    for size, place in runs:
        line.grow(size, place)
    assert [line.place(at) for at in range(len(places))] == places


def test_the_decision_says_where_in_the_choice_something_was_found():
    scene = words()
    play(scene, feed("think well", REASONING), releases("think well", REASONING))
    play(scene, feed("a zorp blick"), releases("a "), halts(rule="bad"))
    (seen,) = scene.moderator.decision(0).seen.kept
    assert (seen.rule, seen.place, seen.span.start, seen.replaceable) == ("bad", 12, 0, True)
