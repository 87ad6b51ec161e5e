from __future__ import annotations

import pytest

from guardproxy.errors import SettingsError
from guardproxy.proxy.settings import LimitSettings, Settings, UpstreamSettings
from guardproxy.proxy.sharing import RedisSettings
from guardproxy.proxy.tenants import Allowance, TenantSettings
from guardproxy.proxy.workers.handdown import Welcome, packed, share, unpacked


def test_a_set_arrives_as_it_was_loaded(hall):
    held = hall.shelf.held()
    there = unpacked(packed(Welcome(hall.settings, 1, 2, held, None, b"k", b"s")))
    assert there.held == held
    assert there.held.set.policies[0].ref == held.set.policies[0].ref
    assert there.settings == hall.settings
    with pytest.raises(TypeError, match="item assignment"):
        there.held.set.texts["more"] = "text"


def test_secrets_do_not_show(hall):
    welcome = Welcome(hall.settings, 1, 2, hall.shelf.held(), None, b"sesame-one", b"sesame-two")
    assert "sesame" not in repr(welcome)


def test_what_a_process_counts_for_itself_is_shared_out():
    limits = LimitSettings(inflight=1000, connections=5000, bodies_bytes=128 * 1024 * 1024)
    tenant = TenantSettings(requests_per_minute=60, concurrent=20, per_key=Allowance(concurrent=7))
    settings = Settings(limits=limits, tenants={"lab": tenant}, upstream=UpstreamSettings(pool=100))
    mine = share(settings, 3)
    assert (mine.limits.inflight, mine.limits.connections, mine.upstream.pool) == (333, 1666, 33)
    assert mine.limits.bodies_bytes * 3 <= limits.bodies_bytes
    assert (mine.tenants["lab"].concurrent, mine.tenants["lab"].per_key.concurrent) == (6, 2)
    assert mine.tenants["lab"].requests_per_minute == 60  # the parent counts for all
    assert mine.redis.replicas == 3


def test_nothing_of_it_becomes_none_at_all():
    limits = LimitSettings(inflight=1, connections=1, bodies_bytes=1024 * 1024)
    mine = share(Settings(limits=limits, upstream=UpstreamSettings(pool=1), redis=RedisSettings(replicas=2)), 4)
    assert (mine.limits.inflight, mine.limits.connections, mine.upstream.pool) == (1, 1, 1)
    assert mine.limits.bodies_bytes == mine.limits.body_bytes
    assert mine.redis.replicas == 8
    assert share(Settings(tenants={"lab": TenantSettings()}), 4).tenants["lab"].concurrent == 0


@pytest.mark.parametrize(
    ("tenant", "place"),
    [(TenantSettings(concurrent=1), "lab"), (TenantSettings(per_key=Allowance(concurrent=1)), "lab.per_key")],
)
def test_a_limit_that_cannot_be_shared_is_said_at_the_start(tenant, place):
    with pytest.raises(SettingsError) as caught:
        share(Settings(tenants={"lab": tenant}), 2)
    assert str(caught.value) == (
        f"settings: tenants.{place}.concurrent: 1 cannot be shared by 2 workers: allow at least 2, or run fewer workers"
    )
