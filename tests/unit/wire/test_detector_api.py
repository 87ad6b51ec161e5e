"""The FMS detector API: header, request, detections, errors."""

from __future__ import annotations

import json

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.errors import BadRequest, GuardproxyError, GuardUnavailable
from guardproxy.wire.body import Limits
from guardproxy.wire.detector_api import (
    MOST_CONTENTS,
    Contents,
    Wanted,
    detections_body,
    error_answer,
    parse_request,
    read_detector,
)


def parse(tree):
    return parse_request(tree, Limits())


def test_the_header_names_a_detector_or_a_policy():
    assert read_detector("pii.email") == Wanted("pii.email", is_policy=False)
    assert read_detector("policy:default") == Wanted("default", is_policy=True)
    assert str(read_detector("policy:default")) == "policy:default"


@pytest.mark.parametrize("value", ["", "policy:"])
def test_without_a_name_nobody_is_asked(value):
    with pytest.raises(BadRequest) as caught:
        read_detector(value)
    assert caught.value.param == "detector-id"


def test_a_request():
    contents = parse({"contents": ["a", ""], "detector_params": {"threshold": 1}, "something": "else"})
    assert (contents.texts, contents.threshold) == (("a", ""), 1)
    assert [str(p.pointer) for c in contents.conversations() for m in c.messages for p in m.parts] == [
        "contents[0]",
        "contents[1]",
    ]
    assert parse({"contents": []}).texts == ()
    assert '"a"' not in repr(contents)


@pytest.mark.parametrize(
    ("tree", "code", "param"),
    [
        ({}, "invalid_type", "contents"),
        ({"contents": "a"}, "invalid_type", "contents"),
        ({"contents": ["a", 5]}, "invalid_type", "contents[1]"),
        ({"contents": ["a"] * (MOST_CONTENTS + 1)}, "too_complex", "contents"),
        ({"contents": ["a"], "detector_params": []}, "invalid_type", "detector_params"),
        ({"contents": ["a"], "detector_params": {"regex": ["x"]}}, "unsupported_parameter", "detector_params.regex"),
        ({"contents": ["a"], "detector_params": {"threshold": 2}}, "invalid_type", "detector_params.threshold"),
        ({"contents": ["a"], "detector_params": {"threshold": True}}, "invalid_type", "detector_params.threshold"),
    ],
)
def test_bad_requests_name_the_place(tree, code, param):
    with pytest.raises(BadRequest) as caught:
        parse(tree)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_detections_have_places_in_code_points_and_rounded_scores():
    text = "\N{GRINNING FACE} a@example.org"
    segment = Segment(text, Stage.INPUT, Scope.USER)
    found = [
        Finding("pii.email", "privacy.pii", 1.0, segment, Span(2, 15)),
        Finding("m", "hate.speech", 0.63, segment),
        Finding("m", "hate.threat", 0.3, segment),
    ]
    body = detections_body(Contents((text, "calm")), Wanted("d", is_policy=True), [found, []])
    (email, hate), calm = json.loads(body)
    assert calm == []
    assert email == {
        "start": 2,
        "end": 15,
        "text": "a@example.org",
        "detection": "privacy.pii",
        "detection_type": "privacy",
        "detector_id": "policy:d",
        "score": 1.0,
        "evidence": [],
    }
    assert (hate["start"], hate["end"], hate["score"]) == (0, len(text), 0.75)


def test_a_threshold_meets_rounded_scores():
    segment = Segment("x", Stage.INPUT, Scope.USER)
    found = [[Finding("m", "hate.speech", 0.63, segment), Finding("m", "hate.threat", 0.0, segment)]]
    shown = [
        len(json.loads(detections_body(Contents(("x",), threshold), Wanted("m", is_policy=False), found))[0])
        for threshold in (0, 0.64, 0.75, 0.76)
    ]
    assert shown == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadRequest("no such", code="c", status=404), 404),
        (GuardUnavailable("later"), 503),
        (GuardproxyError(), 500),
    ],
)
def test_errors_have_a_number_and_a_message(error, status):
    answer = error_answer(error)
    tree = json.loads(answer.body)
    assert (answer.status, tree["code"]) == (status, status)
    assert tree["message"]
    assert tree.keys() == {"code", "message"}
