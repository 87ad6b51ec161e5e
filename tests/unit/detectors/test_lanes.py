"""Two lanes in one queue."""

from __future__ import annotations

from guardproxy.detectors.lanes import SHORT, Job, Lanes


def jobs(*texts):
    return [Job(number, text, None) for number, text in enumerate(texts)]


LONGER = "x" * (SHORT + 1)


def test_short_texts_pass_long_ones_and_not_for_ever():
    lanes, waiting = Lanes(), jobs(LONGER, LONGER, *["s"] * 7)
    for job in waiting:
        lanes.put(job)
    order = []
    while (job := lanes.take(longer=True)) is not None:
        order.append(job.number)
    assert order == [2, 3, 4, 5, 0, 6, 7, 8, 1]
    assert len(lanes) == 0


def test_without_room_for_a_long_one_it_waits():
    lanes, (long, short) = Lanes(), jobs(LONGER, "s")
    lanes.put(long)
    assert lanes.take(longer=False) is None
    lanes.put(short)
    assert lanes.take(longer=False) is short
    lanes.remove(short)
    assert list(lanes) == [long]
    lanes.remove(long)
    assert lanes.take(longer=True) is None
