"""Plays with real processes. Most use a stand-in worker that says what its text tells it to, without a model."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from contextlib import asynccontextmanager

import pytest

from guardproxy.core.findings import FailureKind
from guardproxy.detectors.lanes import SHORT, Miss
from guardproxy.detectors.model_files import FOLDER
from guardproxy.detectors.pool import ClassifierPool, PoolOptions
from guardproxy.detectors.scorer import Scorer
from guardproxy.errors import ModelFilesError

STAND_IN = """
import json, os, sys
print(json.dumps({"ready": "stand-in"}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    text = order.get("text")
    if text == "die": os._exit(9)
    if text is None or text.strip() == "sleep": continue
    answer = {"id": order["id"], "scores": [0.25, len(text) / 100]}
    if text == "nan": answer["scores"] = [float("nan"), 0.1]
    if text == "two": answer["scores"] = [2.0, 0.1]
    if text == "none": answer["scores"] = []
    if text == "fault": answer = {"id": order["id"], "error": "ValueError"}
    if text == "environment": answer["scores"] = [float("SECRET_OF_THE_PROXY" in os.environ), 0.0]
    print(json.dumps(answer), flush=True)
"""


@asynccontextmanager
async def pool(**options):
    made = ClassifierPool(PoolOptions(command=(sys.executable, "-c", STAND_IN), **options))
    made.start()
    try:
        yield made
    finally:
        await made.close()


async def test_scores_in_the_order_of_the_texts():
    async with pool(workers=2) as p:
        assert await p.score(["a", "bb", "ccc"]) == [(0.25, 0.01), (0.25, 0.02), (0.25, 0.03)]
        assert p.waiting == 0


async def test_how_long_a_text_would_wait_for_its_turn():
    async with pool(deadline_s=60.0) as p:
        await p.score(["a"])
        assert p.wait_s == 0.0
        await p.score(["a"] * 40)  # some wait, so the pace is known
        sleeping = asyncio.create_task(p.score(["sleep"] * 4))  # as many as are in work at once
        await asyncio.sleep(0)
        assert p.wait_s == 0.0  # none waits
        waiting = asyncio.create_task(p.score(["a"] * 10))
        await asyncio.sleep(0)
        short = p.wait_s
        longer = asyncio.create_task(p.score(["a" * 5000]))
        await asyncio.sleep(0)
        assert 0.0 < short < p.wait_s
        sleeping.cancel()
        await asyncio.gather(waiting, longer)
        assert p.wait_s == 0.0
        await asyncio.gather(sleeping, return_exceptions=True)


async def test_no_texts_no_scores():
    async with pool() as p:
        assert await p.score([]) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("nan", FailureKind.INVALID_RESULT),
        ("two", FailureKind.INVALID_RESULT),
        ("none", FailureKind.INVALID_RESULT),
        ("fault", FailureKind.EXCEPTION),
        ("die", FailureKind.UNAVAILABLE),
    ],
)
async def test_what_a_text_brings_about_never_opens_a_door(text, kind):
    async with pool() as p:
        assert await p.score(["fine", text]) == Miss(kind, caused_by_input=True)


async def test_a_dead_process_is_replaced():
    async with pool() as p:
        await p.score(["die"])
        assert await p.score(["a"]) == [(0.25, 0.01)]
        assert p.restarts == 1


async def test_too_slow_is_a_timeout_and_is_forgotten():
    async with pool(deadline_s=0.05) as p:
        await p.ready()
        assert await p.score(["sleep"]) == Miss(FailureKind.TIMEOUT, caused_by_input=False)
        assert p.waiting == 0


async def test_a_caller_that_goes_leaves_nothing_behind():
    async with pool() as p:
        await p.ready()
        caller = asyncio.ensure_future(p.score(["sleep"] * 9))
        while p.waiting < 9:
            await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert p.waiting == 0


async def test_more_than_may_wait_is_turned_away():
    async with pool(waiting=3) as p:
        await p.ready()
        caller = asyncio.ensure_future(p.score(["sleep"] * 3))
        while p.waiting < 3:
            await asyncio.sleep(0)
        assert await p.score(["a"]) == Miss(FailureKind.OVERLOADED)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        assert await p.score(["a"]) == [(0.25, 0.01)]


async def test_a_short_text_finds_a_place_among_long_ones():
    async with pool() as p:
        await p.ready()
        rows = [asyncio.ensure_future(p.score(["sleep" + " " * SHORT])) for _ in range(9)]
        while p.waiting < 9:
            await asyncio.sleep(0)
        assert await p.score(["a"]) == [(0.25, 0.01)]
        for row in rows:
            row.cancel()
        await asyncio.gather(*rows, return_exceptions=True)
        assert p.waiting == 0


async def test_a_large_call_passes_an_empty_queue():
    async with pool(waiting=3) as p:
        assert len(await p.score(["a"] * 10)) == 10


async def test_processes_do_not_see_the_environment(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_PROXY", "x")
    assert "SECRET_OF_THE_PROXY" in os.environ
    async with pool() as p:
        assert await p.score(["environment"]) == [(0.0, 0.0)]


async def test_without_start_or_after_close_unavailable():
    p = ClassifierPool()
    assert await p.score(["a"]) == Miss(FailureKind.UNAVAILABLE)
    async with pool() as p:
        await p.ready()
    assert await p.score(["a"]) == Miss(FailureKind.UNAVAILABLE)
    assert p.alive == 0


async def test_files_that_are_not_ours(tmp_path):
    folder = tmp_path / "embedded"
    shutil.copytree(FOLDER, folder)
    (folder / "heads.json").write_text(json.dumps({"heads": []}))
    p = ClassifierPool(PoolOptions(folder=folder))
    with pytest.raises(ModelFilesError, match=r"heads\.json"):
        await p.ready()
    assert await p.score(["a"]) == Miss(FailureKind.UNAVAILABLE)
    await p.close()


async def test_the_real_worker_says_what_the_scorer_says():
    text = "How do I repot a cactus?"
    p = ClassifierPool(PoolOptions(deadline_s=20))
    try:
        await p.ready()
        assert await p.score([text, "\ud800 lone", ""]) == [Scorer().score(t) for t in (text, "\ud800 lone", "")]
    finally:
        await p.close()
