"""Stand-ins for detectors, small enough to see through: scanners of made-up phrases, a made-up classifier, a policy.

Every kind of hold-back has one: phrases that overlap and begin one another, phrases of several words, codes with any
digits, a value without an upper length, a classifier that gives a place, one that gives none, and one that breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.commands import Channel, Window
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Failure, FailureKind, Finding, Span
from guardproxy.core.holdback import Scan, Scanner
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule, Streaming


@dataclass(frozen=True, slots=True)
class Named:
    """A phrase and the rule it belongs to."""

    rule: str
    phrase: str


REFUSED = (Named("no_zorp", "zorp blick"), Named("no_aba", "ababac"), Named("no_code", "kx-00-00"))
REPLACED = (Named("hide_1", "quux"), Named("hide_2", "uxen fim"), Named("hide_3", "rarara"))
LOGGED = (Named("note_blick", "blick"),)
VALUE = Named("no_value", "tok=")
WINDOW_REFUSED = "drelm vok"
WINDOW_REPLACED = "sniv tarn"
BREAKS = "vrash"
LONGEST_VALUE = 24
STREAMING = Streaming(first=24, characters=40, overlap=12)

_SAME = str.maketrans("0123456789\n\t", "0" * 10 + "  ")


class PhraseScanner:
    """Finds literal phrases, every occurrence; any digit is as good as 0, any white space as good as a space.

    Holds from the first place where a phrase may have begun.
    """

    def __init__(self, phrases: Sequence[Named]) -> None:
        self._phrases = phrases
        self._beginnings = {n.phrase[:size] for n in phrases for size in range(1, len(n.phrase))}
        self._longest = max(len(n.phrase) for n in phrases)
        self._tail = ""
        self._at = 0

    def feed(self, text: str) -> Scan:
        """The next piece of the channel."""
        self._tail += text.translate(_SAME)
        found = []
        for named in self._phrases:
            # What ends before the new text was reported by an earlier feed.
            at = self._tail.find(named.phrase, max(0, len(self._tail) - len(text) - len(named.phrase) + 1))
            while at >= 0:
                found.append(_finding(self._at + at, named.rule, len(named.phrase)))
                at = self._tail.find(named.phrase, at + 1)
        safe = self._first_beginning()
        self._tail, self._at = self._tail[safe:], self._at + safe
        return Scan(tuple(found), self._at)

    def flush(self) -> Scan:
        """The channel has ended; what was only begun is nothing."""
        return Scan((), self._at + len(self._tail))

    def _first_beginning(self) -> int:
        size = len(self._tail)
        for at in range(max(0, size - self._longest + 1), size):
            if self._tail[at:] in self._beginnings:
                return at
        return size


class ValueScanner:
    """Finds `tok=` and the value behind it, up to white space or `LONGEST_VALUE` characters in all."""

    def __init__(self) -> None:
        self._tail = ""
        self._at = 0

    def feed(self, text: str) -> Scan:
        """The next piece of the channel."""
        self._tail += text.translate(_SAME)
        found: list[Finding] = []
        while self._settle(found, last=False):
            pass
        return Scan(tuple(found), self._at)

    def flush(self) -> Scan:
        """The channel has ended, and the value with it."""
        found: list[Finding] = []
        while self._settle(found, last=True):
            pass
        self._drop(len(self._tail))
        return Scan(tuple(found), self._at)

    def _settle(self, found: list[Finding], *, last: bool) -> bool:
        start = self._tail.find(VALUE.phrase)
        if start < 0:
            self._drop(_begun(self._tail))
            return False
        self._drop(start)
        end = value_end(self._tail, 0)
        if end == len(self._tail) < LONGEST_VALUE and not last:
            return False
        if end > len(VALUE.phrase):
            found.append(_finding(self._at, VALUE.rule, end))
        self._drop(end)
        return True

    def _drop(self, size: int) -> None:
        self._tail, self._at = self._tail[size:], self._at + size


def value_end(text: str, start: int) -> int:
    """Where the value ends whose `tok=` begins at `start`."""
    end = start + len(VALUE.phrase)
    while end < len(text) and end - start < LONGEST_VALUE and not text[end].isspace():
        end += 1
    return end


def _begun(text: str) -> int:
    for size in range(len(VALUE.phrase) - 1, 0, -1):
        if text.endswith(VALUE.phrase[:size]):
            return len(text) - size
    return len(text)


def _finding(start: int, rule: str, size: int) -> Finding:
    segment = Segment("", Stage.OUTPUT, Scope.MODEL, at=start)
    return Finding("words", "custom", 1.0, segment, Span(start, start + size), rule)


def classified(window: Window) -> tuple[list[Finding], list[Failure]]:
    """A made-up classifier: one phrase without a place, one with, and one that it cannot bear."""
    segment = window.segment()
    found = []
    if WINDOW_REFUSED in segment.text:
        found.append(Finding("fake.refusing", "custom", 0.9, segment))
    at = segment.text.find(WINDOW_REPLACED)
    while at >= 0:
        found.append(Finding("fake.replacing", "custom", 0.9, segment, Span(at, at + len(WINDOW_REPLACED))))
        at = segment.text.find(WINDOW_REPLACED, at + 1)
    broken = [Failure("fake.refusing", FailureKind.EXCEPTION, "output")] if BREAKS in segment.text else []
    return found, broken


def rule(name: str, action: Action, kind: Kind = Kind.WORDS, target: str = "", mode: Mode = Mode.ENFORCE) -> Rule:
    """A rule with one step; a redacting one leaves its name behind."""
    text = f"<{name}>" if action is Action.REDACT else None
    return Rule(name, kind, target, Ladder((LadderStep(action, 0.5),)), mode=mode, replace_with=text)


def plan_of(*, classifies: bool, streaming: Streaming = STREAMING) -> Plan:
    """The policy of the made-up phrases; with `classifies` also the rules that listen to windows."""
    rules = [rule(named.rule, Action.REFUSE) for named in (*REFUSED, VALUE)]
    rules += [rule(named.rule, Action.REDACT) for named in REPLACED]
    rules += [rule(named.rule, Action.REFUSE, mode=Mode.SHADOW) for named in LOGGED]
    if classifies:
        rules.append(rule("w_refuse", Action.REFUSE, Kind.DETECTOR, "fake.refusing"))
        rules.append(rule("w_replace", Action.REDACT, Kind.DETECTOR, "fake.replacing"))
    policy = Policy(PolicyRef("stand-ins", 1, "0"), tuple(rules), streaming=streaming)
    return Plan(policy, Context(), _scanners, classifies, lambda _failure: True)


def _scanners(_channel: Channel) -> tuple[Scanner, ...]:
    return (PhraseScanner((*REFUSED, *LOGGED)), PhraseScanner(REPLACED), ValueScanner())
