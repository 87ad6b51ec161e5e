"""The candidate's queue: what is judged, on what, and what is not judged."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from guardproxy.detectors.bench import Toolbox
from guardproxy.proxy import trial as module
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream_httpx import HttpxUpstream
from guardproxy.testing.scripts import chunk, completion, stream
from tests.unit.proxy.conftest import HAZARD_RULE, POLICY

CHAT = "/v1/chat/completions"


@pytest.fixture
def put(hall, tmp_path):
    """Puts a policy on trial."""

    def placed(text, toolbox=None):
        file = tmp_path / "next" / "sample.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        office = hall.office
        if toolbox is not None:
            office.toolbox = hall.trial._toolbox = toolbox
        shelf = office.open(file)
        office.admit(shelf)
        hall.trial.begin(shelf)
        return shelf

    return placed


@pytest.fixture
def ask(hall, send):
    """Asks with what the model is to answer; waits until the candidate has judged."""

    async def asked(user, answer="Hello.", **more):
        def handler(request):
            script = answer if not isinstance(answer, str) else completion(answer)
            return httpx.Response(200, content=b"".join(script.segments), headers={"content-type": script.content_type})

        upstream = HttpxUpstream(Target("main", "http://model/v1"), httpx.MockTransport(handler))
        body = {"model": "m", "messages": [{"role": "user", "content": user}], **more}
        got = await send(DataApp(replace(hall, upstream=upstream)), CHAT, json=body)
        await hall.trial.idle()
        return got

    return asked


def pair_of(hall):
    [pair] = hall.trial.view()["pairs"]
    return pair


def moves(hall, stage):
    rows = pair_of(hall)["stages"].get(stage, {"moves": []})["moves"]
    return {(row["live"], row["candidate"]): row["count"] for row in rows}


STRICTER = POLICY.format(revision=2).replace(
    "[garden ladder], on_match: warn", "[garden ladder, step stool], on_match: refuse"
)


async def test_a_stricter_candidate(hall, put, ask):
    put(STRICTER)
    answer = await ask("my garden ladder")
    assert answer.headers["x-guardproxy-decision"] == "warn"
    await ask("a step stool")
    await ask("a heron", answer="Take the garden ladder.")
    assert moves(hall, "input") == {("warn", "refuse"): 1, ("allow", "refuse"): 1, ("allow", "allow"): 1}
    assert moves(hall, "output") == {("allow", "allow"): 2, ("warn", "refuse"): 1}
    rule = next(r for r in pair_of(hall)["rules"] if (r["stage"], r["rule"]) == ("input", "ladders"))
    assert (rule["live"], rule["candidate"], rule["tighter"]["count"], rule["looser"]["count"]) == (1, 2, 2, 0)
    assert rule["examples"][0] == answer.headers["x-guardproxy-decision-id"]


async def test_a_looser_candidate_is_told_of_an_answer_that_was_cut(hall, put, ask):
    put(
        POLICY.format(revision=2)
        .replace("[bluefinch], on_match: refuse", "[bluefinch], on_match: log")
        .replace("refuse: finch", "log: finch")
    )
    pieces = [
        chunk({"role": "assistant", "content": "It is "}),
        chunk({"content": "the blue"}),
        chunk({"content": "finch. More."}),
        chunk({}, "stop"),
    ]
    answer = await ask("What is it?", answer=stream(pieces), stream=True)
    assert "content_filter" in answer.text
    assert moves(hall, "output") == {("refuse", "log"): 1}
    await ask("the bluefinch")
    assert moves(hall, "input")["refuse", "log"] == 1


async def test_the_metrics_begin_with_the_first_candidate(hall, put, ask):
    def lines():
        page = hall.recorder.metrics.render(None)[0].decode()
        return [line for line in page.splitlines() if line.startswith("guardproxy_candidate_")]

    assert lines() == []
    put(STRICTER)
    assert 'guardproxy_candidate_decisions_total{action="refuse",policy="sample",stage="input"} 0.0' in lines()
    await ask("my garden ladder")
    assert 'guardproxy_candidate_decisions_total{action="refuse",policy="sample",stage="input"} 1.0' in lines()
    assert 'guardproxy_candidate_changes_total{change="tighter",stage="input"} 1.0' in lines()
    assert 'guardproxy_candidate_dropped_total{reason="queue_full"} 0.0' in lines()


async def test_the_same_policy_is_not_judged_twice(hall, put, ask, policy_file, monkeypatch):
    put(policy_file.read_text(encoding="utf-8"))
    monkeypatch.setattr(hall.trial, "_look", None)
    await ask("my garden ladder")
    assert moves(hall, "input") == {("warn", "warn"): 1}


async def test_what_models_found_counts_for_both_and_nobody_asks_again(
    hall, put, policy_file, model, send, monkeypatch
):
    box = Toolbox(models=(model,))
    hall.shelf._detectors = box.infos
    monkeypatch.setattr(hall.benches, "toolbox", box)
    policy_file.write_text(POLICY.format(revision=2).replace("tests:\n", HAZARD_RULE), encoding="utf-8")
    assert hall.shelf.reload().ok
    put(POLICY.format(revision=3).replace("tests:\n", HAZARD_RULE.replace("refuse: 0.9", "refuse: 0.55")), box)
    asked, inspect = [], type(model).inspect

    async def inspected(self, segments):
        asked.append([s.text for s in segments])
        return await inspect(self, segments)

    monkeypatch.setattr(type(model), "inspect", inspected)
    upstream = HttpxUpstream(
        Target("main", "http://model/v1"),
        httpx.MockTransport(lambda _r: httpx.Response(200, json=json.loads(completion("A gloomp, too.").segments[0]))),
    )
    body = {"model": "m", "messages": [{"role": "user", "content": "you gloomp"}]}
    await send(DataApp(replace(hall, upstream=upstream)), CHAT, json=body)
    await hall.trial.idle()
    assert moves(hall, "input") == {("warn", "refuse"): 1}
    assert moves(hall, "output") == {("warn", "refuse"): 1}
    assert len(asked) == 2  # one request, one window


async def test_a_model_that_only_the_candidate_uses_is_asked_about_the_request(hall, put, ask, model):
    put(POLICY.format(revision=3).replace("tests:\n", HAZARD_RULE), Toolbox(models=(model,)))
    await ask("you gloomp")
    assert moves(hall, "input") == {("allow", "warn"): 1}


async def test_a_detector_that_cannot_look_is_no_opinion(hall, put, ask, model, monkeypatch):
    monkeypatch.setattr(model, "fails", True)
    put(POLICY.format(revision=3).replace("tests:\n", HAZARD_RULE), Toolbox(models=(model,)))
    await ask("you gloomp")
    assert (hall.trial.view()["pairs"], hall.trial.dropped) == ([], {"detector": 1})


async def test_parts_that_nobody_reads(hall, put, ask):
    put(POLICY.format(revision=2).replace("rules:", "on_unscannable: allow\nrules:"))
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    answer = await ask(picture)
    assert answer.headers["x-guardproxy-decision"] == "refuse"
    assert moves(hall, "input") == {("refuse", "allow"): 1}
    [rule] = pair_of(hall)["rules"]
    assert (rule["rule"], rule["looser"]["count"]) == ("unscannable", 1)


async def test_a_route_without_a_candidate(hall, put, ask):
    shelf = put(STRICTER)
    shelf._set = replace(shelf._set, candidates=())
    await ask("my garden ladder")
    assert hall.trial.dropped == {"no_policy": 1}


async def test_a_full_queue_drops_and_counts(hall, put, ask, monkeypatch):
    monkeypatch.setattr(module, "MOST_CHARACTERS", 10)
    put(STRICTER)
    await ask("my garden ladder is long")
    assert hall.trial.dropped == {"queue_full": 1}
    monkeypatch.setattr(module, "LONGEST_QUEUE", 0)
    await ask("hi", answer="")
    assert hall.trial.dropped == {"queue_full": 2}


async def test_without_a_candidate_nothing_is_kept(hall, ask):
    await ask("my garden ladder")
    assert (hall.trial.running, hall.trial.view()["pairs"]) == (False, [])


async def test_a_request_that_was_never_judged_leaves_nothing(hall, put, send):
    put(STRICTER)
    await send(DataApp(hall), CHAT, json={"model": "m", "messages": "none"})
    await hall.trial.idle()
    assert hall.trial.view()["pairs"] == []


async def test_a_new_candidate_counts_anew_and_what_waits_is_judged_by_it(hall, put, ask):
    put(STRICTER)
    await ask("my garden ladder")
    put(STRICTER.replace("revision: 2", "revision: 3"))
    assert hall.trial.view()["pairs"] == []
    hall.trial.end()
    hall.trial.offer(None)
    assert not hall.trial.running


async def test_pairs_follow_reloads_on_either_side(hall, put, ask, policy_file):
    shelf = put(STRICTER)
    await ask("my garden ladder")
    policy_file.write_text(POLICY.format(revision=7), encoding="utf-8")
    assert hall.shelf.reload().ok
    await ask("my garden ladder")
    shelf.path.write_text(STRICTER.replace("revision: 2", "revision: 8"), encoding="utf-8")
    assert shelf.reload().ok
    await ask("my garden ladder")
    seen = [(pair["live"], pair["candidate"]) for pair in hall.trial.view()["pairs"]]
    assert seen == [("sample@7", "sample@8"), ("sample@7", "sample@2"), ("sample@1", "sample@2")]
    assert len(hall.trial._candidate.benches) == 1


def test_the_oldest_pairs_are_forgotten(hall, put, monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 3)
    put(STRICTER)
    trial, ref = hall.trial, hall.shelf.policies[0].ref
    for revision in range(10):
        trial._comparison(trial._candidate, ref, replace(ref, revision=revision))
    assert [pair["candidate"] for pair in trial.view()["pairs"]] == ["sample@9", "sample@8", "sample@7"]


SURFACES = {
    "/v1/completions": (
        {"prompt": "my garden ladder"},
        {"object": "text_completion", "choices": [{"index": 0, "text": "Hi.", "finish_reason": "stop"}]},
    ),
    "/v1/embeddings": (
        {"input": ["a heron", "my garden ladder"]},
        {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]},
    ),
}


@pytest.mark.parametrize("path", SURFACES)
async def test_other_surfaces_with_a_model_behind_them(hall, put, send, path):
    put(STRICTER)
    asked, answered = SURFACES[path]
    answered = {"id": "x", "created": 1, "model": "m", **answered}
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=answered))
    upstream = HttpxUpstream(Target("main", "http://model/v1"), transport)
    answer = await send(DataApp(replace(hall, upstream=upstream)), path, json={"model": "m", **asked})
    await hall.trial.idle()
    assert (answer.status_code, moves(hall, "input")) == (200, {("warn", "refuse"): 1})


async def test_choices_count_as_one_stage(hall, put, ask):
    put(STRICTER)
    script = completion("Take the garden ladder.")
    tree = json.loads(script.segments[0])
    tree["choices"].append({**tree["choices"][0], "index": 1, "message": {"role": "assistant", "content": "Stay."}})
    await ask("hi", answer=replace(script, segments=(json.dumps(tree).encode(),)), n=2)
    assert moves(hall, "output") == {("warn", "refuse"): 1}


CHECKS = [
    ({"text": "my garden ladder"}, ["input"]),
    (
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "A garden ladder."}]},
        ["output"],
    ),
]


@pytest.mark.parametrize(("item", "stages"), CHECKS)
async def test_checks_are_judged_too(hall, put, send, item, stages):
    put(STRICTER)
    answer = await send(DataApp(hall), "/v1/guard/check", json=item)
    await hall.trial.idle()
    assert answer.status_code == 200, answer.text
    assert [stage for stage in ("input", "output") if ("warn", "refuse") in moves(hall, stage)] == stages


async def test_each_item_of_a_batch_is_an_exchange(hall, put, send):
    put(STRICTER)
    batch = {"items": [{"text": "my garden ladder"}, {"text": "a heron"}]}
    answer = await send(DataApp(hall), "/v1/guard/check", json=batch)
    await hall.trial.idle()
    assert answer.status_code == 200, answer.text
    assert pair_of(hall)["exchanges"] == 2


@pytest.mark.parametrize(("count", "seen"), [("all", "refuse"), ("2", "allow")])
async def test_a_candidate_that_looks_at_the_latest_messages_only(hall, put, ask, count, seen):
    put(STRICTER + f"conversation: {{messages: {count}}}\n")
    talk = [("user", "a step stool"), ("assistant", "Yes?"), ("user", "a heron")]
    await ask("", messages=[{"role": role, "content": text} for role, text in talk])
    assert moves(hall, "input") == {("allow", seen): 1}
