"""Who is let in: single rules, and the whole of them on an event loop that is only calculated."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field

import pytest

from guardproxy.proxy.crowd import CALM, FIRST, LEAST, RECENT, ROOM, Crowd

LATE, MOST = 0.05, 0.005


def crowded(inside=ROOM, who="acme"):
    """A late loop with so many inside, and nothing left of the turn."""
    crowd = Crowd(MOST)
    for _ in range(inside):
        crowd.enter(who)
    crowd.turn(LATE)
    while crowd.lets_in("somebody", known=False):
        pass
    return crowd


def test_a_loop_in_time_lets_everybody_in():
    crowd = Crowd(MOST)
    for _ in range(10):
        crowd.turn(MOST)
        assert all(crowd.lets_in("acme") for _ in range(10 * ROOM))
    assert not crowd.pressed


def test_a_limit_of_nothing_is_none():
    crowd = Crowd(0.0)
    crowd.turn(100.0)
    assert not crowd.pressed


@pytest.mark.parametrize("inside", [0, ROOM - 10, ROOM])
def test_one_late_turn_sends_nobody_away_who_comes_as_usual(inside):
    crowd = Crowd(MOST)
    for _ in range(inside):
        crowd.enter("acme")
    crowd.turn(LATE)
    assert all(crowd.lets_in("acme") for _ in range(int(FIRST)))


def test_while_there_is_room_nobody_is_sent_away():
    crowd = Crowd(MOST)
    crowd.enter("acme")
    for _ in range(20):
        crowd.turn(LATE)
        assert sum(crowd.lets_in("acme") for _ in range(2 * ROOM)) == ROOM - 1


def test_while_several_tenants_ask_half_of_the_room_is_shared():
    tenants = ("loud", "quiet", "third")
    crowd = crowded(0)
    assert all(crowd.lets_in(who) for who in tenants)
    crowd.turn(LATE)
    while crowd.lets_in("somebody", known=False):
        pass
    got = {who: sum(crowd.lets_in(who) for _ in range(ROOM)) for who in tenants}
    assert all(ROOM // 2 // 3 <= many <= ROOM // 3 for many in got.values())
    for _ in range(RECENT + 1):  # two of them fall silent
        crowd.turn(LATE)
        crowd.lets_in("loud")
    assert sum(crowd.lets_in("loud") for _ in range(2 * ROOM)) > ROOM - FIRST


def test_while_others_have_the_processor_callers_come_all_the_same():
    crowd = crowded()
    crowd.turn(LATE, 1.0)
    assert sum(crowd.lets_in("acme", known=False) for _ in range(1000)) > 100


def test_fewer_get_in_each_turn_that_is_late_and_more_when_it_is_not():
    crowd, got = crowded(), []
    for _ in range(12):
        crowd.turn(LATE)
        got.append(sum(crowd.lets_in("acme", known=False) for _ in range(20)))
    assert got[0] < FIRST
    assert sum(got[4:]) == pytest.approx(8 * LEAST)
    more = []
    for _ in range(32):
        crowd.turn(0.0)
        more.append(sum(crowd.lets_in("acme", known=False) for _ in range(20)))
    assert sum(more[:8]) < sum(more[8:16]) < sum(more[16:24]) < sum(more[24:])
    assert more[-1] > FIRST / 2


def test_who_did_not_make_it_late_does_not_pay_for_it():
    crowd = Crowd(MOST)
    for _ in range(ROOM):
        crowd.enter("acme")
    for _ in range(50):  # others' work: a reload, a thread
        crowd.turn(LATE)
        assert crowd.lets_in("acme", known=False)


def test_lateness_is_forgotten():
    crowd = crowded()
    for _ in range(CALM + 1):
        assert crowd.pressed
        crowd.turn(0.0)
    assert not crowd.pressed


def test_who_has_little_inside_comes_in_whatever_the_loop_does():
    crowd = crowded(ROOM, "loud")
    assert not crowd.lets_in("loud")
    came = 0
    while crowd._has_little("quiet"):
        assert crowd.lets_in("quiet")
        crowd.enter("quiet")
        crowd._came.clear()  # as the next turn does
        crowd._coming = 0
        came += 1
        assert came <= ROOM
    assert came == ROOM
    assert not crowd.lets_in("quiet")
    assert crowd.lets_in("third")


def test_who_has_little_inside_cannot_come_in_crowds_before_its_turn_is_over():
    crowd = crowded(ROOM, "loud")
    came = sum(crowd.lets_in("quiet") for _ in range(1000))
    assert 0 < came < 2 * ROOM


def test_strangers_have_no_share():
    crowd = crowded(ROOM, "loud")
    assert not crowd.lets_in("", known=False)


def test_others_may_say_that_there_is_no_room():
    crowd = Crowd(MOST)
    crowd.turn(0.0)
    assert crowd.lets_in("loud", crowded=True, known=False)  # nobody is inside whom that would help
    assert not crowd.lets_in("loud", crowded=True)
    assert crowd.lets_in("quiet", crowded=True)
    assert not crowd.lets_in("quiet", crowded=True)


def test_places_are_counted():
    crowd = Crowd(MOST)
    crowd.enter("acme")
    crowd.enter("lab")
    assert crowd.inside == 2
    crowd.leave("acme")
    crowd.leave("lab")
    assert (crowd.inside, crowd._inside) == (0, {})


# ── an event loop that is only calculated: what is ready is done in its order, and takes its time

STEPS = (0.0002, 0.0008, 0.0005, "upstream", 0.0008, "disk", 0.0002)
COSTS = sum(step for step in STEPS if isinstance(step, float))
WAITS = {"upstream": 0.2, "disk": 0.003}
SENT_AWAY, BEAT = 0.0001, 0.01
SECONDS, FIRST_SECOND = 12.0, 1.0
"""The case lasts a minute, and its first second is less than a hundredth of it."""


@dataclass
class Played:
    """Seconds that answers took, from who came after the first second."""

    served: dict[str, list[float]] = field(default_factory=lambda: {"loud": [], "quiet": []})
    refused: dict[str, list[float]] = field(default_factory=lambda: {"loud": [], "quiet": []})

    def p99(self, who="loud"):
        times = sorted(self.served[who])
        return times[int(0.99 * len(times))]


class Loop:
    """Requests come at random moments, whatever becomes of those before them."""

    def __init__(self, crowd, rates):
        self.crowd, self.now, self.due, self.number = crowd, 0.0, [], itertools.count()
        self.played, chance = Played(), random.Random(7)
        for who, rate in rates.items():
            at = chance.expovariate(rate)
            while at < SECONDS:
                self.plan(at, self.comes, who, at)
                at += chance.expovariate(rate)
        self.plan(0.0, self.beats, -BEAT)

    def plan(self, at, what, *given):
        heapq.heappush(self.due, (at, next(self.number), what, given))

    def run(self):
        while self.due:
            self.now = max(self.now, self.due[0][0])
            ready = []
            while self.due and self.due[0][0] <= self.now:
                ready.append(heapq.heappop(self.due))
            for _, _, what, given in sorted(ready, key=lambda one: one[2] != self.beats):
                what(*given)
        return self.played

    def beats(self, last):
        self.crowd.turn(self.now - last - BEAT)
        if self.now < SECONDS:
            self.plan(self.now + BEAT, self.beats, self.now)

    def comes(self, who, at):
        if self.crowd.lets_in(who):
            self.crowd.enter(who)
            self.step(who, at, 0)
            return
        self.now += SENT_AWAY
        self.note(self.played.refused, who, at)

    def note(self, times, who, at):
        if at > FIRST_SECOND:
            times[who].append(self.now - at)

    def step(self, who, at, number):
        if number == len(STEPS):
            self.crowd.leave(who)
            self.note(self.played.served, who, at)
        elif STEPS[number] in WAITS:
            self.plan(self.now + WAITS[STEPS[number]], self.step, who, at, number + 1)
        else:
            self.now += STEPS[number]
            self.plan(self.now, self.step, who, at, number + 1)


@pytest.fixture(scope="module")
def unloaded():
    return Loop(Crowd(MOST), {"loud": 0.1 / COSTS}).run().p99()


@pytest.mark.parametrize("times", [1.5, 3.0, 10.0])
def test_who_is_served_under_load_is_served_well_and_the_others_hear_it_at_once(unloaded, times):
    played = Loop(Crowd(MOST), {"loud": times / COSTS}).run()
    assert played.p99() <= 2 * unloaded
    refused = sorted(played.refused["loud"])
    assert refused[int(0.99 * len(refused))] <= 0.05
    seconds = SECONDS - FIRST_SECOND - SENT_AWAY * len(refused)  # what sending away has left
    assert len(played.served["loud"]) >= 0.9 * seconds / COSTS


def test_without_it_they_would_all_wait(unloaded):
    played = Loop(Crowd(0.0), {"loud": 1.5 / COSTS}).run()
    assert played.p99() > 10 * unloaded


@pytest.mark.parametrize("times", [2.0, 10.0])
def test_a_quiet_tenant_beside_a_loud_one(times):
    """TN-12: not refused, and at most one and a half times as slow as alone."""
    alone = Loop(Crowd(MOST), {"quiet": 20.0}).run()
    beside = Loop(Crowd(MOST), {"quiet": 20.0, "loud": times / COSTS}).run()
    assert beside.refused["quiet"] == []
    assert beside.p99("quiet") <= 1.5 * alone.p99("quiet")
    assert beside.refused["loud"]
