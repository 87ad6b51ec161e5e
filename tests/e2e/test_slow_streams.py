"""A hundred slow streams: `make slow-streams` is the same with two thousand, for ten minutes."""

from guardproxy.testing.slow_streams import measured


async def test_a_slow_stream_costs_little_and_gives_all_back(tmp_path):
    seen = await measured(tmp_path, [60], seconds=3.0, rate=60.0)
    assert seen.faults == [], seen.lines()
