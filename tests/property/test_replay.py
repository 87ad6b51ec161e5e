"""A record decided again by its own policy comes out the same: action, rule and hazard (observability.md 8).

Random findings, random policies, both stages; answers go through the real moderator, cut and answered in any order.
What is decided from is the JSON of the decision log, nothing else.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from random import Random

import pytest

from guardproxy.core.asked import decide_input
from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind, Fault, Inspect
from guardproxy.core.conversation import Piece, Pointer, Scope, Segment, Stage
from guardproxy.core.findings import Evidence, Finding, Span
from guardproxy.core.holdback import Scan
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.replay import redecide
from guardproxy.core.rules import (
    Action,
    Kind,
    Ladder,
    LadderStep,
    Mode,
    Policy,
    PolicyRef,
    Rule,
    RuleException,
    Streaming,
    ThenDo,
)
from guardproxy.observe.entry import entry
from guardproxy.observe.outcome import Outcome, Timing
from guardproxy.observe.recorded import recorded
from guardproxy.testing.stand_ins import Named, PhraseScanner

SEED = int(os.environ.get("GUARDPROXY_TEST_SEED", "20260701"))
HAZARDS = ("crime.fraud", "crime.cyber", "hate.speech", "privacy.contact", "unspecified")
TARGETS = (*HAZARDS, "crime", "privacy")
DETECTORS = ("embedded", "pii.email", "third")
PHRASES = ("zorp", "quux blick", "aba")
SCORES = (0.05, 0.29999999999999993, 0.3, 0.5, 0.8999999999999999, 0.9, 0.95, 1.0)
NOW = 1_800_000_000.25
CONTEXT = Context(route="chat", tenant="t", now=NOW)


def ladder(dice: Random) -> Ladder:
    """One to three steps, rising."""
    actions = sorted(dice.sample([a for a in Action if a is not Action.ALLOW], dice.randint(1, 3)))
    thresholds = sorted(dice.sample(SCORES[1:], len(actions)))
    return Ladder(tuple(map(LadderStep, actions, thresholds)))


def a_rule(dice: Random, number: int) -> Rule:
    kind = dice.choice(list(Kind))
    action = dice.choice([a for a in Action if a is not Action.ALLOW])
    scores = kind in (Kind.HAZARD, Kind.DETECTOR)
    return Rule(
        id=f"r{number}",
        kind=kind,
        target=dice.choice(TARGETS if kind is Kind.HAZARD else DETECTORS) if scores else "x",
        ladder=ladder(dice) if scores else Ladder((LadderStep(action, 1.0),)),
        phrases=(dice.choice(PHRASES),) if kind is Kind.WORDS else (),
        checks=frozenset(dice.sample(list(Stage), dice.randint(1, 2))),
        scopes=frozenset(dice.sample(list(Scope), 4)),
        mode=dice.choice([Mode.ENFORCE, Mode.ENFORCE, Mode.SHADOW, Mode.DISABLED]),
        counts_as=dice.choice([None, "custom"]) if scores else "custom",
    )


def a_policy(dice: Random) -> Policy:
    rules = tuple(a_rule(dice, number) for number in range(dice.randint(1, 6)))
    holes = tuple(
        RuleException(
            rule=dice.choice(rules).id,
            then=dice.choice(list(ThenDo)),
            expires=NOW + dice.choice([-100, 100]),
            phrases=dice.choice([(), ("a zorp here",), ("quux blick", "aba")]),
            routes=dice.choice([(), ("chat",), ("other",)]),
        )
        for _ in range(dice.randint(0, 2))
    )
    streaming = Streaming(first=24, characters=40, overlap=12, cut_at_sentence=dice.random() < 0.5)
    return Policy(PolicyRef("p", 1, "h"), rules, exceptions=holes, streaming=streaming)


def findings_in(dice: Random, segment: Segment, rules: tuple[Rule, ...]) -> list[Finding]:
    """Anything a detector may say of a text."""
    found = []
    for _ in range(dice.randint(0, 4)):
        span = None
        if segment.text and dice.random() < 0.7:
            start = dice.randrange(len(segment.text))
            span = Span(start, dice.randint(start, len(segment.text)))
        if dice.random() < 0.4:
            rule = dice.choice(rules).id
            found.append(Finding("words", "custom", 1.0, segment, span, rule, Evidence("folded")))
        else:
            found.append(Finding(dice.choice(DETECTORS), dice.choice(HAZARDS), dice.choice(SCORES), segment, span))
    return found


def words(dice: Random, least: int = 1) -> str:
    pool = (*PHRASES, "a zorp here", "lorem", "ipsum.", "dolor", "\n", "zor", "quux")
    return " ".join(dice.choice(pool) for _ in range(dice.randint(least, 25)))


def through_the_log(policy: Policy, asked=None, answers=()):
    """The stages of the record, as read back from its line."""
    outcome = Outcome(
        decision_id="ID", time=NOW, tenant="t", route="chat", surface="chat_completions", stream=True, upstream="m",
        model="m", policy=policy.ref, input=asked, outputs=tuple(answers), outcome="allow", status=200,
        finish_reason="stop", checked=("input", "output"), failures=(), unchecked=(), seconds=Timing(), detectors=(),
        digests=(),
    )  # fmt: skip
    line = json.dumps(entry(outcome, b"k" * 32))
    assert "zorp" not in line
    return recorded(json.loads(line)).stages


def same(decision, stored, policy) -> None:
    again = redecide(stored, policy, CONTEXT)
    assert (again.action, again.rule_name, again.hazard) == (decision.action, decision.rule_name, decision.hazard)
    assert (stored.action, stored.rule, stored.hazard) == (decision.action, decision.rule_name, decision.hazard)
    assert again.would_have == decision.would_have


@pytest.mark.parametrize("lot", range(8))
def test_requests(lot):
    dice, acted = Random(SEED + lot), 0
    print("seed", SEED + lot)
    for _ in range(250):
        policy = a_policy(dice)
        found = []
        for at in range(dice.randint(1, 4)):
            text = words(dice)
            pointer = Pointer(("messages", at, "content"), key=dice.random() < 0.2)
            segment = Segment(text, Stage.INPUT, dice.choice(list(Scope)), (Piece(pointer, 0, len(text)),))
            found += findings_in(dice, segment, policy.rules)
        decision = decide_input(found, policy, CONTEXT)
        (stored,) = through_the_log(policy, decision)
        same(decision, stored, policy)
        acted += decision.action > Action.ALLOW
    assert acted > 60


class Spoken:
    """A scanner that reports in the name of a rule and of a detector with places, too."""

    def __init__(self, dice: Random, rules: tuple[Rule, ...]) -> None:
        named = [Named(rule.id, rule.phrases[0]) for rule in rules if rule.phrases]
        self._inner = PhraseScanner([*named, Named("", dice.choice(PHRASES))])
        self._hazard = dice.choice(HAZARDS)

    def _told(self, scan: Scan) -> Scan:
        found = tuple(
            f if f.rule else replace(f, detector="pii.email", hazard=self._hazard, rule=None) for f in scan.findings
        )
        return Scan(found, scan.safe)

    def feed(self, text: str) -> Scan:
        return self._told(self._inner.feed(text))

    def flush(self) -> Scan:
        return self._told(self._inner.flush())


def play(dice: Random, policy: Policy) -> Moderator | None:
    """Random texts of several choices and channels, cut at random, answered late and in any order."""
    seed = dice.random()
    classifies = dice.random() < 0.7
    plan = Plan(policy, CONTEXT, lambda _c: (Spoken(Random(seed), policy.rules),), classifies, lambda _f: True)
    moderator = Moderator(plan)
    waiting: list[Inspect] = []
    tool = Channel(ChannelKind.TOOL, "0", whole=True)
    said = [(choice, ch, words(dice, 4)) for choice in (0, 1) for ch in (REASONING, CONTENT)]
    said.append((0, tool, json.dumps({"zorp" if dice.random() < 0.3 else "city": words(dice), "n": words(dice)})))

    def take(commands) -> None:
        assert not any(isinstance(command, Fault) for command in commands)
        waiting.extend(c for c in commands if isinstance(c, Inspect))

    def answer() -> None:
        window = waiting.pop(dice.randrange(len(waiting))).window
        scored = [f for f in findings_in(dice, window.segment(), policy.rules) if f.rule is None]
        take(moderator.answer(window.id, scored))

    for choice, channel, whole in said:
        text = whole
        while text:
            cut = dice.randint(1, len(text))
            take(moderator.feed(choice, channel, text[:cut]))
            text = text[cut:]
            while waiting and dice.random() < 0.6:
                answer()
            if dice.random() < 0.1:
                take(moderator.tick(dice.random() * 10_000))
    for choice in (0, 1):
        take(moderator.flush(choice))
    while waiting:
        answer()
    return moderator


@pytest.mark.parametrize("lot", range(8))
def test_answers(lot):
    dice, stopped = Random(SEED + lot), 0
    print("seed", SEED + lot)
    for _ in range(120):
        policy = a_policy(dice)
        moderator = play(dice, policy)
        decisions = [moderator.decision(0), moderator.decision(1)]
        for decision, stored in zip(decisions, through_the_log(policy, answers=decisions), strict=True):
            same(decision, stored, policy)
            stopped += decision.action >= Action.REGENERATE
    assert stopped > 30


def one_text(policy: Policy, text: str, cuts: Random, seed: int, *, classifies: bool) -> Moderator:
    """A text of one channel, for windows or for scanners; what a window shows depends on the window alone.

    Not for both: a scanner's stop makes the last window before it shorter, and shorter texts have other scores.
    """
    scanners = () if classifies else (Spoken(Random(seed), policy.rules),)
    moderator = Moderator(Plan(policy, CONTEXT, lambda _c: scanners, classifies, lambda _f: True))

    def take(commands) -> None:
        for command in commands:
            if isinstance(command, Inspect):
                window = command.window
                found = findings_in(Random(f"{seed}{window.start}{window.fresh}"), window.segment(), policy.rules)
                take(moderator.answer(window.id, [f for f in found if f.rule is None]))

    while text:
        cut = cuts.randint(1, len(text))
        take(moderator.feed(0, CONTENT, text[:cut]))
        text = text[cut:]
    take(moderator.flush(0))
    return moderator


@pytest.mark.parametrize("classifies", [False, True])
@pytest.mark.parametrize("lot", range(2))
def test_what_was_recorded_in_shadow_is_what_comes_live(lot, classifies):
    """The trial run says what the live policy will do, the end of each answer included."""
    dice, stopped = Random(SEED + lot), 0
    print("seed", SEED + lot)
    for number in range(250):
        policy = replace(a_policy(dice), exceptions=())
        trial = replace(policy, rules=tuple(replace(r, mode=_silent(r.mode)) for r in policy.rules))
        text = words(dice, 8)
        tried = one_text(trial, text, dice, number, classifies=classifies).decision(0)
        live = one_text(policy, text, dice, number, classifies=classifies).decision(0)
        again = redecide(through_the_log(trial, answers=[tried])[0], policy, CONTEXT)
        assert (again.action, again.rule_name, again.hazard) == (live.action, live.rule_name, live.hazard)
        stopped += live.action >= Action.REGENERATE
    assert stopped > 30


def _silent(mode: Mode) -> Mode:
    return Mode.SHADOW if mode is Mode.ENFORCE else mode
