"""The stream moderator as a play: `>>` what happens, `<<` what must be answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind, Command, Fault, Halt, Inspect, Release
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Failure, FailureKind, Finding, Span
from guardproxy.core.holdback import Scan
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule, Streaming
from guardproxy.core.rules import Release as When
from guardproxy.core.windows import sentence_end
from guardproxy.testing.split_law import PhraseScanner, run

TOOL = Channel(ChannelKind.TOOL, "0", whole=True)
SMALL = Streaming(first=10, characters=10, overlap=4, cut_at_sentence=False)
BROKEN = Failure("fake", FailureKind.TIMEOUT, "output")


def rule(name: str, action: Action, kind: Kind = Kind.WORDS, mode: Mode = Mode.ENFORCE) -> Rule:
    target = "fake" if kind is Kind.DETECTOR else ""
    return Rule(name, kind, target, Ladder((LadderStep(action, 0.5),)), mode=mode)


REFUSE, HIDE = rule("bad", Action.REFUSE), rule("hide", Action.REDACT)
WINDOWS = rule("window", Action.REFUSE, Kind.DETECTOR)


def moderator(*rules: Rule, streaming: Streaming = SMALL, classifies: bool = False, fatal: bool = True) -> Moderator:
    policy = Policy(PolicyRef("test", 1, "0"), rules, streaming=streaming)
    phrases = [("bad", "zorp blick"), ("hide", "quux"), ("hide", "4111")]
    wanted = [p for p in phrases if any(r.id == p[0] for r in rules)]

    def scanners(_channel: Channel) -> tuple[PhraseScanner, ...]:
        return (PhraseScanner(wanted),) if wanted else ()

    return Moderator(Plan(policy, Context(), scanners, classifies, lambda _failure: fatal))


def told(commands: list[Command], space: str = " ") -> str:
    """The commands as one line: released text, `?7:context|fresh` for a window, `HALT0`, `FAULT`."""
    words = {Halt: lambda c: f"HALT{c.choice}", Fault: lambda c: "FAULT", Release: lambda c: c.text}
    words[Inspect] = lambda c: f"?{c.window.id}:{c.window.context}|{c.window.fresh}"
    return " ".join(words[type(c)](c).replace(" ", space) for c in commands)


def hit(where: Inspect | None = None, span: Span | None = None) -> Finding:
    text = where.window.segment() if where else Segment("", Stage.OUTPUT, Scope.MODEL)
    return Finding("fake", "custom", 0.9, text, span)


def play(mod: Moderator, script: str) -> None:
    """`>> 0 text` feeds, `>> flush 0`, `>> answer 1`, `>> hit 1`; `<<` holds what must come of it, `_` is a space."""
    commands: list[Command] = []
    for line in script.strip().splitlines():
        sign, _, rest = line.strip().partition(" ")
        if sign == "<<":
            assert told(commands, "_") == rest.strip(), line
            continue
        verb, _, operand = rest.partition(" ")
        if verb == "flush":
            commands = mod.flush(int(operand))
        elif verb in ("answer", "hit"):
            commands = mod.answer(int(operand), [hit()] if verb == "hit" else [])
        else:
            commands = mod.feed(int(verb), CONTENT, operand.replace("_", " "))


PLAYS = {
    "a phrase cut in two is held, then refused": (
        (REFUSE,),
        False,
        """
        >> 0 hello_zor
        << hello_
        >> 0 p_bl
        <<
        >> 0 ick_and
        << HALT0
        >> 0 more
        <<
        >> flush 0
        <<
        """,
    ),
    "what only looked like it is let go": (
        (REFUSE,),
        False,
        """
        >> 0 a_zorp
        << a_
        >> flush 0
        << zorp
        """,
    ),
    "a replaced stretch is a release of its own": (
        (HIDE,),
        False,
        """
        >> 0 x_qu
        << x_
        >> 0 ux_y
        << [removed] _y
        """,
    ),
    "windows clear all but their overlap": (
        (WINDOWS,),
        True,
        """
        >> 0 0123456789ab
        << ?1:|0123456789
        >> answer 1
        << 012345
        >> 0 cdef
        << ?2:6789|abcdef
        >> answer 2
        << 6789ab
        >> flush 0
        << cdef
        """,
    ),
    "a flagged window stops where it opens, whoever answers first": (
        (WINDOWS,),
        True,
        """
        >> 0 0123456789abcdef
        << ?1:|0123456789 ?2:6789|abcdef
        >> hit 2
        <<
        >> answer 1
        << 012345 HALT0
        >> answer 2
        <<
        """,
    ),
    "a phrase waits for the windows before it": (
        (REFUSE, WINDOWS),
        True,
        """
        >> 0 0123_zorp_blick
        << ?1:|0123_zorp_
        >> answer 1
        << 0123_ HALT0
        """,
    ),
    "choices do not bleed": (
        (REFUSE,),
        False,
        """
        >> 0 zorp
        <<
        >> 1 _blick
        << _blick
        >> 0 _blick
        << HALT0
        >> 1 _on
        << _on
        """,
    ),
}


@pytest.mark.parametrize("name", PLAYS)
def test_play(name: str) -> None:
    rules, classifies, script = PLAYS[name]
    play(moderator(*rules, classifies=classifies), script)


def test_shadow_and_log_rules_never_hold_but_count() -> None:
    shadow = [rule("bad", Action.REFUSE, mode=Mode.SHADOW), rule("window", Action.LOG, Kind.DETECTOR)]
    mod = moderator(*shadow, classifies=True)
    assert told(mod.feed(0, CONTENT, "a zorp")) == "a zorp"
    assert told(mod.feed(0, CONTENT, " blick")) == "?1:|a zorp bli  blick"
    mod.answer(1, [hit()])
    mod.flush(0)
    assert mod.decision(0).action is Action.LOG
    assert mod.decision(0).would_have is Action.REFUSE


def test_a_failure_ends_everything_only_when_it_is_fatal() -> None:
    mod = moderator(WINDOWS, classifies=True)
    assert told(mod.feed(0, CONTENT, "0123456789")) == "?1:|0123456789"
    assert mod.answer(1, [], [BROKEN]) == [Fault(BROKEN)]
    assert mod.feed(0, CONTENT, "0123456789") == mod.flush(0) == mod.feed(1, CONTENT, "x") == []
    open_mod = moderator(WINDOWS, classifies=True, fatal=False)
    open_mod.feed(0, CONTENT, "0123456789")
    assert told(open_mod.answer(1, [], [BROKEN])) == "012345"


def test_a_stream_that_ends_on_a_window_border_leaves_nothing_behind() -> None:
    mod = moderator(WINDOWS, classifies=True)
    mod.feed(0, CONTENT, "0123456789")
    assert told(mod.answer(1, [])) == "012345"
    assert not mod.settled(0)
    assert told(mod.flush(0)) == "6789"
    assert mod.settled(0)


def test_a_redaction_without_a_place_is_a_refusal() -> None:
    mod = moderator(rule("window", Action.REDACT, Kind.DETECTOR), classifies=True)
    mod.feed(0, CONTENT, "0123456789")
    assert told(mod.answer(1, [hit()])) == "HALT0"
    assert mod.decision(0).action is Action.REFUSE


def test_buffer_releases_nothing_before_the_end_and_nothing_when_refused() -> None:
    buffered = replace(SMALL, release=When.BUFFER)
    mod = moderator(REFUSE, streaming=buffered)
    assert told(mod.feed(0, CONTENT, "good ")) == ""
    assert told(mod.feed(0, CONTENT, "text")) == ""
    assert told(mod.flush(0)) == "good text"
    mod = moderator(REFUSE, streaming=buffered)
    assert told(mod.feed(0, REASONING, "thinking ")) == ""
    assert told(mod.feed(0, CONTENT, "good zorp blick")) == "HALT0"
    assert mod.flush(0) == []
    assert mod.decision(0).action is Action.REFUSE


@pytest.mark.parametrize(
    ("source", "want"),
    [
        ('{"a": "fine"}', '{"a": "fine"}'),
        ('{"a":"q\\u0075ux \\ud83d\\ude00","n":1.50}', '{"a": "[removed] 😀", "n": 1.50}'),
        ('{"n": [4111, 2]}', '{"n": ["[removed]", 2]}'),
        ("not json quux", "not json [removed]"),
        ('{"a": "zorp \\u0062lick"}', "HALT0"),
        ('{"a": "zorp blick", "a": "ok"}', "HALT0"),  # either member may be the one that is read
        ('{"quux": 1}', "HALT0"),  # the name of a member cannot be replaced
        ('{"a": [NaN], "b": "quux"}', '{"a": [NaN], "b": "[removed]"}'),
    ],
)
def test_arguments_leave_whole_or_not_at_all(source: str, want: str) -> None:
    mod = moderator(REFUSE, HIDE)
    for char in source:
        assert mod.feed(0, TOOL, char) == []
    assert told(mod.flush(0)) == want
    assert mod.settled(0)


def test_arguments_wait_for_their_windows_and_content_leaves_first() -> None:
    mod = moderator(WINDOWS, classifies=True)
    mod.feed(0, CONTENT, "hi")
    mod.feed(0, TOOL, '{"a": "b"}')
    assert told(mod.flush(0)) == "?1:|hi ?2:|a\nb"
    assert told(mod.answer(2, [])) == ""
    assert told(mod.answer(1, [])) == 'hi {"a": "b"}'


def test_a_window_redaction_reaches_into_the_leaves() -> None:
    mod = moderator(rule("window", Action.REDACT, Kind.DETECTOR), classifies=True)
    mod.feed(0, TOOL, '["abc", "def"]')
    mod.flush(0)
    assert told(mod.answer(1, [hit(span=Span(1, 5))])) == '["a[removed]", "ef"]'


def test_a_spanning_scanner_holds_until_all_scanners_have_passed() -> None:
    """A refusal further back that a slower scanner still may find wins over one that is known already."""

    class Slow:
        def __init__(self) -> None:
            self.size = 0

        def feed(self, text: str) -> Scan:
            self.size += len(text)
            return Scan((), 0)

        def flush(self) -> Scan:
            seg = Segment("x" * self.size, Stage.OUTPUT, Scope.MODEL)
            return Scan((Finding("slow", "custom", 1.0, seg, Span(1, 2), "slow"),), self.size)

    policy = Policy(PolicyRef("test", 1, "0"), (REFUSE, rule("slow", Action.REFUSE)))
    scanners = lambda _channel: (PhraseScanner([("bad", "zorp blick")]), Slow())  # noqa: E731
    mod = Moderator(Plan(policy, Context(), scanners, False, lambda _failure: True))
    assert mod.feed(0, CONTENT, "abc zorp blick") == []
    assert told(mod.flush(0)) == "a HALT0"
    assert mod.decision(0).rule_name == "slow"


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
def test_sentence_end(text: str, want: int) -> None:
    assert sentence_end(text) == want


def test_random_answers_cut_at_random() -> None:
    counts = run(4000, seed=11)
    assert (counts.leaked, counts.lost, counts.differing) == (0, 0, 0), "seed 11"
    assert counts.planted > 1000
