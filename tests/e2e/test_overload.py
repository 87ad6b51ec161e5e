"""More callers than may be in at once: who is turned away hears why and when to come again, and probes answer."""

from guardproxy.testing.overload import at, measured


async def test_the_excess_is_turned_away_and_the_rest_is_served(tmp_path):
    quiet, loaded = await measured(tmp_path, inflight=8, times=[3.0], seconds=1.2)
    assert (quiet.refused, quiet.odd, loaded.odd) == ([], {}, {})
    assert loaded.served
    assert loaded.refused
    assert loaded.probes
    assert at(loaded.refused, 0.5) < at(loaded.served, 0.5)  # how fast, `make overload` tells on a quiet machine
