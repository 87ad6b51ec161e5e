"""Reloads under load: no request sees none or half of a set. `make reloads` is the same with a thousand."""

from guardproxy.testing.reload_storm import storm


def test_every_answer_is_given_by_one_whole_set(tmp_path):
    seen = storm(tmp_path, reloads=80)
    assert seen.faults == [], seen.summary()
    assert (seen.good, seen.promoted, seen.refused) == (71, 5, 10)
    assert sum(one.streamed for one in seen.answers) > 5
    assert sum(not one.streamed for one in seen.answers) > 5
    assert len({one.policy for one in seen.answers}) > 5
