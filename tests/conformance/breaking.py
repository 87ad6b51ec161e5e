"""`guardproxy serve` with one detector more, which breaks on a word: a fault that no real detector shows on demand.

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

BREAKS_ON = "vrash"


class Fragile:
    """Finds nothing, and cannot look where the word stands."""

    info = DetectorInfo(
        "test.fragile",
        "1",
        frozenset({"quality.off_topic"}),
        Tier.MODEL,
        Unit.SCORE,
        spans=False,
        personal_data=True,
        overlap=40,
    )

    async def inspect(self, segments: Sequence[Segment]) -> list[Finding] | Failure:
        if any(BREAKS_ON in segment.text for segment in segments):
            return Failure(self.info.id, FailureKind.EXCEPTION, segments[0].stage)
        return []


def with_fragile(*arguments: object, **named: object) -> Toolbox:
    box = toolbox(*arguments, **named)  # type: ignore[arg-type]
    return replace(box, models=(*box.models, Fragile()))


if __name__ == "__main__":
    start.toolbox = with_fragile
    main()
