"""Rooms and shares of a profile."""

import pytest

from guardproxy.core.canonical import fold_key
from guardproxy.testing.bench.profile import profiled, room, shares


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("/x/guardproxy/core/canonical/fold.py", "core/canonical"),
        ("/x/guardproxy/proxy/flow.py", "proxy"),
        ("/x/guardproxy/errors.py", "guardproxy"),
        ("/guardproxy/guardproxy/wire/sse.py", "wire"),
        ("/x/asyncio/events.py", ""),
        ("~", ""),
    ],
)
def test_rooms(file, wanted):
    assert room(file) == wanted


def test_what_a_room_calls_counts_for_it():
    found = shares(profiled(lambda: fold_key("A heron, and Another."), 200))
    assert sum(found.values()) == pytest.approx(1.0)
    assert next(iter(found)) == "core/canonical"
