"""A worker's hall: the rooms of `proxy.start`, over what the parent has handed down or keeps for all.

    inherited_hall(welcome, channel, clock, steady) -> Hall

Its office is empty: what is in force, on trial or promoted is the parent's business.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from guardproxy.detectors.bench import Toolbox
from guardproxy.detectors.registry import toolbox
from guardproxy.observe.changes import ChangeLog
from guardproxy.observe.logs import get_logger
from guardproxy.observe.metrics import Labels, Metrics
from guardproxy.observe.record import Recorder
from guardproxy.policy.messages import load as load_messages
from guardproxy.policy.shelf import Held, Set, Shelf
from guardproxy.policy.shipped import directory
from guardproxy.proxy.budget import Budget
from guardproxy.proxy.hall import Benches, Hall, Standing
from guardproxy.proxy.languages import Languages
from guardproxy.proxy.office import Office
from guardproxy.proxy.routes import Routes
from guardproxy.proxy.settings import target
from guardproxy.proxy.sharing import Told, share
from guardproxy.proxy.start import count_lookups, keys_of, labels, upstream_at
from guardproxy.proxy.tenants import Tenants
from guardproxy.proxy.trial import Trial
from guardproxy.proxy.workers.borrowed import BorrowedLog, BorrowedPool, BorrowedState
from guardproxy.proxy.workers.channel import Channel
from guardproxy.proxy.workers.handdown import Welcome
from guardproxy.state.redis import Link
from guardproxy.state.redis_limits import RedisLimits
from guardproxy.state.redis_sessions import RedisSessions
from guardproxy.state.sessions import Sessions

STATE_BUDGET_S = 1.0
"""Patience with the parent; without it this worker's share of every limit counts, as without Redis."""
_PREFIX = "worker"


def adopted(held: Held, box: Toolbox, clock: Callable[[], float]) -> Shelf:
    """A shelf that holds what was handed down; nothing is read."""
    benches = Benches(box)
    shelf = Shelf(held.path, box.infos, benches.look, clock)
    shelf.adopt(held, agreed, "parent")
    return shelf


def agreed(old: Set, new: Set) -> None:
    """Whoever handed it down has written it down."""
    del old, new


def labels_of(hall: Hall, held: Held) -> Labels:
    """The closed label sets of a set of policies."""
    return labels(held.set.policies, hall.benches.toolbox.infos, hall.upstream.target.name, hall.routes)


def inherited_hall(welcome: Welcome, channel: Channel, clock: Callable[[], float], steady: Callable[[], float]) -> Hall:
    """Raises ConfigError as `open_hall` does, though the parent has been through all of it."""
    settings = welcome.settings
    address, routes = target(settings.upstream, os.environ), Routes(settings.routes)
    pool = BorrowedPool(channel) if settings.detectors.embedded else None
    box = toolbox(pool, with_names=settings.detectors.names, allowed_link_hosts=settings.detectors.allowed_link_hosts)
    shelf = adopted(welcome.held, box, clock)
    tenants = Tenants(settings.tenants, routes)
    for tenant in tenants:
        for name in tenant.routes.names:
            shelf.select(tenant.name, name)
    benches = Benches(box)
    benches.prepare(shelf.policies)
    known = labels(shelf.policies, box.infos, address.name, routes)
    metrics = Metrics(replace(known, tenants=tenants.names))
    metrics.policies_in_force([p.ref for p in shelf.policies], clock())
    count_lookups(box, metrics)
    trial = Trial(box, metrics)
    catalogue = load_messages(directory(), datetime.fromtimestamp(clock(), UTC).date())
    nothing = ChangeLog(Path(os.devnull), clock, get_logger().info)
    hall = Hall(
        settings=settings,
        shelf=shelf,
        benches=benches,
        catalogue=lambda: catalogue,
        upstream=upstream_at(address),
        recorder=_recorder(welcome, channel, metrics),
        languages=Languages(get_logger().info),
        clock=clock,
        steady=steady,
        trial=trial,
        office=Office(shelf, trial, nothing, box, clock, lambda _shelf: None),
        pool=pool,
        routes=routes,
        keys=keys_of(settings, tenants.names),
        bodies=Budget(settings.limits.bodies_bytes),
        standing=Standing(welcome.of),
    )
    return _together(hall, welcome, channel)


def _recorder(welcome: Welcome, channel: Channel, metrics: Metrics) -> Recorder:
    audit, owner = welcome.settings.audit, str(welcome.number)

    def dropped(reason: str) -> None:
        metrics.count("audit_dropped_total", reason)

    log = BorrowedLog(channel, Path(audit.path), audit.mode, owner, dropped)
    return Recorder(metrics, log, get_logger(), hmac_key=welcome.hmac_key)


def _together(hall: Hall, welcome: Welcome, channel: Channel) -> Hall:
    """Sessions and limits of all workers: in Redis, if settings say so, else with the parent."""
    settings, metrics = welcome.settings, hall.recorder.metrics
    shared = share(settings.redis, metrics, os.environ)
    if shared is not None:
        return replace(hall, sessions=shared.sessions, limits=shared.limits, link=shared.link)
    told = Told(metrics, "workers_state_shared", "workers_state_apart", gauge="")
    link = Link(BorrowedState(channel), told, budget_s=STATE_BUDGET_S)
    secret = welcome.state_secret
    sessions = RedisSessions(link, Sessions(secret), secret, _PREFIX)
    return replace(hall, sessions=sessions, limits=RedisLimits(link, secret, _PREFIX, welcome.of))
