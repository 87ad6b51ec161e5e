"""`guardproxy serve` with two detectors more, each of which breaks on a word: a fault that no real detector shows on demand.

python tests/conformance/breaking.py serve --upstream … --policies …
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from guardproxy.cli.main import main
from guardproxy.core.conversation import Segment
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.detectors.bench import Toolbox
from guardproxy.detectors.registry import toolbox
from guardproxy.proxy import start

BREAKS_ON = {"test.fragile": "vrash", "test.brittle": "splonk"}
"""The policy's rule on the first fails closed, the one on the second fails open."""


class Breaking:
    """Finds nothing, and cannot look where its word stands."""

    def __init__(self, name: str, word: str) -> None:
        self._word = word
        hazards = frozenset({"quality.off_topic"})
        self.info = DetectorInfo(
            name, "1", hazards, Tier.MODEL, Unit.SCORE, spans=False, personal_data=True, overlap=40
        )

    async def inspect(self, segments: Sequence[Segment]) -> list[Finding] | Failure:
        if any(self._word in segment.text for segment in segments):
            return Failure(self.info.id, FailureKind.EXCEPTION, segments[0].stage)
        return []


def with_breaking(*arguments: object, **named: object) -> Toolbox:
    box = toolbox(*arguments, **named)  # type: ignore[arg-type]
    return replace(box, models=(*box.models, *(Breaking(name, word) for name, word in BREAKS_ON.items())))


if __name__ == "__main__":
    start.toolbox = with_breaking
    main()
