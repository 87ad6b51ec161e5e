"""`/v1/moderations` without a socket: it reports, and never refuses."""

from __future__ import annotations

import pytest

from guardproxy.core.categories import KEYS
from guardproxy.proxy.app import MODERATIONS


async def judged(send, judging, value):
    answer = await send(judging, MODERATIONS, json={"input": value, "model": "omni-moderation-latest"})
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_harmless_text(send, judging, outcomes):
    answer = await judged(send, judging, "When does the heron colony return?")
    tree = answer.json()
    assert [r["flagged"] for r in tree["results"]] == [False]
    assert tree["model"].startswith("guardproxy-")
    assert tree["id"] == "modr-" + answer.headers["x-guardproxy-decision-id"]
    assert set(tree["guardproxy"]["not_covered"]) == set(KEYS) - {"hate", "hate/threatening"}
    assert answer.headers["x-guardproxy-checked"] == "input"
    (outcome,) = outcomes
    assert (outcome.surface, outcome.outcome, outcome.status, outcome.upstream) == ("moderations", "allow", 200, "")


async def test_each_text_of_a_list_is_judged_alone(send, judging, outcomes):
    tree = (await judged(send, judging, ["calm", "a gloomp", "calm", "the bluefinch"])).json()
    assert [r["flagged"] for r in tree["results"]] == [False, True, False, True]
    hate, finch = tree["results"][1], tree["results"][3]
    assert {k for k, v in hate["categories"].items() if v} == {"hate", "hate/threatening", "hate.threat"}
    assert hate["category_scores"]["hate"] == 0.5
    assert {k for k, v in finch["categories"].items() if v} == {"custom"}
    assert len(outcomes) == 1


async def test_nothing_is_refused_or_counted_as_a_refusal(send, judging, outcomes):
    answer = await judged(send, judging, "the bluefinch")
    assert answer.headers["x-guardproxy-decision"] == "allow"
    assert "x-guardproxy-rule" not in answer.headers
    (outcome,) = outcomes
    assert outcome.outcome == "allow"
    assert outcome.input.would_have.word == "refuse"
    assert [v.enforced for v in outcome.input.verdicts] == [False]


async def test_a_phrase_cut_over_two_parts_is_seen(send, judging):
    parts = [{"type": "text", "text": "the blue"}, {"type": "text", "text": "finch"}]
    (result,) = (await judged(send, judging, parts)).json()["results"]
    assert result["categories"]["custom"] is True


async def test_a_picture_is_named_as_not_checked(send, judging):
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "https://example.org/a"}}]
    answer = await judged(send, judging, parts)
    assert answer.json()["guardproxy"]["not_checked"] == ["input[1]"]
    assert answer.json()["results"][0]["category_applied_input_types"]["hate"] == ["text"]
    assert "x-guardproxy-checked" not in answer.headers


async def test_a_check_that_could_not_run_is_no_answer(send, judging, model, outcomes):
    model.fails = True
    answer = await send(judging, MODERATIONS, json={"input": "calm"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "guard_unavailable")
    assert [o.outcome for o in outcomes] == ["error"]


async def test_a_rule_that_fails_open_leaves_its_keys_uncovered(send, judging, hall, policy_file, model, outcomes):
    text = policy_file.read_text(encoding="utf-8").replace("thresholds:", "if_detector_fails: open, thresholds:")
    policy_file.write_text(text.replace("revision: 2", "revision: 3"), encoding="utf-8")
    assert hall.shelf.reload().ok, hall.shelf.last.report
    model.fails = True
    answer = await judged(send, judging, "a gloomp")
    assert set(answer.json()["guardproxy"]["not_covered"]) == set(KEYS)
    assert "x-guardproxy-checked" not in answer.headers
    assert [o.unchecked for o in outcomes] == [(("input", "detector_error"),)]


@pytest.mark.parametrize(
    ("more", "status", "named"),
    [
        ({"json": {}}, 400, "invalid_type"),
        ({"json": {"input": [1, 2]}}, 400, "invalid_type"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid_json"),
        ({"content": b"{}"}, 415, "unsupported_media_type"),
        ({"json": {"input": "x" * 200_001}}, 413, "request_too_large"),
    ],
)
async def test_bad_input(send, judging, outcomes, more, status, named):
    answer = await send(judging, MODERATIONS, **more)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, named)
    assert [(o.outcome, o.surface) for o in outcomes] == [("bad_request", "moderations")]


async def test_only_post(send, judging):
    assert (await send(judging, MODERATIONS, method="GET")).status_code == 405
