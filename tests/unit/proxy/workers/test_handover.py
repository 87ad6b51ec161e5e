"""All workers take a set over, or none does. Two of them, over channels, in one loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from guardproxy.errors import PolicyError
from guardproxy.proxy.office import Order
from guardproxy.proxy.reloading import reload_now
from guardproxy.proxy.workers import handover as module
from guardproxy.proxy.workers.crew import Member
from guardproxy.proxy.workers.handover import Handover
from tests.unit.proxy.workers.conftest import connected


@dataclass
class Crew:
    """As much of one as the handover needs."""

    desk: object
    members: list = field(default_factory=list)
    replaced: list = field(default_factory=list)
    loaded: object = None

    def replace(self, member):
        self.replaced.append(member.number)


@pytest.fixture
async def team(parent, desk):
    """The parent's hall and those of two workers, handed over to."""
    async with connected(parent, desk) as one, connected(parent, desk, 2) as other:
        crew = Crew(desk, [Member(1, one.down), Member(2, other.down)])
        yield parent, crew, Handover(parent, crew), [one, other]


def rewrite(policy_file, revision):
    text = policy_file.read_text(encoding="utf-8")
    lines = [f"revision: {revision}" if line.startswith("revision:") else line for line in text.splitlines()]
    policy_file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def revisions(parent, workers):
    return [hall.shelf.policies[0].ref.revision for hall in (parent, *(one.theirs for one in workers))]


async def test_a_reload_is_for_all(team, policy_file):
    parent, _, _, workers = team
    rewrite(policy_file, 2)
    report = await asyncio.to_thread(reload_now, parent)
    assert (report.ok, revisions(parent, workers)) == (True, [2, 2, 2])
    hashes = {hall.shelf.policies[0].ref.hash for hall in (parent, *(one.theirs for one in workers))}
    assert len(hashes) == 1


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_one_that_cannot_keeps_it_from_all(team, policy_file, monkeypatch, how):
    parent, _, _, workers = team

    def broken(_policies):
        raise ValueError("does not compile")

    async def hangs(_message):
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    if how == "fails":
        monkeypatch.setattr(workers[1].theirs.benches, "prepare", broken)
    else:
        workers[1].up.learn({"prepare": hangs})
    rewrite(policy_file, 2)
    report = await asyncio.to_thread(reload_now, parent)
    assert (report.ok, revisions(parent, workers)) == (False, [1, 1, 1])
    (problem,) = report.problems
    assert (problem.code, problem.message) == ("GP013", "worker 2 did not take the policies over")
    assert parent.shelf.failed


async def test_one_that_died_keeps_nobody_from_it(team, policy_file):
    parent, crew, _, workers = team
    workers[0].up.close()
    crew.members[0].channel = None
    rewrite(policy_file, 2)
    report = await asyncio.to_thread(reload_now, parent)
    assert (report.ok, revisions(parent, workers)[1:]) == (True, [1, 2])


async def test_one_that_was_starting_meanwhile_is_told_again(team, policy_file):
    parent, crew, handover, workers = team
    late = crew.members.pop()
    rewrite(policy_file, 2)
    await asyncio.to_thread(reload_now, parent)
    crew.members.append(late)
    await handover.welcome(late, [policy.ref.hash for policy in workers[1].theirs.shelf.policies])
    assert revisions(parent, workers) == [2, 2, 2]
    await handover.welcome(late, [policy.ref.hash for policy in parent.shelf.policies])
    assert crew.loaded == handover.welcome


async def test_one_that_missed_the_first_step_gets_both(team, policy_file):
    """It began between the two."""
    parent, crew, _, workers = team
    late, own = crew.members.pop(), parent.shelf.swapped

    def swapped():
        crew.members.append(late)
        own()

    parent.shelf.swapped = swapped
    rewrite(policy_file, 2)
    await asyncio.to_thread(reload_now, parent)
    assert revisions(parent, workers) == [2, 2, 2]


async def test_one_that_does_not_swap_is_replaced(team, policy_file, monkeypatch):
    parent, crew, _, workers = team

    async def hangs(_message):
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "SWAP_S", 0.2)
    workers[1].up.learn({"commit": hangs})
    rewrite(policy_file, 2)
    assert (await asyncio.to_thread(reload_now, parent)).ok
    assert (crew.replaced, revisions(parent, workers)) == ([2], [2, 2, 1])


async def test_a_candidate_is_on_trial_in_all_and_promoted_in_all(team, policy_file, tmp_path):
    parent, _, _, workers = team
    following = tmp_path / "next" / policy_file.name
    following.parent.mkdir()
    following.write_text(policy_file.read_text(encoding="utf-8"), encoding="utf-8")
    rewrite(following, 7)
    order = Order("ana", "because")
    await asyncio.to_thread(parent.office.candidate, following, order)
    await until(lambda: all(one.theirs.trial.running for one in workers))
    rewrite(following, 8)
    await asyncio.to_thread(parent.office.reload)
    await until(lambda: [one.theirs.trial.shelf.policies[0].ref.revision for one in workers] == [8, 8])
    await asyncio.to_thread(parent.office.promote, order)
    assert revisions(parent, workers) == [8, 8, 8]
    await until(lambda: not any(one.theirs.trial.running for one in workers))
    await asyncio.to_thread(parent.office.rollback, order)
    assert revisions(parent, workers) == [1, 1, 1]


async def test_a_promotion_that_one_cannot_follow_is_none(team, policy_file, tmp_path, monkeypatch):
    parent, _, _, workers = team
    following = tmp_path / "next" / policy_file.name
    following.parent.mkdir()
    following.write_text(policy_file.read_text(encoding="utf-8"), encoding="utf-8")
    rewrite(following, 7)
    await asyncio.to_thread(parent.office.candidate, following, Order("ana"))
    await until(lambda: all(one.theirs.trial.running for one in workers))

    def broken(_policies):
        raise ValueError("does not compile")

    monkeypatch.setattr(workers[0].theirs.benches, "prepare", broken)
    with pytest.raises(PolicyError, match="GP013"):
        await asyncio.to_thread(parent.office.promote, Order("ana"))
    assert revisions(parent, workers) == [1, 1, 1]


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)
