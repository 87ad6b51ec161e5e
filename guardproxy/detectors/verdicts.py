"""What detectors said of texts they have seen: chat clients resend the whole history every turn.

    VerdictCache(size)                    local to the process; holds digests, never text
        .of(tenant, policy) -> Verdicts   what one tenant remembers under one policy (its hash)

The key names tenant, policy, detector, revision, stage, scope and the whole SHA-256 of text and context. Tenants share
nothing, or the time of an answer would tell one of them what another has asked; a new model or policy forgets all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.findings import Finding


@dataclass(frozen=True, slots=True)
class _Key:
    tenant: str
    policy: str
    detector: str
    revision: str
    stage: str
    scope: str
    digest: bytes
    identifier: bool = False


class VerdictCache:
    """Least recently used findings by text, at most `size` texts. Holds digests, never text.

    `tell`: hears "hit" or "miss" of each lookup; for the metric.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._kept: OrderedDict[_Key, tuple[Finding, ...]] = OrderedDict()
        self.hits = 0
        self.misses = 0
        self.tell: Callable[[str], None] | None = None

    def of(self, tenant: str, policy: str) -> Verdicts:
        """What one tenant remembers under the policy of this hash."""
        return Verdicts(self, tenant, policy)

    def get(self, key: _Key) -> tuple[Finding, ...] | None:
        """None for what is not known."""
        kept = self._kept.get(key)
        if kept is None:
            self.misses += 1
        else:
            self.hits += 1
            self._kept.move_to_end(key)
        if self.tell is not None:
            self.tell("miss" if kept is None else "hit")
        return kept

    def put(self, key: _Key, found: Sequence[Finding]) -> None:
        """Remembers it; the longest unused goes."""
        self._kept[key] = tuple(found)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One tenant's part of the cache, under one policy."""

    cache: VerdictCache
    tenant: str
    policy: str

    def known(self, segment: Segment) -> tuple[Finding, ...] | None:
        """What the instant tier found in such a text; None when it has not seen it."""
        kept = self.cache.get(self._instant_key(segment))
        return kept and tuple(replace(finding, segment=segment) for finding in kept)

    def learn(self, segments: Sequence[Segment], findings: Sequence[Finding]) -> None:
        """All that the instant tier found in them; nothing is learnt from findings about copies of them."""
        found: dict[int, list[Finding]] = {id(segment): [] for segment in segments}
        if any(id(finding.segment) not in found for finding in findings):
            return
        for finding in findings:
            found[id(finding.segment)].append(replace(finding, segment=_HOLLOW))
        for segment in segments:
            self.cache.put(self._instant_key(segment), found[id(segment)])

    def _instant_key(self, segment: Segment) -> _Key:
        digest = sha256(segment.text.encode("utf-8", "surrogatepass")).digest()
        return _Key(self.tenant, self.policy, _INSTANT, "", segment.stage, segment.scope, digest, segment.identifier)

    def recall(self, info: DetectorInfo, segments: Sequence[Segment]) -> tuple[list[Finding], list[Segment]]:
        """Findings of known texts, and the segments still to be looked at."""
        found: list[Finding] = []
        unknown: list[Segment] = []
        for segment in segments:
            kept = self.cache.get(self._key(info, segment))
            if kept is None:
                unknown.append(segment)
                continue
            found += [replace(finding, segment=segment) for finding in kept]
        return found, unknown

    def keep(self, info: DetectorInfo, segments: Sequence[Segment], findings: Sequence[Finding]) -> None:
        """Remembers what was found in each of the segments, "nothing" included."""
        keys = {id(segment): self._key(info, segment) for segment in segments}
        found: dict[_Key, list[Finding]] = {key: [] for key in keys.values()}
        for finding in findings:
            key = keys.get(id(finding.segment)) or self._key(info, finding.segment)
            kept = replace(finding, segment=_HOLLOW)
            # Equal texts in one look say the same twice; a detector may also hand back copies of segments.
            if key in found and kept not in found[key]:
                found[key].append(kept)
        for key, mine in found.items():
            self.cache.put(key, mine)

    def _key(self, info: DetectorInfo, segment: Segment) -> _Key:
        digest = sha256(segment.text.encode("utf-8", "surrogatepass"))
        if info.sees_exchange:
            # With its length: where the text ends and the context begins must not be a matter of their wording.
            digest.update(f"\x1f{len(segment.text)}\x1f{segment.context}".encode("utf-8", "surrogatepass"))
        return _Key(self.tenant, self.policy, info.id, info.revision, segment.stage, segment.scope, digest.digest())


_INSTANT = "*instant"
"""No detector's id has a star. Their revisions are those of the process, and rules change with the policy's hash."""
_HOLLOW = Segment("", Stage.INPUT, Scope.USER)
