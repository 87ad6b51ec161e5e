"""The stream moderator as plays: what happens, and what must come of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from guardproxy.core.commands import CONTENT, REASONING, REFUSAL, Channel, ChannelKind, Fault, Halt, Inspect, Release
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Failure, FailureKind, Finding, Span
from guardproxy.core.holdback import Scan
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Streaming
from guardproxy.core.rules import Release as When
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
    tick,
    window,
)
from guardproxy.testing.stand_ins import Named, PhraseScanner, rule

TOOL = Channel(ChannelKind.TOOL, "0", whole=True)
PHRASES = (Named("bad", "zorp blick"), Named("hide", "quux"))
BAD, HIDE = rule("bad", Action.REFUSE), rule("hide", Action.REDACT)
GONE = "<hide>"
SMALL = Streaming(first=10, characters=10, overlap=4, cut_at_sentence=False)
SHADOW = replace(WEAPONS, id="shadow", mode=Mode.SHADOW)


def words(*rules, streaming=SMALL, phrases=PHRASES, **cut) -> Scene:
    """A moderator of word rules."""
    wanted = [named for named in phrases if any(r.id == named.rule for r in rules)]
    return moderator(*rules, phrases=wanted, streaming=streaming, **cut)


def test_second_window_is_refused():
    play(
        moderator(first=30, characters=40, overlap=10),
        feed("Here is a calm first sentence. "), asks(window(1)),
        clear(1), releases("Here is a calm first"),  # 10 held
        feed("Now the other thing begins here."), asks(window(2)),
        findings(2, weapons=0.95), halts(rule="weapons-instructions"),
        feed("Step one"), nothing(),
        flush(), nothing(),
    )  # fmt: skip


def test_a_phrase_cut_in_two_is_held_then_refused():
    play(
        words(BAD),
        feed("hello zor"), releases("hello "),
        feed("p bl"), nothing(),
        feed("ick and"), halts(rule="bad"),
        feed("more"), nothing(),
        flush(), nothing(),
    )  # fmt: skip


def test_what_only_looked_like_it_is_let_go():
    play(words(BAD), feed("a zorp"), releases("a "), flush(), releases("zorp"))


def test_a_replaced_stretch_leaves_as_soon_as_nothing_can_touch_it():
    play(words(HIDE), feed("x qu"), releases("x "), feed("ux"), releases(GONE), feed(" y"), releases(" y"))


def test_windows_clear_all_but_their_overlap_and_the_end_clears_the_rest():
    play(
        words(WEAPONS),
        feed("0123456789ab"), asks(window(1, "", "0123456789")),
        clear(1), releases("012345"),
        feed("cdef"), asks(window(2, "6789", "abcdef")),
        clear(2), releases("6789ab"),
        flush(), releases("cdef"),
    )  # fmt: skip


def test_a_stream_that_ends_on_a_window_border_leaves_nothing_behind():
    scene = words(WEAPONS)
    play(scene, feed("0123456789"), asks(window(1)), clear(1), releases("012345"))
    assert not scene.moderator.settled(0)
    play(scene, flush(), releases("6789"))
    assert scene.moderator.settled(0)


def test_a_stream_that_ends_between_borders_asks_once_more():
    play(
        words(WEAPONS),
        feed("0123456789ab"), asks(window(1)),
        flush(), asks(window(2, "6789", "ab")),
        clear(1), releases("012345"),
        clear(2), releases("6789ab"),
    )  # fmt: skip


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_a_flagged_window_ends_the_choice_where_it_opens_whoever_answers_first(order):
    scene = words(WEAPONS)
    commands = scene.moderator.feed(0, CONTENT, "0123456789abcdefghijkl")
    assert [c.window.id for c in commands] == [1, 2, 3]
    out = []
    for number in order:
        segment = commands[number - 1].window.segment()
        found = [Finding("classifier", "weapons", 0.9, segment)] if number == 2 else []
        out += scene.moderator.answer(number, found)
    assert "".join(c.text for c in out if isinstance(c, Release)) == "012345"
    assert isinstance(out[-1], Halt)
    assert sum(isinstance(c, Halt) for c in out) == 1


def test_the_first_window_refuses_at_once():
    """Its border lies so near that the second window opens at the same place: nobody waits for more text."""
    play(
        moderator(streaming=Streaming(first=30, characters=80, overlap=25)),
        feed("Calm. Then a sentence. And so on"), asks(window(1, "", "Calm. Then a sentence.")),
        findings(1, weapons=0.9), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_a_certain_phrase_ends_the_text_so_no_window_waits_for_more():
    play(
        words(BAD, WEAPONS),
        feed("01234 zorp blick and more of it"), asks(window(1, "", "01234 ")),
        clear(1), releases("01234 "), halts(rule="bad"),
    )  # fmt: skip


def test_a_window_before_the_phrase_wins_over_it():
    play(
        words(BAD, WEAPONS),
        feed("01234 zorp blick"), asks(window(1)),
        findings(1, weapons=0.9), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_windows_show_only_what_scanners_have_passed():
    play(words(BAD, WEAPONS), feed("0123456 zorp"), nothing(), feed("o k"), asks(window(1, "", "0123456 zo")))


def test_a_place_in_a_window_lets_out_what_stands_before_it():
    play(
        words(WEAPONS),
        feed("0123456789"), asks(window(1)),
        findings(1, Span(3, 6), weapons=0.9), releases("012"), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_choices_do_not_bleed():
    play(
        words(BAD),
        feed("zorp"), nothing(),
        feed(" blick", choice=1), releases(" blick", choice=1),
        feed(" blick"), halts(rule="bad"),
        feed(" on", choice=1), releases(" on", choice=1),
    )  # fmt: skip


def test_one_bad_choice_of_four():
    scene = words(BAD, WEAPONS)
    texts = ["all is well here, really", "then zorp blick happens", "nothing to see, go on", "zorp is not blick, no"]
    left, done = [list(text) for text in texts], []
    waiting = []
    while any(left):
        for choice, chars in enumerate(left):
            if chars:
                done += scene.moderator.feed(choice, CONTENT, chars.pop(0))
                if not chars:
                    done += scene.moderator.flush(choice)
    waiting = [c.window.id for c in done if isinstance(c, Inspect)]
    while waiting:
        more = scene.moderator.answer(waiting.pop(), [])
        waiting += [c.window.id for c in more if isinstance(c, Inspect)]
        done += more
    said = ["".join(c.text for c in done if isinstance(c, Release) and c.choice == i) for i in range(4)]
    assert said == [texts[0], "then ", texts[2], texts[3]]
    assert [c.choice for c in done if isinstance(c, Halt)] == [1]
    assert all(scene.moderator.settled(choice) for choice in range(4))


def test_reasoning_leaves_when_the_answer_begins():
    play(
        words(WEAPONS),
        feed("I think.", REASONING), nothing(),
        feed("Yes", CONTENT), asks(window(1, "", "I think.")),
        clear(1), releases("I think.", REASONING),
        flush(), asks(window(2, "", "Yes")),
        clear(2), releases("Yes"),
    )  # fmt: skip


def test_the_end_of_one_channel_waits_for_the_channel_before_it():
    """Reasoning is still being looked at when the answer is refused: the earlier refusal is the one that counts."""
    play(
        words(BAD, WEAPONS),
        feed("I think.", REASONING), nothing(),
        feed("zorp blick", CONTENT), asks(window(1)),
        findings(1, weapons=0.9), halts(rule="weapons-instructions"),
    )  # fmt: skip
    play(
        words(BAD, WEAPONS),
        feed("I think.", REASONING), nothing(),
        feed("zorp blick", CONTENT), asks(window(1)),
        clear(1), releases("I think.", REASONING), halts(rule="bad"),
    )  # fmt: skip


def test_a_phrase_half_in_reasoning_half_in_content_is_not_one_phrase():
    """Channels are texts of their own; what each holds leaves at the end."""
    play(
        words(BAD),
        feed("zorp ", REASONING), nothing(),
        feed("blick", CONTENT), releases("blick"),
        flush(), releases("zorp ", REASONING),
    )  # fmt: skip


def test_what_a_refusal_elsewhere_has_cut_stays():
    """The beginning of a phrase is no less the beginning because another channel ended the choice."""
    play(
        words(BAD),
        feed("zorp bl", REASONING), nothing(),
        feed("zorp blick", CONTENT), halts(rule="bad"),
    )  # fmt: skip


def test_channels_that_take_turns_all_the_time_do_not_ask_all_the_time():
    scene = words(WEAPONS, first=10, characters=20)
    asked = 0
    for _ in range(100):
        for channel in (CONTENT, REASONING, REFUSAL):
            asked += sum(isinstance(c, Inspect) for c in scene.moderator.feed(0, channel, "x"))
    assert asked < 75


def test_longest_hold_looks_early_and_lets_nothing_go():
    play(
        words(WEAPONS, longest_hold_ms=1000),
        feed("01234"), nothing(),
        tick(500.0), nothing(),
        tick(1499.0), nothing(),
        tick(1500.0), asks(window(1, "", "01234")),
        clear(1), nothing(),
        tick(2000.0), nothing(),
        feed("56789"), asks(window(2, "", "0123456789")),
        clear(2), releases("012345"),
    )  # fmt: skip


def test_time_matters_while_a_text_waits_for_a_window_and_only_then():
    scene = words(WEAPONS, longest_hold_ms=1000)
    seen = [scene.moderator.waits]
    scene.moderator.feed(0, CONTENT, "01234")
    seen.append(scene.moderator.waits)
    scene.moderator.tick(0.0)
    seen.append(scene.moderator.waits)
    scene.moderator.tick(1000.0)
    seen.append(scene.moderator.waits)
    assert seen == [False, True, True, False]
    scene.moderator.feed(0, CONTENT, "5")
    assert scene.moderator.waits
    scene.moderator.flush(0)
    assert not scene.moderator.waits


def test_time_does_not_matter_to_words_and_to_texts_that_leave_whole():
    scene = words(BAD)
    scene.moderator.feed(0, CONTENT, "zor")
    assert not scene.moderator.waits
    whole = words(WEAPONS, longest_hold_ms=1000)
    whole.moderator.feed(0, TOOL, '{"a": "0123456')
    assert not whole.moderator.waits


def test_an_early_look_may_refuse():
    play(
        words(WEAPONS, longest_hold_ms=1000),
        feed("01234"), nothing(),
        tick(0.0), nothing(),
        tick(1000.0), asks(window(1)),
        findings(1, weapons=0.9), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_a_silent_upstream_is_not_looked_at_again_and_again():
    play(
        words(WEAPONS, longest_hold_ms=1000),
        feed("01234"), nothing(),
        tick(0.0), nothing(),
        tick(1000.0), asks(window(1)),
        clear(1), nothing(),
        tick(9000.0), nothing(),
        feed("5"), nothing(),
        tick(10000.0), nothing(),
        tick(11000.0), asks(window(2)),
    )  # fmt: skip


def test_shadow_rules_never_hold_but_count():
    scene = words(rule("bad", Action.REFUSE, mode=Mode.SHADOW), rule("hide", Action.LOG))
    play(scene, feed("a zorp"), releases("a zorp"), feed(" blick qu"), releases(" blick qu"), flush())
    assert scene.moderator.settled(0)
    assert scene.moderator.decision(0).action is Action.ALLOW
    assert scene.moderator.decision(0).would_have is Action.REFUSE


def test_a_shadow_window_is_recorded_without_being_waited_for():
    scene = words(BAD, SHADOW)
    play(scene, feed("0123456789"), asks(window(1)), releases("0123456789"))
    assert scene.moderator.decision(0).would_have is Action.ALLOW
    play(scene, flush(), nothing())
    assert not scene.moderator.settled(0)
    play(scene, findings(1, weapons=0.9), nothing())
    assert scene.moderator.settled(0)
    assert scene.moderator.decision(0).action is Action.ALLOW
    assert scene.moderator.decision(0).would_have is Action.REFUSE


def test_warn_and_log_never_stop_text():
    warn = replace(WEAPONS, id="warn", ladder=Ladder((LadderStep(Action.LOG, 0.2), LadderStep(Action.WARN, 0.5))))
    scene = words(warn)
    play(scene, feed("0123456789"), asks(window(1)), releases("0123456789"), findings(1, weapons=0.9), flush())
    assert scene.moderator.decision(0).action is Action.WARN


def test_a_failure_ends_the_exchange_only_when_it_is_fatal():
    scene = words(WEAPONS)
    play(scene, feed("0123456789"), asks(window(1)), fails(1), faults(), feed("x"), nothing(), flush(), nothing())
    play(scene, feed("y", choice=1), nothing())
    assert scene.moderator.settled(0)
    mild = Failure("classifier", FailureKind.OVERLOADED, "output")
    play(words(WEAPONS), feed("0123456789"), asks(window(1)), fails(1, mild), releases("012345"))


def test_a_failure_counts_where_its_window_stands():
    """The refusal before it is still a refusal, whoever answers first."""
    play(
        words(WEAPONS),
        feed("0123456789abcdef"), asks(window(1), window(2)),
        fails(2), nothing(),
        findings(1, weapons=0.9), halts(rule="weapons-instructions"),
    )  # fmt: skip
    play(
        words(WEAPONS),
        feed("0123456789abcdef"), asks(window(1), window(2)),
        fails(2), nothing(),
        clear(1), releases("012345"), faults(),
    )  # fmt: skip


def test_a_failed_early_look_is_no_fault():
    play(
        words(WEAPONS, longest_hold_ms=1000),
        feed("01234"), nothing(),
        tick(0.0), nothing(),
        tick(1000.0), asks(window(1)),
        fails(1), nothing(),
        flush(), asks(window(2)),
        clear(2), releases("01234"),
    )  # fmt: skip


def test_an_answer_that_never_comes_lets_nothing_go():
    scene = words(WEAPONS)
    play(scene, feed("0123456789"), asks(window(1)), feed("abcdef"), asks(window(2)), clear(2), nothing(), flush())
    assert not scene.moderator.settled(0)


def test_answers_nobody_waits_for_are_ignored():
    scene = words(BAD, WEAPONS)
    play(scene, feed("0123456789"), asks(window(1)), clear(1), releases("012345"))
    assert scene.moderator.answer(1, []) == scene.moderator.answer(77, []) == []


def test_a_redaction_without_a_place_is_a_refusal():
    redact = replace(WEAPONS, ladder=Ladder((LadderStep(Action.REDACT, 0.5),)))
    play(
        words(redact),
        feed("0123456789"), asks(window(1)),
        findings(1, weapons=0.9), halts(rule="weapons-instructions", action=Action.REFUSE),
    )  # fmt: skip


def test_regenerate_halts_with_its_own_name():
    again = replace(WEAPONS, ladder=Ladder((LadderStep(Action.REGENERATE, 0.5),)))
    play(
        words(again),
        feed("0123456789"), asks(window(1)),
        findings(1, weapons=0.9), halts(rule="weapons-instructions", action=Action.REGENERATE),
    )  # fmt: skip


def test_buffer_releases_nothing_before_the_end_and_nothing_when_refused():
    buffered = replace(SMALL, release=When.BUFFER)
    play(words(BAD, streaming=buffered), feed("good "), feed("text"), flush(), releases("good text"))
    play(
        words(BAD, streaming=buffered),
        feed("thinking ", REASONING), nothing(),
        feed("good zorp blick"), halts(rule="bad"),
        flush(), nothing(),
    )  # fmt: skip


def test_immediate_is_for_policies_that_cannot_stop_anything():
    immediate = replace(SMALL, release=When.IMMEDIATE)
    play(words(rule("bad", Action.LOG), streaming=immediate), feed("zorp"), releases("zorp"))
    play(words(BAD, streaming=immediate), feed("zorp"), nothing())


def test_text_after_the_flush_is_dropped():
    play(words(BAD), feed("a"), releases("a"), flush(), nothing(), feed("zorp"), nothing(), flush(), nothing())


def test_a_window_redaction_is_found_twice_and_done_once():
    """The second window shows it again, as context."""
    redact = replace(WEAPONS, ladder=Ladder((LadderStep(Action.REDACT, 0.5),)), replace_with="#")
    play(
        words(redact, overlap=6, first=10, characters=14),
        feed("0123456789"), asks(window(1)),
        findings(1, Span(2, 6), weapons=0.9), releases("01"),  # held: it could still grow until the next window
        feed("abcdefgh"), asks(window(2, "456789", "abcdefgh")),
        findings(2, Span(0, 2), weapons=0.9), releases("#6789ab"),
        flush(), releases("cdefgh"),
    )  # fmt: skip


class Slow:
    """Finds its phrase at the flush, and holds everything until then."""

    def __init__(self):
        self.size = 0

    def feed(self, text):
        self.size += len(text)
        return Scan((), 0)

    def flush(self):
        segment = Segment("x" * self.size, Stage.OUTPUT, Scope.MODEL)
        return Scan((Finding("slow", "custom", 1.0, segment, Span(1, 2), "slow"),), self.size)


def test_all_scanners_must_have_passed():
    """A refusal that a slower scanner still may find wins over one that is known already."""
    policy = Policy(PolicyRef("test", 1, "0"), (BAD, rule("slow", Action.REFUSE)))
    plan = Plan(policy, Context(), lambda _channel: (PhraseScanner(PHRASES), Slow()), False, lambda _failure: True)
    play(Scene(Moderator(plan)), feed("abc zorp blick"), nothing(), flush(), releases("a"), halts(rule="slow"))


def test_a_decision_counts_only_what_stands_before_the_end():
    """A longer delta shows more of the text, and decides no differently."""
    log = Named("log", "moss")
    rules = (BAD, rule("log", Action.LOG))
    for pieces in (["moss zorp blick moss moss"], list("moss zorp blick moss moss")):
        scene = words(*rules, phrases=(*PHRASES, log))
        for piece in pieces:
            scene.moderator.feed(0, CONTENT, piece)
        scene.moderator.flush(0)
        found = {v.rule.id: len(v.findings) for v in scene.moderator.decision(0).verdicts}
        assert found == {"bad": 1, "log": 1}


def test_nothing_was_said():
    scene = words(BAD, WEAPONS)
    play(scene, feed(""), nothing(), flush(), nothing())
    assert scene.moderator.settled(0)
    assert scene.moderator.decision(0).action is Action.ALLOW


def test_a_fault_names_the_failure():
    scene = words(WEAPONS)
    scene.moderator.feed(0, CONTENT, "0123456789")
    failure = Failure("classifier", FailureKind.TIMEOUT, "output")
    assert scene.moderator.answer(1, [], [failure]) == [Fault(failure)]


def test_rules_for_detectors_hear_windows_too():
    detector = replace(WEAPONS, kind=Kind.DETECTOR, target="classifier")
    play(
        words(detector),
        feed("0123456789"), asks(window(1)),
        findings(1, **{"crime.fraud": 0.9}), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_two_that_begin_at_one_place_are_both_counted():
    """The shorter is known first; the longer may still come."""
    named = (Named("bad", "zorp"), Named("worse", "zorp blick"))
    rules = (rule("worse", Action.REFUSE), BAD)
    for text, found in (("a zorp blick", ["worse", "bad"]), ("a zorp bli.", ["bad"])):
        for pieces in ([text], list(text)):
            scene = words(*rules, phrases=named)
            out = [c for piece in pieces for c in scene.moderator.feed(0, CONTENT, piece)] + scene.moderator.flush(0)
            assert "".join(c.text for c in out if isinstance(c, Release)) == "a "
            assert [v.rule.id for v in scene.moderator.decision(0).verdicts] == found


def test_a_replaced_stretch_waits_for_one_that_may_touch_its_last_character():
    named = (Named("hide", "quux"), Named("other", "xab"))
    rules = (HIDE, rule("other", Action.REDACT))
    play(words(*rules, phrases=named), feed("quux"), nothing(), feed("ab"), releases(GONE))
    play(words(*rules, phrases=named), feed("quux"), nothing(), feed("a."), releases(GONE + "a."))


def test_a_place_behind_what_a_window_clears_ends_where_the_next_window_opens():
    """Only the next window could let out more; it is not needed any more."""
    play(
        words(WEAPONS),
        feed("0123456789"), asks(window(1)),
        findings(1, Span(8, 10), weapons=0.9), releases("012345"), halts(rule="weapons-instructions"),
    )  # fmt: skip


def test_what_left_at_a_turn_is_not_replaced_again():
    redact = replace(WEAPONS, ladder=Ladder((LadderStep(Action.REDACT, 0.5),)), replace_with="#")
    play(
        words(redact),
        feed("01234"), nothing(),
        feed("hm", REASONING), asks(window(1, "", "01234")),
        findings(1, Span(1, 3), weapons=0.9), releases("0#34"),
        feed("5", CONTENT), asks(window(2, "", "hm")),
        flush(), asks(window(3, "01234", "5")),
        clear(2), releases("hm", REASONING),
        findings(3, Span(1, 3), weapons=0.9), releases("5"),
    )  # fmt: skip


def test_once_a_choice_ends_nothing_leaves_that_began_behind_the_end():
    play(
        words(BAD, WEAPONS),
        feed("zorp bl"), nothing(),
        feed("no", REFUSAL), asks(window(1, "", "zorp bl")),
        feed("1", TOOL), asks(window(2, "", "no")),
        feed("ick"), nothing(),
        clear(2), nothing(),
        clear(1), halts(rule="bad"),
    )  # fmt: skip
