"""The breaker: three failures in a row open it, one success closes it."""

from guardproxy.state.breaker import Breaker


def failing(times):
    breaker = Breaker(3, 5.0)
    for _ in range(times):
        assert breaker.lets(100.0)
        breaker.went(100.0, 100.0, well=False)
    return breaker


def test_it_opens_after_failures_in_a_row_and_not_before():
    breaker = failing(2)
    assert breaker.closed
    breaker.went(100.0, 100.0, well=True)
    breaker.went(100.0, 100.0, well=False)
    breaker.went(100.0, 100.0, well=False)
    assert breaker.closed
    breaker.went(100.0, 100.0, well=False)
    assert not breaker.closed


def test_while_it_is_open_one_call_tries_after_each_rest():
    breaker = failing(3)
    assert [breaker.lets(at) for at in (100.0, 104.9, 105.0, 105.1)] == [False, False, True, False]
    breaker.went(105.2, 105.2, well=False)
    assert [breaker.lets(at) for at in (109.9, 110.0, 110.0)] == [False, True, False]
    breaker.went(110.0, 110.0, well=True)
    assert breaker.closed
    assert breaker.lets(110.0)


def test_a_trial_that_is_never_heard_of_again_keeps_nobody_out_for_ever():
    breaker = failing(3)
    assert breaker.lets(105.0)
    assert breaker.lets(110.0)


def test_calls_that_failed_side_by_side_count_as_one():
    breaker = Breaker(3, 5.0)
    for _ in range(50):
        breaker.went(100.0, 100.02, well=False)
    assert breaker.closed
    breaker.went(100.03, 100.05, well=False)
    breaker.went(100.06, 100.08, well=False)
    assert not breaker.closed
