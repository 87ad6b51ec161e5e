"""A short round of `make log-pace`: that it measures, not what."""

from guardproxy.testing.log_pace import MODES, pace, table


def test_every_mode_is_measured(tmp_path):
    found = pace(tmp_path, rounds=1, seconds=0.2, callers=[4])
    assert [one.mode for one in found] == list(MODES)
    assert all(one.rate > 0 for one in found)
    lines = table(found).splitlines()
    assert len(lines) == 2 + len(MODES)
    assert lines[2].split(" | ")[3] == "1.00"
