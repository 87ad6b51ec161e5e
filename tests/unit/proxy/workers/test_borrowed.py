"""A worker's log, state and classifiers, with the parent's desk at the other end."""

from __future__ import annotations

import asyncio
import json

import pytest

from guardproxy.core.findings import FailureKind
from guardproxy.detectors.lanes import Miss
from guardproxy.errors import AuditUnavailable
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.begun import Begun
from guardproxy.proxy.workers import borrowed as module
from guardproxy.proxy.workers.borrowed import BorrowedLog, BorrowedPool, BorrowedState
from guardproxy.state.limits import Bucket


def lines(both):
    return [json.loads(line) for line in both.desk.log_path.read_text(encoding="utf-8").splitlines()]


async def test_a_record_is_in_the_parents_file_when_append_returns(both):
    await both.theirs.recorder.audit.append({"decision_id": "A"})
    assert [line["decision_id"] for line in lines(both) if "decision_id" in line] == ["A"]
    assert both.theirs.recorder.audit.state == "ok"


async def test_what_the_parent_cannot_write_is_not_promised(both, monkeypatch):
    async def fails(_self, _body):
        raise AuditUnavailable("the disk is full")

    monkeypatch.setattr(AuditLog, "write", fails)
    with pytest.raises(AuditUnavailable):
        await both.theirs.recorder.audit.append({"decision_id": "A"})


async def test_without_a_parent_nothing_is_promised(both):
    log = both.theirs.recorder.audit
    both.down.close()
    with pytest.raises(AuditUnavailable):
        await log.append({"decision_id": "A"})
    with pytest.raises(AuditUnavailable):
        log.begin("A", {})


async def test_what_is_begun_stands_in_a_file_of_this_worker(both):
    log = both.theirs.recorder.audit
    log.begin("A", {})
    log.begin("B", {})
    log.end("A")
    assert [one["decision_id"] for one in Begun(both.desk.log_path, "1").left(both.desk.log_path)] == ["B"]
    log.fault = "disk_full"
    assert (log.ready, log.state) == (False, "disk_full")
    with pytest.raises(AuditUnavailable):
        log.begin("C", {})


async def test_best_effort_waits_for_nobody_and_drops_what_cannot_be_sent(both, tmp_path, monkeypatch):
    dropped = []
    log = BorrowedLog(both.up, tmp_path / "d.jsonl", "best_effort", "1", dropped.append)
    await log.append({"decision_id": "A"})
    while "A" not in both.desk.log_path.read_text(encoding="utf-8"):
        await asyncio.sleep(0)
    monkeypatch.setattr(module, "MOST_BYTES_WAITING", -1)
    await log.append({"decision_id": "B"})
    monkeypatch.undo()
    both.up.close()
    await log.append({"decision_id": "C"})
    assert dropped == ["queue_full", "io_error"]
    off = BorrowedLog(both.up, tmp_path / "d.jsonl", "off", "1", dropped.append)
    await off.append({"decision_id": "D"})
    assert (off.state, len(dropped)) == ("off", 2)


async def test_a_queue_that_grows_too_long_is_refused(both, monkeypatch):
    dropped = []
    log = BorrowedLog(both.up, both.desk.log_path, "required", "1", dropped.append)
    monkeypatch.setattr(module, "LONGEST_QUEUE", 0)
    with pytest.raises(AuditUnavailable, match="cannot keep up"):
        await log.append({})
    assert dropped == ["queue_full"]


async def test_limits_are_counted_by_the_parent(both):
    bucket = Bucket("tenant:lab:requests", 0.001, 3)
    taken = [await both.theirs.limits.take(bucket, 1, 0.0) for _ in range(5)]
    assert [one.allowed for one in taken] == [True, True, True, False, False]
    state = BorrowedState(both.up)
    with pytest.raises(KeyError):
        await state.run("return 1", "k")
    await state.close()


async def test_without_the_parent_a_worker_has_its_share(both):
    both.down.close()
    bucket = Bucket("tenant:lab:requests", 0.001, 4)
    taken = [await both.theirs.limits.take(bucket, 1, 0.0) for _ in range(5)]
    assert sum(one.allowed for one in taken) == 2


class Pool:
    """In the place of the parent's."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self.cancelled = asyncio.Event()

    async def score(self, texts):
        self.asked.append(texts)
        if self.answer is None:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        [(0.25, 0.5), (0.0, 1.0)],
        Miss(FailureKind.OVERLOADED),
        Miss(FailureKind.UNAVAILABLE, caused_by_input=True),
    ],
)
async def test_scores_and_misses_come_as_the_parents_pool_gave_them(both, answer, monkeypatch):
    pool = Pool(answer)
    monkeypatch.setattr(both.desk, "_hall", _with(both.hall, pool))
    assert await BorrowedPool(both.up).score(["one", "lone \ud800 surrogate"]) == answer
    assert pool.asked == [["one", "lone \ud800 surrogate"]]
    assert await BorrowedPool(both.up).score([]) == []


async def test_a_caller_that_has_gone_is_forgotten_by_the_parents_pool(both, monkeypatch):
    pool = Pool(None)
    monkeypatch.setattr(both.desk, "_hall", _with(both.hall, pool))
    mine = BorrowedPool(both.up)
    asking = asyncio.create_task(mine.score(["text"]))
    while not pool.asked:
        await asyncio.sleep(0)
    assert mine.waiting == 1
    asking.cancel()
    await asyncio.wait_for(pool.cancelled.wait(), 10)
    assert mine.waiting == 0


async def test_no_parent_no_scores(both):
    both.down.close()
    assert await BorrowedPool(both.up).score(["text"]) == Miss(FailureKind.UNAVAILABLE)


async def test_a_parent_that_does_not_answer_is_a_timeout(both, monkeypatch):
    monkeypatch.setattr(both.desk, "_hall", _with(both.hall, Pool(None)))
    monkeypatch.setattr(module, "_LONGEST_DEADLINE_S", -1.0)
    assert await BorrowedPool(both.up).score(["text"]) == Miss(FailureKind.TIMEOUT)


def _with(hall, pool):
    return type("Hall", (), {"pool": pool, "recorder": hall.recorder})()
