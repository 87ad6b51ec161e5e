"""What model detectors said of texts they have seen: chat clients resend the whole history every turn.

Local to the process. The key names detector, revision, stage, scope and the SHA-256 of text and context, so the
same text gets the same findings on every surface, and a new model forgets everything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.findings import Finding

Key = tuple[str, str, str, str, bytes]


class VerdictCache:
    """Least recently used findings by text, at most `size` texts. Holds digests, never text."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._kept: OrderedDict[Key, tuple[Finding, ...]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def recall(self, info: DetectorInfo, segments: Sequence[Segment]) -> tuple[list[Finding], list[Segment]]:
        """Findings of known texts, and the segments still to be looked at."""
        found: list[Finding] = []
        unknown: list[Segment] = []
        for segment in segments:
            key = _key(info, segment)
            kept = self._kept.get(key)
            if kept is None:
                unknown.append(segment)
                continue
            self._kept.move_to_end(key)
            found += [replace(finding, segment=segment) for finding in kept]
        self.hits += len(segments) - len(unknown)
        self.misses += len(unknown)
        return found, unknown

    def keep(self, info: DetectorInfo, segments: Sequence[Segment], findings: Sequence[Finding]) -> None:
        """Remembers what was found in each of the segments, "nothing" included."""
        keys = {id(segment): _key(info, segment) for segment in segments}
        found: dict[Key, list[Finding]] = {key: [] for key in keys.values()}
        for finding in findings:
            key = keys.get(id(finding.segment)) or _key(info, finding.segment)
            kept = replace(finding, segment=_HOLLOW)
            # Equal texts in one look say the same twice; a detector may also hand back copies of segments.
            if key in found and kept not in found[key]:
                found[key].append(kept)
        self._kept.update((key, tuple(mine)) for key, mine in found.items())
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


_HOLLOW = Segment("", Stage.INPUT, Scope.USER)


def _key(info: DetectorInfo, segment: Segment) -> Key:
    digest = sha256(segment.text.encode("utf-8", "surrogatepass"))
    if info.sees_exchange:
        # With its length: where the text ends and the context begins must not be a matter of their wording.
        digest.update(f"\x1f{len(segment.text)}\x1f{segment.context}".encode("utf-8", "surrogatepass"))
    return (info.id, info.revision, segment.stage, segment.scope, digest.digest())
