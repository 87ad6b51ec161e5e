"""One real Redis for the folder, emptied before each test that asks for it."""

import pytest
import redis as plain_redis

from guardproxy.state.redis import Link, connect
from guardproxy.testing.redis_server import RedisServer


class Noted:
    """What a link has said."""

    def __init__(self):
        self.kinds, self.changes = [], []

    def failed(self, kind):
        self.kinds.append(kind)

    def changed(self, *, shared):
        self.changes.append(shared)


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def raw(server):
    """Redis as nobody of ours sees it."""
    with plain_redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def noted():
    return Noted()


@pytest.fixture
async def link(server, raw, noted):
    """A link that may take its time: what is tested here is not how busy this machine is."""
    made = Link(connect(server.url, None, 4), noted, budget_s=5.0)
    yield made
    await made.close()
