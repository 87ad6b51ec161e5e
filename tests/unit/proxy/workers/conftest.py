"""The two ends of a channel: the parent's desk over one hall, and a worker's hall that was handed down from it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from guardproxy.proxy.hall import Hall
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.workers.channel import Channel, pair
from guardproxy.proxy.workers.desk import Desk
from guardproxy.proxy.workers.duty import Duty
from guardproxy.proxy.workers.handdown import Welcome
from guardproxy.proxy.workers.inherited import inherited_hall

NOW = 1_800_000_000.0


@dataclass
class Both:
    """`hall` and `desk` are the parent's; `theirs` and `duty` the worker's, `up` its end of the channel."""

    hall: Hall
    desk: Desk
    theirs: Hall
    duty: Duty
    up: Channel
    down: Channel


@asynccontextmanager
async def connected(hall, desk, number=1, candidate=None):
    mine, other = pair()
    down, up = Channel(desk.answers), Channel({})
    await down.open(mine)
    await up.open(other)
    welcome = Welcome(hall.settings, number, 2, hall.shelf.held(), candidate, hall.recorder.hmac_key, b"s" * 32)
    theirs = inherited_hall(welcome, up, lambda: NOW, lambda: NOW)
    duty = Duty(theirs)
    up.learn(duty.answers)
    try:
        yield Both(hall, desk, theirs, duty, up, down)
    finally:
        up.close()
        down.close()
        theirs.recorder.audit.close()
        await theirs.upstream.close()


@pytest.fixture
def parent(hall, tmp_path):
    """Like `hall`, with a required log."""
    audit = hall.settings.audit.model_copy(update={"mode": "required", "path": str(tmp_path / "log" / "d.jsonl")})
    made = open_hall(hall.settings.model_copy(update={"audit": audit}), lambda: NOW)
    yield made
    made.recorder.audit.close()


@pytest.fixture
def desk(parent):
    return Desk(parent, parent.recorder.audit, 2)


@pytest.fixture
async def both(parent, desk):
    async with connected(parent, desk) as made:
        yield made
