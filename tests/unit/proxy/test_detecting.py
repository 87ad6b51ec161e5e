"""`/api/v1/text/contents` without a socket: one detector or one policy, on loopback only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.detectors.registry import toolbox
from guardproxy.proxy.app import CONTENTS, DataApp
from guardproxy.proxy.hall import Benches
from guardproxy.proxy.settings import ListenSettings


async def detect(send, app, texts, detector="policy:sample", **params):
    body = {"contents": texts, "detector_params": params}
    return await send(app, CONTENTS, json=body, headers={"detector-id": detector})


async def test_a_policy_says_what_it_would_act_on(send, judging, outcomes):
    answer = await detect(send, judging, ["calm", "ask Captain Turnip", "gloomp"])
    calm, name, hate = answer.json()
    assert answer.status_code == 200
    assert calm == []
    assert [(d["start"], d["end"], d["text"], d["detection"]) for d in name] == [(4, 18, "Captain Turnip", "custom")]
    assert [(d["text"], d["detection"], d["score"], d["detector_id"]) for d in hate] == [
        ("gloomp", "hate.threat", 0.5, "policy:sample")
    ]
    (outcome,) = outcomes
    assert (outcome.surface, outcome.outcome) == ("text_contents", "allow")
    assert outcome.input.would_have.word == "redact"


async def test_one_detector_alone(send, judging):
    (hate,) = (await detect(send, judging, ["gloomp and the bluefinch"], "m")).json()
    assert [d["detection"] for d in hate] == ["hate.threat"]


async def test_a_detector_that_no_rule_uses(send, hall):
    app = DataApp(replace(hall, benches=Benches(toolbox())))
    (found,) = (await detect(send, app, ["write to a@example.org"], "pii.email")).json()
    assert [(d["text"], d["detection_type"], d["score"]) for d in found] == [("a@example.org", "privacy", 1.0)]


async def test_nothing_to_look_at(send, judging):
    assert (await detect(send, judging, [])).json() == []
    assert (await detect(send, judging, [""], "m")).json() == [[]]


@pytest.mark.parametrize(
    ("texts", "detector", "status"),
    [
        ("a", "m", 400),
        (["a"], "other", 404),
        (["a"], "policy:other", 404),
        (["a"], "", 400),
        (["x" * 200_001], "m", 413),
    ],
)
async def test_errors_have_the_orchestrators_shape(send, judging, outcomes, texts, detector, status):
    answer = await detect(send, judging, texts, detector)
    assert answer.status_code == status
    assert answer.json().keys() == {"code", "message"}
    assert answer.json()["code"] == status
    assert [o.outcome for o in outcomes] == ["bad_request"]


async def test_heads_and_faults_too(send, judging, model, monkeypatch):
    assert (await send(judging, CONTENTS, method="GET")).json()["code"] == 405
    model.fails = True
    assert (await detect(send, judging, ["a"], "m")).json()["code"] == 503

    def broken(*_):
        raise ValueError

    monkeypatch.setattr("guardproxy.proxy.detecting.parse_request", broken)
    assert (await detect(send, judging, ["a"], "m")).json() == {"code": 500, "message": "internal error"}


async def test_other_addresses_need_a_key(send, judging, hall):
    listen = ListenSettings(host="0.0.0.0", allow_anonymous=True)
    public = DataApp(replace(hall, settings=hall.settings.model_copy(update={"listen": listen})))
    answer = await detect(send, public, ["a"])
    assert (answer.status_code, answer.json()["code"]) == (403, 403)
