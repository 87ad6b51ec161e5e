"""The request in all its forms, and the answer that the stock SDK types."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from openai.types import ModerationCreateResponse

from guardproxy.core.categories import KEYS, moderate
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context
from guardproxy.core.rules import Policy, PolicyRef
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits
from guardproxy.wire.moderations import MOST_INPUTS, Head, parse_request, results_body

PICTURE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
NOTE = {"type": "image_url", "image_url": {"url": "data:text/plain;base64," + b64encode(b"a note").decode()}}


def parse(value, **more):
    return parse_request({"input": value, **more}, Limits())


def texts(request):
    return [[(p.text, str(p.pointer)) for m in c.messages for p in m.parts] for c in request.inputs]


@pytest.mark.parametrize(
    ("value", "read", "unread"),
    [
        ("hi", [[("hi", "input")]], ()),
        ("", [[("", "input")]], ()),
        (["a", "b"], [[("a", "input[0]")], [("b", "input[1]")]], ()),
        (
            [{"type": "text", "text": "a"}, PICTURE, {"type": "text", "text": "b"}],
            [[("a", "input[0].text"), ("b", "input[2].text")]],
            ("input[1]",),
        ),
        ([PICTURE], [[]], ("input[0]",)),
        ([NOTE], [[("a note", "input[0].image_url")]], ()),
    ],
)
def test_every_form_of_input(value, read, unread):
    request = parse(value, model="omni-moderation-latest", something="else")
    assert (texts(request), request.unread) == (read, unread)
    assert "hi" not in repr(request)


@pytest.mark.parametrize(
    ("tree", "code", "param"),
    [
        ({}, "invalid_type", "input"),
        ({"input": None}, "invalid_type", "input"),
        ({"input": 5}, "invalid_type", "input"),
        ({"input": []}, "invalid_type", "input"),
        ({"input": {"type": "text", "text": "a"}}, "invalid_type", "input"),
        ({"input": [1, 2, 3]}, "invalid_type", "input[0]"),
        ({"input": ["a", {"type": "text", "text": "b"}]}, "invalid_type", "input[1]"),
        ({"input": [{"type": "text", "text": "b"}, "a"]}, "invalid_type", "input[1]"),
        ({"input": [{"type": "text"}]}, "invalid_type", "input[0].text"),
        ({"input": [{"type": "image_url", "image_url": "x"}]}, "invalid_type", "input[0].image_url.url"),
        ({"input": [{"type": "input_audio"}]}, "unsupported_content_part", "input[0]"),
        ({"input": ["a"] * (MOST_INPUTS + 1)}, "too_complex", "input"),
        ({"input": "a", "model": 5}, "invalid_type", "model"),
    ],
)
def test_bad_requests_name_the_place(tree, code, param):
    with pytest.raises(BadRequest) as caught:
        parse_request(tree, Limits())
    assert (caught.value.code, caught.value.param, caught.value.status) == (code, param, 400)


def moderation(*pairs, covered=("hate.speech", "attack.jailbreak")):
    segment = Segment("x", Stage.INPUT, Scope.USER)
    findings = [Finding("m", hazard, score, segment) for hazard, score in pairs]
    return moderate(findings, [], Policy(PolicyRef("p", 1, "0"), ()), Context(), covered)


def test_the_answer_is_openais():
    both = [moderation(), moderation(("attack.jailbreak", 0.97), ("hate.speech", 0.3))]
    tree = json.loads(results_body(Head("modr-1", "guardproxy-abc"), both, {"decision_id": "1"}))
    typed = ModerationCreateResponse.model_validate(tree)
    assert (typed.id, typed.model) == ("modr-1", "guardproxy-abc")
    assert [r.flagged for r in typed.results] == [False, True]
    first, second = tree["results"]
    assert (*first["categories"],) == (*KEYS, "hate.speech", "attack.jailbreak")
    assert first["categories"].keys() == first["category_scores"].keys() == first["category_applied_input_types"].keys()
    assert {tuple(v) for v in first["category_applied_input_types"].values()} == {("text",)}
    assert second["categories"]["attack.jailbreak"] is True
    assert second["category_scores"]["hate"] == 0.25
    assert set(tree["guardproxy"]["not_covered"]) == set(KEYS) - {"hate"}


def test_hazards_stay_inside_where_the_policy_says_so():
    head = Head("modr-1", "guardproxy-abc", own=False)
    tree = json.loads(results_body(head, [moderation(("attack.jailbreak", 0.97))], {}))
    assert (*tree["results"][0]["categories"],) == KEYS
    assert tree["results"][0]["flagged"] is True
