"""Headers, body field and record of one exchange say the same."""

from __future__ import annotations

import json

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import decide
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.core.judge import Context, judge
from guardproxy.core.lookers import Looker
from guardproxy.core.rules import Action, Disclosing, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule
from guardproxy.detectors.bench import Inspection
from guardproxy.errors import (
    AuditUnavailable,
    BadRequest,
    GuardproxyError,
    GuardUnavailable,
    Overloaded,
    UpstreamBadAnswer,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from guardproxy.proxy.ledger import Ledger, code_of
from guardproxy.wire.errors import error_answer

RULES = (
    Rule("scam", Kind.HAZARD, "crime", Ladder((LadderStep(Action.WARN, 0.4), LadderStep(Action.REFUSE, 0.9)))),
    Rule("rude", Kind.HAZARD, "harassment", Ladder((LadderStep(Action.LOG, 0.4),))),
    Rule("try", Kind.HAZARD, "hate", Ladder((LadderStep(Action.REFUSE, 0.4),)), mode=Mode.SHADOW),
)
POLICY = Policy(PolicyRef("sample", 2, "abc"), RULES)


def segment(stage=Stage.INPUT):
    return Segment("text", stage, Scope.USER if stage is Stage.INPUT else Scope.MODEL)


def found(hazard, score, stage=Stage.INPUT, detector="embedded"):
    return Finding(detector, hazard, score, segment(stage))


def decided(*findings, stage=Stage.INPUT):
    return decide(judge(findings, POLICY, stage, Context()), POLICY.ref, stage)


CALM, WARNED = decided(), decided(found("crime.fraud", 0.5))
LOGGED = decided(found("harassment.abuse", 0.5), stage=Stage.OUTPUT)
REFUSED = decided(found("crime.fraud", 0.95), found("harassment.abuse", 0.5), stage=Stage.OUTPUT)
SHADOW = decided(found("hate.speech", 0.9))


def ledger(policy=POLICY, **more):
    given = {"route": "default", "tenant": "default", "surface": "chat_completions", "upstream": "main"}
    return Ledger("ID", **given, at=1.0, policy=policy, **more)


def named(pairs):
    return {name.removeprefix("x-guardproxy-"): value for name, value in pairs}


@pytest.mark.parametrize(
    ("filled", "decision", "rule", "stage", "hazards"),
    [
        ({}, "allow", None, None, []),
        ({"input": CALM, "outputs": (CALM,)}, "allow", None, None, []),
        ({"input": WARNED}, "warn", "scam", "input", ["crime.fraud"]),
        ({"input": CALM, "outputs": (LOGGED,)}, "log", "rude", "output", ["harassment.abuse"]),
        ({"input": WARNED, "outputs": (LOGGED,)}, "warn", "scam", "input", ["crime.fraud"]),
        ({"input": WARNED, "outputs": (LOGGED, REFUSED)}, "refuse", "scam", "output", ["crime.fraud", "harassment.abuse"]),
        ({"input": SHADOW}, "allow", None, None, []),
        ({"input": WARNED, "error": "error"}, "error", None, None, []),
    ],
)  # fmt: skip
def test_headers_body_and_record_agree(filled, decision, rule, stage, hazards):
    made = ledger(**filled)
    headers, body, record = named(made.headers()), made.annotation()["guardproxy"], made.outcome("m")
    assert (headers["decision"], headers.get("rule")) == (decision, rule)
    assert (body["action"], body["rule"], body["stage"], body["hazards"]) == (decision, rule, stage, hazards)
    assert record.outcome == decision
    assert headers["decision-id"] == body["decision_id"] == record.decision_id == "ID"
    assert headers["policy"] == body["policy"] == str(record.policy) == "sample@2"
    assert headers["policy-hash"] == body["policy_hash"] == "abc"


def test_before_a_policy_is_known_there_is_none():
    made = ledger(policy=None, error="bad_request")
    assert set(named(made.headers())) == {"decision", "decision-id"}
    assert made.annotation()["guardproxy"]["policy"] is None


@pytest.mark.parametrize(
    ("hazards", "shown"),
    [("leaf", ["crime.fraud", "harassment.abuse"]), ("family", ["crime", "harassment"]), ("none", [])],
)
def test_the_policy_says_how_much_of_the_hazard_is_shown(hazards, shown):
    policy = Policy(POLICY.ref, RULES, disclosing=Disclosing(hazards=hazards))
    assert ledger(policy, outputs=(REFUSED,)).annotation()["guardproxy"]["hazards"] == shown


def failure(stage="input", kind=FailureKind.TIMEOUT):
    return Failure("embedded", kind, stage)


@pytest.mark.parametrize(
    ("filled", "checked", "unchecked"),
    [
        ({}, "", ()),
        ({"input_checked": True}, "input", ()),
        ({"input_checked": True, "output_checked": True}, "input,output", ()),
        ({"input_checked": True, "unscanned": True}, "", (("input", "unscannable"),)),
        ({"input_checked": True, "output_checked": True, "failures": [failure()]}, "output", (("input", "detector_timeout"),)),
        (
            {"input_checked": True, "output_checked": True, "failures": [failure("output", FailureKind.EXCEPTION)] * 2},
            "input",
            (("output", "detector_error"),),
        ),
        ({"input_checked": True, "failures": [failure()], "error": "error"}, "", ()),
        ({"input": decided(found("crime.fraud", 1.0)), "input_checked": True, "failures": [failure()]}, "", ()),
    ],
)  # fmt: skip
def test_checked_is_only_what_really_ran(filled, checked, unchecked):
    made = ledger(**filled)
    assert named(made.headers()).get("checked", "") == checked
    assert made.outcome("m").unchecked == unchecked


def test_the_highest_score_of_each_hazard_is_noted():
    made = ledger()
    low, high = found("crime.fraud", 0.2), found("crime.fraud", 0.6)
    words = found("custom", 1.0, detector="words")
    sure = found("hate.speech", 1.0)
    made.note("output", [Inspection((low, words), seconds=(("a", 1.0),)), Inspection((high, sure), (failure(),))])
    assert [(s.stage, s.detector, s.hazard, s.score) for s in made.scores] == [
        ("output", "embedded", "crime.fraud", 0.6),
        ("output", "embedded", "hate.speech", 1.0),
    ]
    assert made.failures == [failure()]
    assert made.outcome("m").detectors == (("a", 1.0),)


@pytest.mark.parametrize(
    ("error", "outcome", "code", "kind"),
    [
        (BadRequest("x", code="unknown_field"), "bad_request", "unknown_field", ""),
        (Overloaded("x"), "overload", "rate_limit_exceeded", ""),
        (Overloaded("x", status=503), "overload", "overloaded", ""),
        (GuardUnavailable("x"), "error", "guard_unavailable", ""),
        (AuditUnavailable("x"), "error", "audit_unavailable", ""),
        (UpstreamUnreachable("x"), "error", "upstream_unreachable", "unreachable"),
        (UpstreamTimeout("x", kind="idle"), "error", "upstream_timeout", "idle"),
        (UpstreamBadAnswer("x"), "error", "upstream_protocol_error", "protocol"),
        (UpstreamRefused("x", status=429, code="rate_limit", kind="refused"), "error", "rate_limit", "refused"),
        (GuardproxyError("x"), "error", "internal_error", ""),
    ],
)
def test_each_fault_has_its_outcome_and_code(error, outcome, code, kind):
    made = ledger(input=WARNED)
    made.failed(error)
    record = made.outcome("m")
    assert (record.outcome, record.error_code, record.error_kind) == (outcome, code, kind)
    assert code_of(error) == code == json.loads(error_answer(error).body)["error"]["code"]


def test_a_route_may_want_answers_without_our_member():
    made = ledger(input=WARNED, annotate=False)
    assert made.annotation() == {}
    assert made.outcome("m").outcome == "warn"
    assert ("x-guardproxy-decision", "warn") in made.headers()


def test_our_share_of_the_time_is_never_negative():
    made = ledger(upstream_seconds=1e9)
    assert made.outcome("m").seconds.added == 0.0


def test_who_looked_is_recorded():
    made = ledger()
    made.note_input(Inspection(by=(Looker("embedded", "7"), Looker("rule:kites", "ab12cd34", output=False))))
    made.note("output", [])
    record = made.outcome("m")
    assert record.versions == (("embedded", "7"), ("rule:kites", "ab12cd34"))
    assert record.input_only == ("rule:kites",)


@pytest.mark.parametrize(
    ("filled", "unchecked", "states"),
    [
        # The input went on unchecked, then the model broke.
        ({"failures": [failure()], "forwarded": True}, (("input", "detector_timeout"),), ("failed_open", "not_run")),
        # Nothing went on.
        ({"failures": [failure()]}, (), ("failed_closed", "not_run")),
        # Text was shown unchecked, then the caller left or the model broke.
        ({"failures": [failure("output")], "passed": [failure("output")]}, (("output", "detector_timeout"),), ("not_run", "failed_open")),
        # What failed closed was not shown.
        ({"failures": [failure("output")]}, (), ("not_run", "failed_closed")),
        ({"unscanned": True, "forwarded": True}, (("input", "unscannable"),), ("not_run", "not_run")),
        ({"unscanned": True}, (), ("not_run", "not_run")),
    ],
)  # fmt: skip
def test_what_left_unchecked_is_told_even_if_the_exchange_ends_as_a_fault(filled, unchecked, states):
    outcome = ledger(error="error", **filled).outcome("m")
    assert outcome.unchecked == unchecked
    assert (outcome.state("input"), outcome.state("output")) == states
