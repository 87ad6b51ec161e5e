"""The section `redis`: what it needs, and what it must not hold."""

import pytest

from guardproxy.errors import SettingsError
from guardproxy.observe.metrics import Labels, Metrics
from guardproxy.proxy.settings import load
from guardproxy.proxy.sharing import RedisSettings, share
from guardproxy.proxy.start import open_hall
from guardproxy.state.limits import LocalLimits
from guardproxy.state.redis_limits import RedisLimits
from guardproxy.state.redis_sessions import RedisSessions
from guardproxy.state.sessions import Sessions

SECRET = {"STATE": "s" * 32}


@pytest.fixture
def metrics():
    return Metrics(Labels((), (), (), (), ()))


def shared(metrics, environ=None, **given):
    asked = {"url": "redis://127.0.0.1:6379/0", "secret_env": "STATE", **given}
    return share(RedisSettings(**asked), metrics, SECRET if environ is None else environ)


def sample(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"guardproxy_{name}", labels)


def test_without_an_address_every_replica_is_alone(metrics, hall):
    assert share(RedisSettings(), metrics, {}) is None
    assert isinstance(hall.sessions, Sessions)
    assert isinstance(hall.limits, LocalLimits)
    assert hall.link is None


@pytest.mark.parametrize(
    ("given", "environ", "said"),
    [
        ({"url": "http://h:1"}, None, "redis.url: needs redis://"),
        ({"url": "redis://"}, None, "redis.url: needs redis://"),
        ({"url": "redis://h:0"}, None, "redis.url: needs redis://"),
        ({"url": "redis://h:x"}, None, "redis.url: not a URL"),
        ({"url": "redis://:sesame@h"}, None, "redis.url: no password here; name its variable in redis.password_env"),
        ({"secret_env": ""}, None, "redis.secret_env: name the variable"),
        ({}, {}, "redis.secret_env: the variable STATE is empty or missing"),
        ({}, {"STATE": "short"}, "redis.secret_env: STATE is shorter than 32 bytes"),
        ({"password_env": "WORD"}, None, "redis.password_env: the variable WORD is empty or missing"),
    ],
)
def test_what_is_missing_is_named(metrics, given, environ, said):
    with pytest.raises(SettingsError) as caught:
        shared(metrics, environ, **given)
    assert str(caught.value).startswith(said)
    assert "sesame" not in str(caught.value)


def test_all_keys_of_the_section_can_come_from_the_environment():
    environ = {
        "GUARDPROXY_REDIS_URL": "rediss://cache:6380/1",
        "GUARDPROXY_REDIS_TIMEOUT_MS": "30",
        "GUARDPROXY_REDIS_BREAKER_S": "2.5",
        "GUARDPROXY_REDIS_ON_FAILURE": "local",
    }
    read = load(None, environ, {}).redis
    assert (read.url, read.timeout_ms, read.breaker_s) == ("rediss://cache:6380/1", 30, 2.5)


async def test_failures_are_counted_and_the_change_is_a_gauge(metrics):
    made = shared(metrics, url="unix:///nowhere/redis.sock")
    assert sample(metrics, "state_shared") == 1.0
    for _ in range(5):
        await made.sessions.recall("k", 0.0)
    assert sample(metrics, "state_shared") == 0.0
    assert sample(metrics, "state_errors_total", kind="error") == 3.0
    assert sample(metrics, "state_errors_total", kind="timeout") == 0.0
    await made.link.close()


async def test_a_hall_with_an_address_shares(hall, monkeypatch):
    monkeypatch.setenv("STATE", SECRET["STATE"])
    redis = RedisSettings(url="unix:///nowhere/redis.sock", secret_env="STATE")
    opened = open_hall(hall.settings.model_copy(update={"redis": redis}), hall.clock)
    assert isinstance(opened.sessions, RedisSessions)
    assert isinstance(opened.limits, RedisLimits)
    await opened.link.close()
