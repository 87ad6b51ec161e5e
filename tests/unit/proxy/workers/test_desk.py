"""What the parent keeps for all: counts, rows, comparisons, and the records of those that died."""

from __future__ import annotations

import json

import pytest

from guardproxy.observe.begun import Begun
from guardproxy.proxy.workers.channel import Message
from guardproxy.proxy.workers.duty import looked
from tests.unit.observe.conftest import Samples


async def told(hall):
    return Message("", *await looked(hall))


async def test_counts_are_those_of_all_workers(both):
    both.theirs.recorder.metrics.count("limited_total", "tokens", by=3)
    both.hall.recorder.metrics.count("limited_total", "tokens")
    both.desk.take(1, await told(both.theirs))
    assert b'guardproxy_limited_total{limit="tokens"} 4.0' in both.hall.recorder.metrics.render(None)[0]
    await both.desk.leave(1)
    assert b'guardproxy_limited_total{limit="tokens"} 4.0' in both.hall.recorder.metrics.render(None)[0]


async def test_rows_come_once(both):
    samples, recent = Samples(), both.theirs.recorder.recent
    for outcome in samples.all:
        recent.add(outcome)
    both.desk.take(1, await told(both.theirs))
    both.desk.take(1, await told(both.theirs))
    assert len(recent) > 2
    assert sorted(both.hall.recorder.recent, key=repr) == sorted(recent, key=repr)


def view(exchanges, waiting=0):
    share = {"count": 1, "share": 0.0, "low": 0.0, "high": 0.0}
    rule = {
        "stage": "input",
        "rule": "finch",
        "live": 1,
        "candidate": 0,
        "tighter": {**share, "count": 0},
        "looser": share,
    }
    stage = {"decided": exchanges, "changed": share, "moves": [{"live": "refuse", "candidate": "allow", "count": 1}]}
    pair = {"live": "sample@1", "live_hash": "a", "candidate": "sample@2", "candidate_hash": "b"}
    pair |= {"exchanges": exchanges, "stages": {"input": stage}, "rules": [{**rule, "examples": ["K7Q2"]}]}
    return {"pairs": [pair], "waiting": waiting, "dropped": {"queue_full": 1}, "not_covered": []}


async def test_comparisons_of_all_workers_are_one(both, monkeypatch):
    both.hall.trial.begin(both.hall.shelf)
    for worker, exchanges in ((1, 10), (2, 30)):
        empty = await told(both.theirs)
        body = empty.body.removesuffix(b"null") + json.dumps(view(exchanges, waiting=2)).encode()
        both.desk.take(worker, Message("", empty.fields, body))
    shown = both.hall.trial.view()
    (pair,) = shown["pairs"]
    assert (pair["exchanges"], pair["stages"]["input"]["decided"], shown["waiting"]) == (40, 40, 4)
    assert pair["rules"][0]["looser"]["count"] == 2
    assert pair["rules"][0]["looser"]["share"] == pytest.approx(0.05)
    assert shown["dropped"] == {"queue_full": 2}
    both.desk.forget_views()
    assert both.hall.trial.view()["pairs"] == []


async def test_what_a_dead_worker_began_is_recorded_as_interrupted(both):
    log = both.theirs.recorder.audit
    log.begin("A", {"route": "chat"})
    log.begin("B", {"route": "chat"})
    await log.append({"decision_id": "A"})
    await both.desk.leave(1)
    lines = [json.loads(line) for line in both.desk.log_path.read_text(encoding="utf-8").splitlines()]
    assert [line["decision_id"] for line in lines if line.get("kind") == "interrupted"] == ["B"]
    assert not Begun(both.desk.log_path, "1").path.exists()
    await both.desk.leave(1)
    assert len(both.desk.log_path.read_text(encoding="utf-8").splitlines()) == len(lines)


async def test_what_cannot_be_recorded_now_stays_for_the_next_start(both, monkeypatch):
    both.theirs.recorder.audit.begin("A", {"route": "chat"})

    def fails(_self, _log):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Begun, "left", fails)
    await both.desk.leave(1)
    monkeypatch.undo()
    assert [one["decision_id"] for one in Begun(both.desk.log_path, "1").left(both.desk.log_path)] == ["A"]
    assert (both.desk.fault, both.desk.wait_s) == ("", 0.0)
