"""The decision log read back."""

import json
from dataclasses import replace

import pytest

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.decide import decide
from guardproxy.core.findings import FailureKind, Span
from guardproxy.core.rules import Action
from guardproxy.core.sighting import Sighting, Sightings
from guardproxy.errors import UsageError
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.entry import entry
from guardproxy.observe.recorded import recorded, records

SEEN = Sightings(
    (
        Sighting("embedded", "crime.fraud", 0.29999999999999993, Scope.USER, replaceable=False, view="window"),
        Sighting("embedded", "crime.cyber", 0.3, Scope.USER, replaceable=False, view="window"),
        Sighting("words", "custom", 1.0, Scope.SYSTEM, "kites", 7, Span(3, 9), excused=("ab12cd34",), view="folded"),
        Sighting("pii.email", "privacy.contact", 1.0, Scope.USER, span=Span(0, 5), replaceable=False),
    ),
    3,
)


def there_and_back(outcome):
    return recorded(json.loads(json.dumps(entry(outcome, b"k" * 32))))


def test_what_was_seen_comes_back_to_the_last_digit(samples):
    decision = replace(decide([], samples.ref, Stage.OUTPUT), seen=SEEN)
    (asked, answered) = there_and_back(replace(samples.calm, outputs=(decision,))).stages
    assert answered.seen == SEEN
    assert (answered.stage, answered.choice, asked.choice) == (Stage.OUTPUT, 0, None)


def test_neighbours_stand_together_in_the_line(samples):
    decision = replace(decide([], samples.ref, Stage.INPUT), seen=SEEN)
    stage = entry(replace(samples.calm, input=decision), b"k" * 32)["stages"][0]
    assert stage["seen"][0] == {
        "detector": "embedded",
        "scope": "user",
        "found": [["crime.fraud", 0.29999999999999993], ["crime.cyber", 0.3]],
    }
    assert (len(stage["seen"]), stage["left_out"]) == (3, 3)


def test_a_refusal(samples):
    made = there_and_back(replace(samples.refused, input_only=("m",), tightened=("input",)))
    (stored,) = made.stages
    assert (stored.action, stored.rule, stored.hazard, stored.by_rule) == (
        Action.REFUSE,
        "crime-cyber",
        "crime.cyber",
        True,
    )
    assert (made.decision_id, made.route, made.policy, made.policy_hash) == ("K7Q2", "chat", "base@7", "9f3c0011")
    assert made.time == pytest.approx(samples.calm.time)
    assert (made.tightened, made.complete) == (("input",), True)
    assert made.beheld.saw("embedded-harm", Stage.OUTPUT)
    assert not made.beheld.saw("m", Stage.INPUT)


def test_stages_that_decided_nothing_are_left_out(samples):
    made = there_and_back(samples.closed)
    assert (made.stages, made.outcome) == ((), "error")
    (failure,) = made.beheld.failures
    assert (failure.detector, failure.kind, failure.stage) == ("embedded-harm", FailureKind.TIMEOUT, "input")


def test_surfaces_that_report(samples):
    assert all(stored.reports for stored in there_and_back(replace(samples.calm, surface="moderations")).stages)


def test_a_record_of_before_says_so(samples):
    tree = json.loads(json.dumps(entry(samples.calm, b"k" * 32)))
    for stage in tree["stages"]:
        del stage["seen"], stage["left_out"]
    del tree["input_only"]
    assert not recorded(tree).complete


async def test_a_file_with_its_segments_and_its_torn_tail(samples, tmp_path):
    path = tmp_path / "decisions.jsonl"
    for number in (1, 2):
        log = AuditLog(path, "required", note=lambda *_args, **_fields: None)
        await log.append(entry(replace(samples.calm, decision_id=f"D{number}"), b"k" * 32))
        log.close()
        if number == 1:
            path.rename(tmp_path / "decisions.jsonl.000001")
    with path.open("ab") as file:
        file.write(b'{"decision_id": "D3", "torn')
    assert [record.decision_id for record in records(path)] == ["D1", "D2"]


@pytest.mark.parametrize("line", ["no json", "[]", '{"decision_id": "D1"}', '{"decision_id": "D", "stages": [5]}'])
def test_what_is_no_record(tmp_path, line):
    (tmp_path / "log").write_text(line + "\n")
    with pytest.raises(UsageError, match="log:1: this is not a record"):
        list(records(tmp_path / "log"))
    with pytest.raises(UsageError, match="cannot read"):
        list(records(tmp_path / "gone"))
