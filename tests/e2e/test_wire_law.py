"""A few hundred of the twenty thousand streams of `make wire-law`."""

from guardproxy.testing.wire_law import run


async def test_cuts_anywhere_leak_nothing_and_lose_nothing(tmp_path):
    counts = await run(tmp_path, streams=180, seed=7)
    assert counts.clean, counts.summary()
    assert counts.streams >= 180
    assert counts.planted > 60
    assert counts.segments > 10 * counts.streams
