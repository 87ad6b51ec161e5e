"""What the moderator asks for and hands out."""

import pytest

from guardproxy.core.commands import CONTENT, REASONING, REFUSAL, Channel, ChannelKind, Inspect, Release, Window
from guardproxy.core.conversation import Scope, Stage

WINDOW = Window(3, 1, CONTENT, "a calm ", "walrus", 40)


def test_a_window_shows_what_was_seen_and_what_is_new():
    segment = WINDOW.segment("who swims?")
    assert (segment.text, segment.stage, segment.scope) == ("a calm walrus", Stage.OUTPUT, Scope.MODEL)
    assert (segment.at, segment.context, segment.pieces) == (40, "who swims?", ())


@pytest.mark.parametrize("thing", [WINDOW, Inspect(WINDOW), Release(0, CONTENT, 0, 6, "walrus")])
def test_no_repr_shows_text(thing):
    assert "walrus" not in repr(thing)


def test_channels_are_told_apart_by_kind_key_and_wholeness():
    channels = {CONTENT, REASONING, REFUSAL, Channel(ChannelKind.TOOL, "0"), Channel(ChannelKind.TOOL, "1")}
    assert len(channels) == 5
    assert Channel(ChannelKind.CONTENT) in channels
    assert Channel(ChannelKind.CONTENT, whole=True) not in channels
