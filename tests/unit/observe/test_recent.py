import gc
from dataclasses import replace

from guardproxy.core.conversation import Segment
from guardproxy.observe.recent import Recent


def test_a_row_tells_why(samples):
    ring = Recent()
    ring.add(samples.refused)
    row = ring.find("K7Q2")
    assert (row.policy, row.outcome, row.stages[0].rule) == ("base@7", "refuse", "crime-cyber")
    why = row.why[0]
    assert (why.source, why.hazard, why.score, why.threshold) == ("policies/base.yaml:23", "crime.cyber", 0.9123, 0.5)
    assert (why.detectors, why.views, why.mode) == (("embedded-harm",), ("folded",), "enforce")
    assert row.seconds.total == 0.01


def test_the_ring_keeps_the_newest(samples):
    ring = Recent(3)
    for number in range(10):
        ring.add(replace(samples.calm, decision_id=f"D{number}"))
    assert [row.decision_id for row in ring.newest(2)] == ["D9", "D8"]
    assert len(ring) == 3
    assert ring.find("D1") is None


def test_no_text_stays_in_memory(samples):
    ring = Recent()
    for outcome in samples.all:
        ring.add(outcome)
    seen, todo = set(), [ring]
    while todo:  # everything reachable from the ring
        for thing in gc.get_referents(todo.pop()):
            if id(thing) not in seen and not isinstance(thing, type):
                seen.add(id(thing))
                todo.append(thing)
                assert not isinstance(thing, Segment)
                assert not (isinstance(thing, str) and samples.marker in thing)
    assert len(seen) > 50


def test_another_process_takes_what_has_come_since(samples):
    ring, other, shown = Recent(), Recent(), Recent(4)
    ring.add(replace(samples.refused, time=30.0))
    other.add(replace(samples.calm, decision_id="D1", time=20.0))
    other.add(replace(samples.calm, decision_id="D2", time=40.0))
    shown.put([ring.take(), other.take()])
    assert [row.decision_id for row in shown.newest()] == ["D2", "K7Q2", "D1"]
    assert shown.find("K7Q2") == ring.find("K7Q2")
    ring.add(replace(samples.calm, decision_id="D3", time=50.0))
    shown.put([ring.take(), other.take()])
    assert [row.decision_id for row in shown.newest()] == ["D3", "D2", "K7Q2", "D1"]
    assert len(ring) == 2


def test_of_many_it_takes_those_that_are_still_here(samples):
    ring, shown = Recent(3), Recent()
    for number in range(10):
        ring.add(replace(samples.calm, decision_id=f"D{number}"))
    shown.put([ring.take()])
    assert {row.decision_id for row in shown} == {"D7", "D8", "D9"}
