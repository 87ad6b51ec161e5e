"""Two kills of the hundred of `make crash`; many more of the writer alone are in tests/unit/observe/test_audit.py."""

from guardproxy.testing.crash import crash


def test_nothing_that_a_client_was_told_is_lost(tmp_path):
    seen = crash(tmp_path, rounds=2, seed=1, callers=4)
    assert seen.faults == [], seen.summary()
    assert len(seen.whole) >= 2
    assert seen.begun >= seen.whole
    assert seen.report.fine
    assert len(seen.tails) == seen.kinds["torn"] > 0
