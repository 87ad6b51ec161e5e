"""Tool arguments and structured output: whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind, Halt, Release
from guardproxy.core.findings import Span
from guardproxy.core.rules import Action, Ladder, LadderStep, Mode, Streaming
from guardproxy.testing.playbook import (
    WEAPONS,
    Scene,
    asks,
    clear,
    fails,
    faults,
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
OTHER_TOOL = Channel(ChannelKind.TOOL, "1", whole=True)
PHRASES = (Named("bad", "zorp blick"), Named("hide", "quux"), Named("hide", "4111"))
SMALL = Streaming(first=10, characters=10, overlap=4, cut_at_sentence=False)
REPLACE = replace(WEAPONS, ladder=Ladder((LadderStep(Action.REDACT, 0.5),)), replace_with="[removed]")


def scene(*rules) -> Scene:
    rules = rules or (rule("bad", Action.REFUSE), rule("hide", Action.REDACT))
    named = [n for n in PHRASES if any(r.id == n.rule for r in rules)]
    return moderator(*rules, phrases=named, streaming=SMALL)


SOURCES = [
    ('{"a": "fine"}', '{"a": "fine"}'),
    ('{"a":"q\\u0075ux \\ud83d\\ude00","n":1.50}', '{"a": "<hide> 😀", "n": 1.50}'),
    ('{"a":"quux \\ud83d","n":1}', '{"a": "<hide> \\ud83d", "n": 1}'),  # a lone surrogate stays an escape
    ('{"n": [4000, 2]}', '{"n": [4000, 2]}'),
    ("not json quux", "not json <hide>"),
    ('{"a": "zorp \\u0062lick"}', None),
    ('{"a": "zorp blick", "a": "ok"}', None),  # either member may be the one that is read
    ('{"quux": 1}', None),  # the name of a member cannot be replaced
    ('{"a": [NaN], "b": "quux"}', '{"a": [NaN], "b": "<hide>"}'),
    ("[" * 9000 + '"zorp blick"', None),
    ('{"a": "zorp", "b": "blick"}', '{"a": "zorp", "b": "blick"}'),
]


@pytest.mark.parametrize(("source", "want"), SOURCES)
@pytest.mark.parametrize("pieces", [False, True])
def test_arguments_leave_whole_or_not_at_all(source, want, pieces):
    mod = scene().moderator
    for piece in source if pieces else [source]:
        assert mod.feed(0, TOOL, piece) == []
    commands = mod.flush(0)
    if want is None:
        assert isinstance(commands[-1], Halt)
        assert len(commands) == 1
        assert mod.decision(0).action is Action.REFUSE
    else:
        assert [c.text for c in commands if isinstance(c, Release)] == [want]
    assert mod.settled(0)


def test_arguments_wait_for_their_windows_and_for_the_content_before_them():
    play(
        scene(WEAPONS),
        feed("hi"), nothing(),
        feed('{"a": "b"}', TOOL), asks(window(1, "", "hi")),
        flush(), asks(window(2, "", "a\nb")),
        clear(2), nothing(),
        clear(1), releases("hi"), releases('{"a": "b"}', TOOL),
    )  # fmt: skip


def test_one_refused_call_refuses_the_choice():
    play(
        scene(),
        feed('{"a": "fine"}', TOOL), nothing(),
        feed('{"a": "zorp blick"}', OTHER_TOOL), nothing(),
        flush(), halts(rule="bad"),
    )  # fmt: skip


def test_a_refused_call_leaves_the_text_before_it():
    play(scene(), feed("calling"), releases("calling"), feed('["zorp blick"]', TOOL), flush(), halts(rule="bad"))


def test_a_window_redaction_reaches_into_the_leaves():
    play(
        scene(REPLACE),
        feed('["abc", "def"]', TOOL), nothing(),
        flush(), asks(window(1, "", "abc\ndef")),
        findings(1, Span(1, 5), weapons=0.9), releases('["a[removed]", "ef"]', TOOL),
    )  # fmt: skip


def test_a_window_redaction_on_a_key_refuses():
    play(
        scene(REPLACE),
        feed('{"abc": "def"}', TOOL), nothing(),
        flush(), asks(window(1)),
        findings(1, Span(0, 3), weapons=0.9), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_all_windows_are_heard_before_the_decision():
    """Whoever answers first, the same rule is named."""
    milder = replace(WEAPONS, id="milder", target="crime.property")
    long = '["0123456789abcdef"]'
    play(
        scene(WEAPONS, milder),
        feed(long, TOOL), nothing(),
        flush(), asks(window(1), window(2)),
        findings(2, weapons=0.9), nothing(),
        findings(1, **{"crime.property": 0.9}), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_a_failure_is_a_fault_unless_something_is_refused():
    play(scene(WEAPONS), feed('["abc"]', TOOL), flush(), asks(window(1)), fails(1), faults())
    both = scene(WEAPONS)
    play(both, feed('["0123456789abcdef"]', TOOL), flush(), asks(window(1), window(2)), fails(1), nothing())
    play(both, findings(2, weapons=0.9), halts(rule="weapons-instructions"))


def test_shadow_windows_are_not_waited_for():
    shadow = replace(WEAPONS, mode=Mode.SHADOW)
    quiet = scene(rule("bad", Action.REFUSE), shadow)
    play(quiet, feed('["abc"]', TOOL), flush(), asks(window(1)), releases('["abc"]', TOOL))
    assert not quiet.moderator.settled(0)
    play(quiet, findings(1, weapons=0.9), nothing())
    assert quiet.moderator.settled(0)
    assert quiet.moderator.decision(0).would_have is Action.REFUSE


def test_content_may_be_whole_too():
    whole = replace(CONTENT, whole=True)
    play(scene(), feed('{"a": "qu', whole), nothing(), feed('ux"}', whole), flush(), releases('{"a": "<hide>"}', whole))


def test_a_table_of_equal_keys_is_scanned_once_a_text():
    made = []
    quiet = scene()
    plan = quiet.moderator._plan
    counted = replace(plan, scanners=lambda channel: made.append(channel) or plan.scanners(channel))
    mod = type(quiet.moderator)(counted)
    mod.feed(0, TOOL, '[{"a": 1}, {"a": 1}, {"a": 1}, {"a": 2}]')
    mod.flush(0)
    assert len(made) == 1 + 3  # the raw text; "a", "1" and "2"


def test_what_shows_only_across_leaves_is_not_let_through():
    """A number and its neighbour make a match in the raw text that no single leaf holds: nothing can be replaced."""
    named = (Named("hide", "1, 4111"),)
    play(
        moderator(rule("hide", Action.REDACT), phrases=named, streaming=SMALL),
        feed("[0000, 0000]", TOOL), nothing(),
        flush(), releases("[0000, 0000]", TOOL),
    )  # fmt: skip
    spaced = (Named("hide", '0000, "ab"'),)
    play(
        moderator(rule("hide", Action.REDACT), phrases=spaced, streaming=SMALL),
        feed('[4111, "ab"]', TOOL), nothing(),
        flush(), halts(rule="hide"),
    )  # fmt: skip
