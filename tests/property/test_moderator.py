"""The law of the stream moderator (architecture.md 6.2): cut anywhere, answered in any order, same result.

The long run is a command: `python -m guardproxy.testing.split_law`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind
from guardproxy.core.moderator import Moderator
from guardproxy.core.rules import Action, Kind, Streaming
from guardproxy.core.rules import Release as When
from guardproxy.testing import stand_ins
from guardproxy.testing.plain_look import expected
from guardproxy.testing.split_law import Counts, run, run_real
from guardproxy.testing.split_play import Said, played
from guardproxy.testing.stand_ins import Named, classified, plan_of

SEED = int(os.environ.get("GUARDPROXY_TEST_SEED", "20260701"))
PLANS = {classifies: plan_of(classifies=classifies) for classifies in (False, True)}
CANARIES = [named.phrase for named in (*stand_ins.REFUSED, *stand_ins.REPLACED)] + [
    "kx-47-11",
    "tok=ab",
    "tok=" + "v" * 40,
]
IN_WINDOWS = [stand_ins.WINDOW_REFUSED, stand_ins.WINDOW_REPLACED]


def outcome_of(plan, pieces: list[str]):
    """The text in these pieces, answered at once."""
    moderator = Moderator(plan)
    out, end, halted = "", 0, False

    def take(commands) -> None:
        nonlocal out, end, halted
        for command in commands:
            match type(command).__name__:
                case "Inspect":
                    take(moderator.answer(command.window.id, *classified(command.window)))
                case "Release":
                    assert command.start == end
                    out, end = out + command.text, command.end
                case "Halt":
                    halted = True

    for piece in pieces:
        take(moderator.feed(0, CONTENT, piece))
    take(moderator.flush(0))
    return out, end, halted, moderator.decision(0).rule_name


@pytest.mark.parametrize("classifies", [False, True])
@pytest.mark.parametrize("canary", [*CANARIES, *IN_WINDOWS])
def test_every_split_in_two_and_three(canary, classifies):
    text = f"so zo {canary} ok. rar"
    plan = PLANS[classifies]
    whole = outcome_of(plan, [text])
    law = expected(text, classifies=classifies)
    if law.until is not None:
        assert whole[0] == law.kept
    assert outcome_of(plan, list(text)) == whole
    for a in range(len(text) + 1):
        for b in range(a, len(text) + 1):
            assert outcome_of(plan, [text[:a], text[a:b], text[b:]]) == whole


@pytest.mark.parametrize("canary", [*CANARIES[:6], *IN_WINDOWS])
def test_a_phrase_at_every_place_around_every_window_border(canary):
    plan = PLANS[True]
    filler = "lorem ips dolor " * 12
    for at in range(100):
        text = filler[:at] + canary + " " + filler[at : at + 60]
        whole = outcome_of(plan, [text])
        law = expected(text, classifies=True)
        if law.refused is not None:
            assert whole[2]
            assert whole[1] <= law.refused
            assert whole[0] == filler[: whole[1]]
        else:
            assert whole[0] == law.replaced
        assert outcome_of(plan, list(text)) == whole


@pytest.mark.parametrize("size", range(60))
def test_the_end_anywhere_around_a_border_leaves_nothing_behind(size):
    text = ("lorem ipsum dolor sit amet " * 4)[:size]
    assert outcome_of(PLANS[True], list(text)) == (text, size, False, "")


def test_random_answers_cut_at_random():
    counts = run(6_000, seed=SEED)
    print("seed", SEED)
    assert (counts.leaked, counts.lost, counts.differing) == (0, 0, 0)
    assert counts.planted > 3000


def test_random_answers_through_real_scanners():
    counts = run_real(320, seed=SEED)
    print("seed", SEED)
    assert (counts.leaked, counts.lost, counts.differing) == (0, 0, 0)
    assert counts.planted > 100


ALPHABET = st.sampled_from(
    [
        "zorp",
        " ",
        "blick",
        "z",
        "quux",
        "uxen fim",
        "ab",
        "abac",
        "drelm",
        " vok",
        "sniv tarn",
        "tok=",
        "kx-",
        "12-",
        ".",
        "\n",
    ]
)
TEXTS = st.lists(ALPHABET, max_size=30).map("".join)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([REASONING, CONTENT, Channel(ChannelKind.OTHER, "x")]), TEXTS),
        max_size=5,
    ),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_leaks_and_losses_whatever_takes_turns(parts, classifies, seed):
    """Any channels, any interleaving, late answers, time passing."""
    said = list({(c, ch): Said(c, ch, t) for c, ch, t in parts}.values())
    outcomes = played(PLANS[classifies], said, classified, Random(seed), loose=True)
    ended = {s.choice for s, o in zip(said, outcomes, strict=True) if o.halted}
    for one, outcome in zip(said, outcomes, strict=True):
        law = expected(one.text, classifies=classifies)
        assert outcome.exposed == 0
        assert law.scanned is None or outcome.end <= law.scanned
        assert not any(phrase in outcome.text for phrase in law.hidden)
        if one.choice not in ended and one.text:
            assert outcome.text == law.replaced
            assert law.refused is None
            assert outcome.sound


@settings(derandomize=True, max_examples=100, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_buffered_is_all_or_nothing_and_decides_alike(text, places, classifies):
    plan = PLANS[classifies]
    buffered = replace(plan, policy=replace(plan.policy, streaming=replace(plan.policy.streaming, release=When.BUFFER)))
    bounds = sorted(min(p, len(text)) for p in places)
    pieces = [text[a:b] for a, b in zip([0, *bounds], [*bounds, len(text)], strict=True)]
    out, end, halted, named = outcome_of(buffered, pieces)
    plain = outcome_of(plan, [text])
    assert (halted, named) == plain[2:]
    assert (out, end) == (("", 0) if halted else plain[:2])


def test_holding_is_bounded():
    """A value without an end, and a chain of replaced stretches without an end, among windows."""
    named = (Named("hide", "xyxyxy"),)
    rules = (stand_ins.rule("hide", Action.REDACT), stand_ins.rule("w", Action.REFUSE, Kind.DETECTOR, "none"))
    streaming = Streaming(first=40, characters=60, overlap=20, longest_match=50, cut_at_sentence=False)
    plan = replace(PLANS[True], policy=replace(PLANS[True].policy, rules=rules, streaming=streaming))
    plan = replace(plan, scanners=lambda _channel: (stand_ins.PhraseScanner(named),))
    moderator = Moderator(plan)
    released = most = 0
    for fed, char in enumerate("xy" * 1000, 1):
        for command in moderator.feed(0, CONTENT, char):
            if type(command).__name__ == "Inspect":
                released = max([released, *(c.end for c in moderator.answer(command.window.id, []))])
            else:
                released = command.end
        most = max(most, fed - released)
    assert most <= 60 + 6 + 2 * 50
    assert released > 1800


def test_the_counts_can_fail():
    """A moderator that lets go of everything would be seen."""
    careless = replace(PLANS[False], policy=replace(PLANS[False].policy, rules=()))
    said = [Said(0, CONTENT, "a zorp blick")]
    outcome = played(careless, said, classified, Random(1))[0]
    law = expected(said[0].text, classifies=False)
    assert outcome.end > law.refused
    assert isinstance(Counts().clean, bool)
