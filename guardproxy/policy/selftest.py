"""Runs the tests written inside a policy: the same judge and decide, with another caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope, Segment, Stage
from guardproxy.core.decide import Decision, decide, stronger
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context, judge
from guardproxy.core.redact import apply, redactions
from guardproxy.core.rules import Action, Policy
from guardproxy.core.segments import input_segments
from guardproxy.policy.compile import Compiled
from guardproxy.policy.problems import Problem
from guardproxy.policy.reader import Node, plain

Look = Callable[[Sequence[Segment]], list[Finding]]
KEYS = frozenset({"name", "user", "assistant", "messages", "expect", "would", "result", "locale", "route", "tenant"})
ROLES = {"user": Scope.USER, "assistant": Scope.HISTORY, "system": Scope.SYSTEM, "tool": Scope.TOOL_RESULT}


@dataclass(frozen=True, slots=True)
class Judged:
    """What one test text came to."""

    decision: Decision
    results: tuple[tuple[str, str], ...]


def failures(compiled: Compiled, look: Look) -> list[Problem]:
    """One problem for each test that fails (GP506/GP507) or has nothing to judge (GP508)."""
    problems = []
    for node in compiled.tests:
        said = _run(compiled, node, look)
        if said is not None:
            code, message = said
            place = node.get("name") or node
            problems.append(Problem(code, place.place, message))
    return problems


def _run(compiled: Compiled, node: Node, look: Look) -> tuple[str, str] | None:
    tree = plain(node)
    later = sorted(set(tree) - KEYS)
    if later:
        return "GP111", f'test key "{later[0]}" is not available in this release'
    if not any(k in tree for k in ("user", "assistant", "messages")):
        return "GP509", "a test needs user, assistant or messages"
    if "expect" not in tree:
        return "GP101", 'missing key "expect"'
    judged = judge_texts(compiled.policy, tree, look)
    wrong = _differs(compiled.policy, tree["expect"], judged)
    if wrong:
        return wrong
    for stage, text in (tree.get("result") or {}).items():
        if dict(judged.results).get(stage) != text:
            return "GP507", f"the {stage} text comes out otherwise"
    return None


def judge_texts(policy: Policy, tree: dict[str, object], look: Look) -> Judged:
    """Input stage, then output stage unless the input is refused."""
    context, results = Context(), []
    decision = decide([], policy.ref, Stage.INPUT)
    conversation = _conversation(tree)
    if conversation.messages:
        segments = input_segments(conversation)
        verdicts = judge(look(segments), policy, Stage.INPUT, context)
        decision = decide(verdicts, policy.ref, Stage.INPUT)
        last = [s for s in segments if not s.joined][-1]
        results.append(("input", apply(last.text, redactions(verdicts, last))))
    if "assistant" in tree and decision.action < Action.REFUSE:
        answer = Segment(str(tree["assistant"]), Stage.OUTPUT, Scope.MODEL)
        verdicts = judge(look([answer]), policy, Stage.OUTPUT, context)
        decision = stronger(decision, decide(verdicts, policy.ref, Stage.OUTPUT))
        results.append(("output", apply(answer.text, redactions(verdicts, answer))))
    return Judged(decision, tuple(results))


def _conversation(tree: dict[str, object]) -> Conversation:
    said: list[tuple[str, str]] = []
    listed = tree.get("messages")
    if isinstance(listed, list):
        said = [(str(m.get("role")), str(m.get("content"))) for m in listed]
    elif "user" in tree:
        said = [("user", str(tree["user"]))]
    return Conversation(
        tuple(
            Message(Role(role), ROLES.get(role, Scope.USER), (Part(text, Pointer(("messages", at, "content"))),))
            for at, (role, text) in enumerate(said)
        )
    )


def _differs(policy: Policy, expect: object, judged: Judged) -> tuple[str, str] | None:
    action, rule, stage = judged.decision.action, judged.decision.rule_name, judged.decision.stage
    if isinstance(expect, str):
        fine = action.word == expect or (expect == "allow" and action <= Action.LOG)
        return None if fine else ("GP507", f"expected {expect}, got {action.word} by {rule or 'no rule'}")
    if not isinstance(expect, dict):
        return "GP105", "expect is a word or a mapping"
    wanted = dict(expect)
    wanted_stage = wanted.pop("stage", None)
    for name, rule_id in wanted.items():
        if policy.rule(str(rule_id)) is None:
            return "GP507", f'unknown rule "{rule_id}"'
        if action.word != name or rule != rule_id:
            return "GP507", f"expected {name} by {rule_id}, got {action.word} by {rule or 'no rule'}"
    if wanted_stage is not None and str(stage) != wanted_stage:
        return "GP507", f"expected at {wanted_stage}, got at {stage}"
    return None
