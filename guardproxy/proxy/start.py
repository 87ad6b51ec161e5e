"""Opens the rooms in order and joins them: settings → detectors → policies → texts → upstream → recorder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

from guardproxy.core.detector_info import DetectorInfo, Unit
from guardproxy.core.escalation import RULE as SESSION_RULE
from guardproxy.core.rules import Policy
from guardproxy.core.tighten import RULE as MODERATION_RULE
from guardproxy.detectors.bench import Toolbox
from guardproxy.detectors.pool import ClassifierPool, PoolOptions
from guardproxy.detectors.registry import toolbox
from guardproxy.errors import PolicyError, SettingsError
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.changes import ChangeLog
from guardproxy.observe.erasure import Keep, Order, retire, steady
from guardproxy.observe.journal import Keeping
from guardproxy.observe.logs import get_logger
from guardproxy.observe.metrics import Labels, Metrics
from guardproxy.observe.record import Recorder
from guardproxy.policy.messages import load as load_messages
from guardproxy.policy.problems import Problem
from guardproxy.policy.shelf import Held, Shelf
from guardproxy.policy.shipped import directory
from guardproxy.proxy.auth import Keys
from guardproxy.proxy.budget import Budget
from guardproxy.proxy.hall import Benches, Hall
from guardproxy.proxy.languages import Languages
from guardproxy.proxy.office import Office
from guardproxy.proxy.routes import Routes
from guardproxy.proxy.settings import AuditSettings, Settings, signers_of, target
from guardproxy.proxy.sharing import share
from guardproxy.proxy.target import Target
from guardproxy.proxy.tenants import Tenants
from guardproxy.proxy.trial import Trial
from guardproxy.proxy.unpacked import UnpackedUpstream
from guardproxy.proxy.upstream import Upstream
from guardproxy.proxy.upstream_direct import DirectUpstream


def open_hall(settings: Settings, clock: Callable[[], float], steady: Callable[[], float] | None = None) -> Hall:
    """Everything an exchange needs. Raises ConfigError with one clear line when anything is unusable.

    `steady`: POSIX seconds that only go forward; without it `clock` has to do.
    """
    address = target(settings.upstream, os.environ)
    pool = classifiers(settings)
    box = toolbox(pool, with_names=settings.detectors.names, allowed_link_hosts=settings.detectors.allowed_link_hosts)
    where = Path(settings.policies.path) if settings.policies.path else None
    benches = Benches(box)
    shelf = Shelf.open(where, box.infos, benches.look, clock, signers_of(settings))
    routes = Routes(settings.routes)
    tenants = Tenants(settings.tenants, routes)
    for tenant in tenants:
        for name in tenant.routes.names:
            shelf.select(tenant.name, name)
    benches.keep_only(shelf.policies)
    catalogue = load_messages(directory(), datetime.fromtimestamp(clock(), UTC).date())
    metrics = Metrics(replace(labels(shelf.policies, box.infos, address.name, routes), tenants=tenants.names))
    metrics.policies_in_force([p.ref for p in shelf.policies], clock())
    count_lookups(box, metrics)

    def prepare(held: Held) -> tuple[Problem, ...]:
        benches.prepare(held.set.policies)
        metrics.admit(labels(held.set.policies, box.infos, address.name, routes))
        return ()

    benches.prepare(shelf.policies)
    shelf.prepare = prepare
    trial = Trial(box, metrics)

    def admit(beside: Shelf) -> None:
        metrics.admit_candidate(labels(beside.policies, box.infos, address.name, routes))

    anchoring = Keeping(anchors=_folder(settings.audit), key=secret_of(settings.audit, "anchor_key_env"))
    changes = ChangeLog(Path(settings.policies.changes), clock, get_logger().info, anchoring)
    office = Office(shelf, trial, changes, box, clock, admit)
    if office.promoted_before:
        get_logger().warning("policies_other_than_promoted", promoted=office.promoted_before, in_force=str(shelf.path))
    if settings.policies.candidate:
        _begin(office, Path(settings.policies.candidate))
    audit = _decision_log(settings.audit, metrics, clock)
    hall = Hall(
        settings=settings,
        shelf=shelf,
        benches=benches,
        catalogue=lambda: catalogue,
        upstream=upstream_at(address),
        recorder=Recorder(metrics, audit, get_logger(), hmac_key=secret_of(settings.audit, "hmac_key_env")),
        languages=Languages(),
        clock=clock,
        steady=steady or clock,
        trial=trial,
        office=office,
        pool=pool,
        routes=routes,
        keys=keys_of(settings, tenants.names),
        bodies=Budget(settings.limits.bodies_bytes),
    )
    return _together(hall)


def count_lookups(box: Toolbox, metrics: Metrics) -> None:
    """What the verdict cache knew and what it did not, as a metric."""
    if box.cache is not None:
        box.cache.tell = partial(metrics.count, "verdict_cache_total")


def upstream_at(address: Target) -> Upstream:
    """The way to the model, of every process that forwards."""
    return UnpackedUpstream(DirectUpstream(address))


def _together(hall: Hall) -> Hall:
    """With what replicas share in the place of what this one has for itself, if settings say so."""
    shared = share(hall.settings.redis, hall.recorder.metrics, os.environ)
    if shared is None:
        return hall
    return replace(hall, sessions=shared.sessions, limits=shared.limits, link=shared.link)


def _decision_log(settings: AuditSettings, metrics: Metrics, clock: Callable[[], float]) -> AuditLog:
    return AuditLog(
        Path(settings.path),
        settings.mode,
        lambda reason: metrics.count("audit_dropped_total", reason),
        clock,
        keeping=_keeping(settings, clock),
    )


def keys_of(settings: Settings, tenants: tuple[str, ...]) -> Keys | None:
    """The clients' keys, none of which may be the admin token; None when the settings name no file."""
    token = os.environ.get(settings.listen.admin_token_env, "") if settings.listen.admin_token_env else ""
    return Keys(Path(settings.keys.file), tenants, never=token) if settings.keys.file else None


def _begin(office: Office, path: Path) -> None:
    """A candidate that does not load keeps nobody from being served."""
    try:
        office.begin(path.absolute())
    except PolicyError as error:
        get_logger().error("candidate_load_failed", first=str(error))


def classifiers(settings: Settings) -> ClassifierPool | None:
    """The pool of the embedded classifiers, not started yet; None when the operator switched them off."""
    if not settings.detectors.embedded:
        return None
    options = PoolOptions(
        workers=settings.detectors.embedded_workers, deadline_s=settings.detectors.embedded_deadline_ms / 1000
    )
    return ClassifierPool(options)


def secret_of(audit: AuditSettings, setting: str) -> bytes:
    """A key of the log. Without one digests compare until the process ends, and anchors are not signed."""
    variable: str = getattr(audit, setting)
    if not variable:
        return b""
    value = os.environ.get(variable, "")
    if not value:
        raise SettingsError(f"audit.{setting}: the variable {variable} is empty or missing")
    return value.encode()


def _folder(audit: AuditSettings) -> Path | None:
    return Path(audit.anchors) if audit.anchors else None


def _keeping(audit: AuditSettings, clock: Callable[[], float]) -> Keeping:
    key, note = secret_of(audit, "anchor_key_env"), get_logger().warning
    order = steady(Order("guardproxy", "retention", clock, note, key, _folder(audit)), monotonic)
    keep = Keep(audit.keep_days, audit.keep_mib * 1024 * 1024)

    def tidy(path: Path) -> None:
        try:
            done = retire(path, keep, order)
        except OSError as error:
            note("audit_retention_failed", reason=error.strerror)
        else:
            if done.records:
                note("audit_retention", records=done.records, segments=done.segments)

    return Keeping(
        longest=audit.segment_mib * 1024 * 1024,
        oldest=audit.segment_hours * 3600,
        anchors=_folder(audit),
        key=key,
        tidy=tidy,
    )


def labels(policies: tuple[Policy, ...], infos: tuple[DetectorInfo, ...], upstream: str, routes: Routes) -> Labels:
    """The closed label sets of the metrics."""
    return Labels(
        routes=routes.names,
        policies=tuple(p.ref.name for p in policies),
        rules=(*dict.fromkeys(r.id for p in policies for r in p.rules), MODERATION_RULE, SESSION_RULE),
        detectors=tuple(i.id for i in infos),
        upstreams=(upstream,),
        scores=tuple((i.id, h) for i in infos if i.unit is Unit.SCORE for h in sorted(i.hazards)),
    )
