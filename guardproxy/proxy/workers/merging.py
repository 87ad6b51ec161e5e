"""One page of metrics for several processes: what each counted, added up.

    snapshot(registry) -> bytes              in a worker: its samples that are not 0
    MergedRegistry(own) .put(worker, raw)    in the parent: the latest of each worker
                        .leave(worker)       it has ended: what it counted stays, its gauges go
                        .collect()           as a registry of prometheus-client

Series and their order are those of the parent's own registry, which knows every label from the start. Counting costs a
worker nothing: nobody is told of a sample before somebody asks. A worker that is killed takes along what it counted
since it was asked last (`ASK_EVERY_S`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.samples import Exemplar, Sample

from guardproxy.observe.metrics import FAMILIES

ASK_EVERY_S = 5.0
PREFIX = "guardproxy_"
SUMMED, HIGHEST, LOWEST, OURS = "sum", "max", "min", "ours"
GAUGES = {
    "event_loop_lag_seconds": HIGHEST,
    "inflight": SUMMED,
    "queue_depth": SUMMED,
    "keys_load_failed": HIGHEST,
    "state_shared": LOWEST,
    "policy_info": OURS,
    "policy_load_failed": OURS,
    "policy_loaded_timestamp_seconds": OURS,
    "build_info": OURS,
}
"""How a gauge of several workers is one. `ours`: the parent alone knows; policies are the same in all."""
_COUNTED = frozenset(f"{PREFIX}{family.name.removesuffix('_total')}" for family in FAMILIES if family.kind != "gauge")
_RULES = {f"{PREFIX}{name}": rule for name, rule in GAUGES.items()}

Key = tuple[str, tuple[tuple[str, str], ...]]
Told = dict[Key, tuple[float, Exemplar | None]]


def snapshot(registry: CollectorRegistry) -> bytes:
    """Samples by family, those at 0 left out. CPU work: 16 ms for two thousand, so call it in a thread."""
    told = {
        family.name: [
            (s.name, s.labels, s.value, s.exemplar and (s.exemplar.labels, s.exemplar.value, s.exemplar.timestamp))
            for s in family.samples
            if s.value
        ]
        for family in registry.collect()
    }
    return orjson.dumps({name: samples for name, samples in told.items() if samples})


class MergedRegistry(CollectorRegistry):
    """Collects from `own` and from what workers have told. Safe to read in any thread."""

    def __init__(self, own: CollectorRegistry, number: int) -> None:
        super().__init__()
        self._own = own
        self._number = number
        self._live: dict[int, dict[str, Told]] = {}
        self._gone: dict[str, Told] = {}

    def put(self, worker: int, raw: bytes) -> None:
        """The worker's latest snapshot."""
        self._live[worker] = _read(raw)

    def leave(self, worker: int) -> None:
        """No more will come. Its counters and histograms stay, or a sum would fall."""
        last = self._live.pop(worker, {})
        counted = [{name: told for name, told in one.items() if name in _COUNTED} for one in (self._gone, last)]
        names = dict.fromkeys(name for one in counted for name in one)
        self._gone = {name: _added([one.get(name, {}) for one in counted]) for name in names}

    def collect(self) -> Iterator[Metric]:
        """Every family, merged."""
        live = list(self._live.values())
        for family in self._own.collect():
            yield self._merged(family, live)

    def restricted_registry(self, names: Iterable[str]) -> Any:
        """Only samples of these names; see prometheus-client."""
        wanted = frozenset(names)
        return _Restricted(self, wanted)

    def _merged(self, family: Metric, live: list[dict[str, Told]]) -> Metric:
        rule = SUMMED if family.name in _COUNTED else _RULES.get(family.name, OURS)
        if rule == OURS:
            return family
        theirs = [one.get(family.name, {}) for one in live]
        mine: Told = {_key(s.name, s.labels): (s.value, s.exemplar) for s in family.samples}
        if rule == SUMMED:
            merged = _added([mine, self._gone.get(family.name, {}), *theirs])
        else:
            merged = {key: (_extreme(rule, key, theirs, self._number), None) for key in mine}
        out = Metric(family.name, family.documentation, family.type, family.unit)
        out.samples = [Sample(name, dict(labels), v, None, e) for (name, labels), (v, e) in merged.items()]
        return out


class _Restricted:
    def __init__(self, merged: MergedRegistry, names: frozenset[str]) -> None:
        self._merged = merged
        self._names = names

    def collect(self) -> Iterator[Metric]:
        for family in self._merged.collect():
            kept = [sample for sample in family.samples if sample.name in self._names]
            if kept:
                out = Metric(family.name, family.documentation, family.type, family.unit)
                out.samples = kept
                yield out


def _read(raw: bytes) -> dict[str, Told]:
    return {
        name: {
            _key(sample, labels): (value, Exemplar(*exemplar) if exemplar else None)
            for sample, labels, value, exemplar in samples
        }
        for name, samples in orjson.loads(raw).items()
    }


def _key(name: str, labels: dict[str, str]) -> Key:
    return name, tuple(labels.items())


def _added(parts: Iterable[Told]) -> Told:
    """Sums; the latest exemplar stands."""
    out: Told = {}
    for part in parts:
        for key, (value, exemplar) in part.items():
            before, kept = out.get(key, (0.0, None))
            if exemplar is not None and (kept is None or _time(exemplar) >= _time(kept)):
                kept = exemplar
            out[key] = (before + value, kept)
    return out


def _time(exemplar: Exemplar) -> float:
    return float(exemplar.timestamp or 0.0)


def _extreme(rule: str, key: Key, theirs: list[Told], number: int) -> float:
    """A worker that has not told a sample has it at 0."""
    values = [told[key][0] if key in told else 0.0 for told in theirs] or [0.0]
    if rule == HIGHEST:
        return max(values)
    return min(values) if len(theirs) >= number else 0.0
