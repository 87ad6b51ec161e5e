import json
from dataclasses import replace

import pytest

from guardproxy.observe.entry import MOST_DIGESTS, beginning, entry, keyed, subject_key
from guardproxy.observe.outcome import subject_of

KEY = b"k" * 32


def test_the_fields_of_a_refusal(samples):
    made = entry(samples.refused, KEY)
    (stage,) = made["stages"]
    assert made["time"] == "2026-11-24T13:00:00.123Z"
    assert (made["policy"], made["revision"], made["policy_hash"]) == ("base", 7, "9f3c0011")
    assert (stage["stage"], stage["action"], stage["rule"], stage["mode"]) == (
        "input",
        "refuse",
        "crime-cyber",
        "enforce",
    )
    assert (stage["checked"], stage["windows"], stage["chars"], stage["truncated"]) == ("scanned", 1, 212, False)
    assert stage["scores"] == {"embedded-harm": {"crime.cyber": 0.9123, "hate.abuse": 0.0123}}
    assert stage["verdicts"][0]["spans"] == [[5, 16]]
    assert made["ai_notice"] is False
    assert made["message"] == {"key": "en/crime.cyber/hard/neutral"}
    assert made["versions"] == {"embedded-harm": "3+int8"}


def test_what_shadow_rules_would_have_done(samples):
    assert entry(samples.shadowed, KEY)["would_have"] == [
        {"policy": "base@7", "stage": "input", "action": "refuse", "rule": "quiet"}
    ]
    assert entry(samples.refused, KEY)["would_have"] == []  # it would have done no more than was done


def test_each_choice_has_a_stage(samples):
    stages = entry(samples.cut, KEY)["stages"]
    assert [(s["stage"], s.get("choice"), s["action"]) for s in stages] == [
        ("input", None, "allow"),
        ("output", 0, "refuse"),
        ("output", 1, "warn"),
    ]


def test_a_stage_that_could_not_be_judged_is_there(samples):
    made = entry(samples.closed, KEY)
    assert made["stages"] == [{"stage": "input", "action": None, "checked": "failed_closed"}]
    assert made["failures"] == [{"stage": "input", "detector": "embedded-harm", "kind": "timeout"}]


def test_times_are_milliseconds_summed_by_detector(samples):
    timing = entry(samples.calm, KEY)["timing"]
    assert timing == {
        "total": 840.2,
        "upstream": 812.0,
        "added": 11.2,
        "held": 40.1,
        "ttft": 300.0,
        "detectors": {"embedded-harm": 7.9, "instant": 0.1},
    }


@pytest.mark.parametrize(
    ("name", "restriction", "ground"),
    [
        ("calm", "none", None),
        ("refused", "input_refused", "policy_rule"),
        ("cut", "answer_withheld", "policy_rule"),
        ("shadowed", "none", None),
        ("closed", "fault", None),
        ("unreached", "fault", None),
    ],
)
def test_statement(samples, name, restriction, ground):
    statement = entry(getattr(samples, name), KEY)["statement"]
    assert (statement["restriction"], statement["ground"]) == (restriction, ground)


def test_digests_are_keyed(samples):
    (digest,) = entry(samples.calm, KEY)["text_hmac"]
    assert digest == keyed(KEY, "ab" * 32) != keyed(b"other", "ab" * 32)
    assert "ab" * 32 not in json.dumps(entry(samples.calm, KEY))


def test_a_request_of_many_texts_makes_no_giant_record(samples):
    made = entry(replace(samples.calm, digests=("ab" * 32,) * 5000), KEY)
    assert (len(made["text_hmac"]), made["texts"]) == (MOST_DIGESTS, 5000)


def test_no_text_in_any_entry(samples):
    for outcome in samples.all:
        assert samples.marker not in json.dumps(entry(outcome, KEY))


def test_an_end_user_is_a_keyed_word(samples):
    person = subject_of("default", "safety_identifier", "alice")
    about = replace(samples.calm, subject=person)
    word = entry(about, b"k")["subject"]
    assert word == subject_key(b"k", person) == beginning(about, b"k")["subject"]
    assert word != entry(about, b"other")["subject"]
    assert person not in word
    assert entry(samples.calm, b"k")["subject"] is None
    assert beginning(samples.calm, b"k")["subject"] is None


def test_what_is_known_when_a_stream_begins(samples):
    told = beginning(samples.refused, b"k")
    assert (told["route"], told["policy"], told["revision"], told["input"]) == ("chat", "base", 7, "refuse")
    assert samples.marker not in json.dumps(told)
