"""Runs the tests written inside policies: the same judge and decide as in the proxy, with another caller.

Words, patterns and detectors that match run for real (`look`), scores are what the test says. No model is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from guardproxy.core.conversation import Conversation, Message, Part, Piece, Pointer, Role, Scope, Segment, Stage
from guardproxy.core.decide import Decision, decide, stronger
from guardproxy.core.detector_info import DetectorInfo, Unit
from guardproxy.core.findings import Finding
from guardproxy.core.hazards import covers, exists
from guardproxy.core.judge import Context, Verdict, judge
from guardproxy.core.redact import apply, by_place, redactions
from guardproxy.core.rules import Action, Kind, Policy, Rule, Source
from guardproxy.core.segments import input_segments, latest
from guardproxy.core.session import SessionState, Visit
from guardproxy.policy.compile import get, part
from guardproxy.policy.ladders import ACTIONS
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.problems import Problems
from guardproxy.policy.rulekeys import RESERVED
from guardproxy.policy.values import Field, Fields
from guardproxy.policy.written import Written

Look = Callable[[Sequence[Segment]], list[Finding]]
Inspect = Callable[[Policy], Look]

_SCOPES = {
    Role.SYSTEM: Scope.SYSTEM,
    Role.DEVELOPER: Scope.SYSTEM,
    Role.USER: Scope.USER,
    Role.ASSISTANT: Scope.HISTORY,
    Role.TOOL: Scope.TOOL_RESULT,
    Role.FUNCTION: Scope.TOOL_RESULT,
}


class State(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One test. `why` says what was expected and what came, or what it waits for."""

    name: str
    place: Source
    state: State
    why: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a rule's ladder."""

    rule: str
    action: Action


@dataclass(frozen=True, slots=True)
class Run:
    """All tests of one policy, and the ladder steps they reached. `inherited`: rules that a parent answers for."""

    policy: str
    results: tuple[Result, ...]
    reached: frozenset[Step]
    steps: tuple[Step, ...]
    inherited: frozenset[str] = frozenset()

    def count(self, state: State) -> int:
        """How many ended so."""
        return sum(1 for result in self.results if result.state is state)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a test says shall come: an action, perhaps of one rule, perhaps at one stage."""

    action: Action
    rule: str = ""
    stage: str = ""

    def met(self, decision: Decision) -> bool:
        """Does the decision fit? `allow` means allow or log."""
        if self.action is Action.ALLOW:
            return decision.action <= Action.LOG
        fits = decision.action is self.action and self.rule in ("", decision.rule_name)
        return fits and self.stage in ("", decision.stage.value)

    def __str__(self) -> str:
        rule = f" by {self.rule}" if self.rule else ""
        return self.action.word + rule + (f" at {self.stage}" if self.stage else "")


@dataclass(slots=True)
class Judged:
    """What one test came to: the outcome, what would have been, and the texts that passed."""

    outcome: Decision
    verdicts: list[Verdict] = field(default_factory=list)
    would: Decision | None = None
    texts: dict[str, str] = field(default_factory=dict)
    output: Decision | None = None


def check_names(tests: Iterable[Written], rules: Iterable[str], problems: Problems) -> None:
    """GP508: a test that expects a rule the policy does not have."""
    known = set(rules) | RESERVED
    for written in tests:
        for wanted in (said.get(key) for said in expecting(written.fields) for key in ("expect", "would")):
            for name, named in wanted.value.items() if wanted is not None and isinstance(wanted.value, dict) else ():
                if name != "stage" and named.value not in known:
                    hint = did_you_mean(named.value, known) or "the id of a rule of this policy, or of a parent"
                    problems.error("GP508", named.place, f'the test expects an unknown rule "{named.value}"', hint)


class SelfTest:
    """Runs tests of one policy. `now` is the time exceptions are read at (POSIX seconds).

    `look` runs what needs no model; `live`, where given, asks the model detectors as well.
    """

    def __init__(
        self, policy: Policy, look: Look, detectors: Sequence[DetectorInfo], now: float, live: Look | None = None
    ) -> None:
        self._policy = policy
        self._look = look
        self._live = live
        self._detectors = detectors
        self._now = now
        self._reached: set[Step] = set()

    def run(self, tests: Iterable[Written]) -> Run:
        """All of them, in order."""
        results = tuple(self._result(written) for written in tests)
        steps = tuple(Step(r.id, s.action) for r in self._policy.rules[:-1] for s in r.ladder.steps)
        return Run(str(self._policy.ref), results, frozenset(self._reached), steps)

    def _result(self, written: Written) -> Result:
        test = written.fields
        name, place = test["name"].value, written.place
        waits = "" if self._live else self._waits_for(test)
        if waits:
            return Result(name, place, State.SKIPPED, waits)
        why = self._turns(test) if "turns" in test else self._difference(test, self._judged(test))
        return Result(name, place, State.FAILED if why else State.PASSED, why)

    def _turns(self, test: Fields) -> str:
        """A dialogue: every turn in the session of those before it; what differs first, "" when nothing does.

        A refused turn is forgotten, as a client's history would lose it (`forget_refused`); its numbers stay.
        """
        state, now, history = SessionState(at=self._now), self._now, tuple[Message, ...]()
        for number, turn in enumerate(test["turns"].value, 1):
            now += get(turn, "wait", 0) / 1000
            visit = Visit(self._policy, state, now)
            whole = {**turn, **{key: test[key] for key in ("route", "tenant", "live") if key in test}}
            conversation = said_after(history, get(turn, "user", ""))
            judged = self._judged(whole, conversation, visit)
            why = self._difference(turn, judged)
            if why:
                return f"turn {number}: {why}"
            state = visit.settled([judged.output] if judged.output else [], ())
            if judged.outcome.action < Action.REFUSE:
                history = said_after(conversation.messages, get(turn, "assistant", ""), Role.ASSISTANT).messages
        return ""

    def _waits_for(self, test: Fields) -> str:
        """Why a test cannot run without models; "" when it can."""
        if get(test, "live", default=False):
            return "live: needs the model detectors (--live)"
        if "turns" in test:
            return next((why for turn in test["turns"].value if (why := self._waits_for(turn))), "")
        if "scores" in test:
            return ""
        for wanted in (expected_in(test, "expect"), expected_in(test, "would")):
            rule = self._policy.rule(wanted.rule) if wanted is not None and wanted.rule else None
            if rule is not None and self._bears_scores(rule):
                return f"{rule.id} needs scores (give some, or --live)"
        return ""

    def _bears_scores(self, rule: Rule) -> bool:
        """Would somebody have to ask a model to hear this rule's findings?"""
        if rule.kind is Kind.DETECTOR:
            return any(d.id == rule.target and d.unit is Unit.SCORE for d in self._detectors)
        if rule.kind is not Kind.HAZARD:
            return False
        reporting = [d for d in self._detectors if any(covers(rule.target, h) for h in d.hazards)]
        return not reporting or any(d.unit is Unit.SCORE for d in reporting)

    def _judged(self, test: Fields, said: Conversation | None = None, visit: Visit | None = None) -> Judged:
        """Input stage, then output stage unless the input is refused. `visit`: in the course of a session."""
        now = visit.now if visit else self._now
        context = Context(get(test, "route", "test"), get(test, "tenant", "test"), now)
        conversation = said or _conversation(test)
        segments = input_segments(latest(conversation, self._policy.messages_looked_at))
        scores = part(test, "scores")
        findings = self._looker(test)(segments) + self._faked(part(scores, "input"), _spoken(segments, conversation))
        verdicts = judge(findings, self._policy, Stage.INPUT, context)
        decision = decide(verdicts, self._policy.ref, Stage.INPUT)
        if visit is not None:
            decision = visit.heed(conversation, findings, decision)
        judged = Judged(decision, verdicts)
        judged.would = self._would(verdicts, Stage.INPUT)
        self._note(verdicts)
        if judged.outcome.action >= Action.REFUSE:
            return judged
        judged.texts["input"] = _sent(conversation, verdicts, segments)
        if "assistant" in test or "output" in scores:
            self._output(test, part(scores, "output"), context, judged)
        return judged

    def _looker(self, test: Fields) -> Look:
        """Scores that are given stand for all: then no model is asked."""
        return self._live if self._live is not None and "scores" not in test else self._look

    def _output(self, test: Fields, scores: Fields, context: Context, judged: Judged) -> None:
        answer = Segment(get(test, "assistant", ""), Stage.OUTPUT, Scope.MODEL)
        findings = self._looker(test)([answer] if answer.text else []) + self._faked(scores, answer)
        verdicts = judge(findings, self._policy, Stage.OUTPUT, context)
        self._note(verdicts)
        judged.output = decide(verdicts, self._policy.ref, Stage.OUTPUT)
        judged.outcome = stronger(judged.outcome, judged.output)
        would = self._would(verdicts, Stage.OUTPUT)
        judged.would = stronger(judged.would, would) if judged.would else would
        if judged.outcome.action < Action.REGENERATE:
            judged.texts["output"] = apply(answer.text, redactions(verdicts, answer))

    def _would(self, verdicts: Sequence[Verdict], stage: Stage) -> Decision:
        """The most severe of all verdicts, shadow included."""
        return decide([replace(v, enforced=True) for v in verdicts], self._policy.ref, stage)

    def _note(self, verdicts: Iterable[Verdict]) -> None:
        self._reached |= {Step(v.rule.id, v.action) for v in verdicts}

    def _faked(self, scores: Fields, segment: Segment) -> list[Finding]:
        found = []
        for name, score in scores.items():
            info = next((d for d in self._detectors if d.id == name), None)
            if info is not None and not exists(name):
                hazard = min(info.hazards, default="unspecified")
                found.append(Finding(name, hazard, score.value, segment))
            elif exists(name):
                found.append(Finding("test", name, score.value, segment))
            else:
                found.append(Finding(name, "unspecified", score.value, segment))
        return found

    def _difference(self, test: Fields, judged: Judged) -> str:
        """What differs from what the test expects; "" when nothing does."""
        wanted = expected_in(test, "expect")
        if wanted is not None and not wanted.met(judged.outcome):
            return f"expected {wanted}, got {_said(judged.outcome)}"
        wanted = expected_in(test, "would")
        if wanted is not None and judged.would is not None and not wanted.met(judged.would):
            return f"would have: expected {wanted}, got {_said(judged.would)}"
        for stage, text in part(test, "result").items():
            if stage not in judged.texts:
                return f"result: no {stage} text passed, the outcome is {_said(judged.outcome)}"
            if judged.texts[stage] != text.value:
                return f"result: the {stage} text is {judged.texts[stage]!r}"
        return ""


def expecting(test: Fields) -> list[Fields]:
    """The test, or its turns: what says what it expects."""
    return [said for said in (test["turns"].value if "turns" in test else [test]) if "expect" in said]


def expected_in(test: Fields, key: str) -> Expected | None:
    """`expect` or `would` of a test."""
    wanted = test.get(key)
    if wanted is None:
        return None
    if isinstance(wanted.value, str):
        return Expected(_action(wanted.value))
    named: dict[str, Field] = wanted.value
    action = next(word for word in named if word != "stage")
    return Expected(_action(action), named[action].value, named["stage"].value if "stage" in named else "")


def _action(word: str) -> Action:
    return ACTIONS.get(word, Action.ALLOW)


def _said(decision: Decision) -> str:
    if decision.action is Action.ALLOW:
        return "allow"
    return f"{decision.action.word} by {decision.rule_name} at {decision.stage.value}"


def _conversation(test: Fields) -> Conversation:
    said = Conversation(())
    if "messages" in test:
        for message in test["messages"].value:
            said = said_after(said.messages, message["content"].value, Role(message["role"].value))
    elif "user" in test:
        said = said_after((), test["user"].value)
    return said


def said_after(earlier: Sequence[Message], text: str, role: Role = Role.USER) -> Conversation:
    """These messages and one more."""
    part = Part(text, Pointer(("messages", len(earlier), "content")))
    return Conversation((*earlier, Message(role, _SCOPES[role], (part,))))


def _spoken(segments: Sequence[Segment], conversation: Conversation) -> Segment:
    """What fake input scores are about: the last thing the user says, be it nothing."""
    last = next((m.parts[0].pointer for m in reversed(conversation.messages) if m.role is Role.USER), None)
    users = [s for s in segments if s.scope is Scope.USER and not s.joined]
    if users and (last is None or any(piece.pointer == last for piece in users[-1].pieces)):
        return users[-1]
    pieces = (Piece(last, 0, 0),) if last is not None else ()
    return Segment("", Stage.INPUT, Scope.USER, pieces)


def _sent(conversation: Conversation, verdicts: Sequence[Verdict], segments: Sequence[Segment]) -> str:
    """The last user message as it goes upstream."""
    users = [m.parts[0] for m in conversation.messages if m.role is Role.USER]
    if not users:
        return ""
    placed = {p.pointer: p.redactions for p in by_place(verdicts, segments)}
    return apply(users[-1].text, placed.get(users[-1].pointer, ()))
