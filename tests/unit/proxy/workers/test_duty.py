"""What a worker does at its parent's word, asked over the channel."""

from __future__ import annotations

import asyncio
import threading

import pytest

from guardproxy.policy.shelf import Shelf
from guardproxy.proxy.workers.borrowed import BorrowedPool
from guardproxy.proxy.workers.channel import AskedInVain
from guardproxy.proxy.workers.duty import COMMIT, LOOK, PREPARE, STANDING, TRIAL
from guardproxy.proxy.workers.handdown import packed


def another(hall, policy_file, revision):
    """A set that was loaded elsewhere."""
    text = policy_file.read_text(encoding="utf-8").replace("revision: 1", f"revision: {revision}")
    file = policy_file.parent.parent / f"next-{revision}" / policy_file.name
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    return Shelf.open(file, hall.benches.toolbox.infos, hall.benches.look, hall.clock).held()


def revision(hall):
    return hall.shelf.policies[0].ref.revision


async def test_a_set_comes_in_two_steps(both, policy_file):
    held = another(both.hall, policy_file, 2)
    await both.down.ask(PREPARE, packed(held), generation=1)
    assert revision(both.theirs) == 1
    answer = await both.down.ask(COMMIT, generation=1)
    assert (answer.fields, revision(both.theirs)) == ({}, 2)
    assert both.theirs.shelf.select("default", "default").ref == held.set.policies[0].ref
    assert both.theirs.shelf.path == held.path


async def test_a_step_that_was_missed_is_told(both, policy_file):
    assert (await both.down.ask(COMMIT, generation=1)).fields == {"missing": True}
    await both.down.ask(PREPARE, packed(another(both.hall, policy_file, 2)), generation=1)
    assert (await both.down.ask(COMMIT, generation=2)).fields == {"missing": True}
    assert revision(both.theirs) == 1


async def test_what_cannot_be_prepared_fails(both, policy_file, monkeypatch):
    def broken(_policies):
        raise ValueError("does not compile")

    monkeypatch.setattr(both.theirs.benches, "prepare", broken)
    with pytest.raises(AskedInVain, match="ValueError"):
        await both.down.ask(PREPARE, packed(another(both.hall, policy_file, 2)), generation=1)
    assert revision(both.theirs) == 1


async def test_a_candidate_comes_changes_and_goes(both, policy_file):
    trial = both.theirs.trial
    await both.down.ask(TRIAL, packed(another(both.hall, policy_file, 2)), again=False)
    first = trial.shelf
    await both.down.ask(TRIAL, packed(another(both.hall, policy_file, 3)), again=True)
    assert trial.shelf is first
    assert first.policies[0].ref.revision == 3
    await both.down.ask(TRIAL, packed(another(both.hall, policy_file, 4)), again=False)
    assert trial.shelf is not first
    await both.down.ask(TRIAL, again=False)
    assert not trial.running


async def test_what_is_withdrawn_does_not_come_back_because_it_began_slowly(both, policy_file):
    trial, go_on = both.theirs.trial, threading.Event()
    begin = trial.begin

    def slowly(shelf):
        go_on.wait(20)
        begin(shelf)

    trial.begin = slowly
    begun = asyncio.create_task(both.down.ask(TRIAL, packed(another(both.hall, policy_file, 2)), again=False))
    ended = asyncio.create_task(both.down.ask(TRIAL, again=False))
    await both.down.ask(STANDING, serve=1, complete=True, audit="", ok=True, place="", at=0.0, wait=0.0)
    go_on.set()
    await asyncio.gather(begun, ended)
    assert not trial.running


async def test_how_the_whole_stands(both):
    told = {
        "serve": 1,
        "complete": True,
        "audit": "disk_full",
        "ok": False,
        "place": "a.yaml:1:1",
        "at": 7.0,
        "wait": 1.5,
    }
    object.__setattr__(both.theirs, "pool", BorrowedPool(both.up))  # the hall of these tests has no classifiers
    await both.down.ask(STANDING, **told)
    assert both.theirs.pool.wait_s == 1.5
    assert (both.theirs.standing.serve, both.theirs.standing.complete) == (1, True)
    assert not both.theirs.recorder.audit.ready
    assert (both.theirs.shelf.last.ok, both.theirs.shelf.last.place) == (False, "a.yaml:1:1")


async def test_a_look_takes_what_there_is(both):
    both.theirs.recorder.metrics.count("limited_total", "tokens")
    answer = await both.down.ask(LOOK)
    metrics = answer.body[: answer.fields["metrics"]]
    assert b"guardproxy_limited_total" in metrics
    assert answer.body[answer.fields["metrics"] :] == b"[]null"
