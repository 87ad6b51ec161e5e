"""`guardproxy serve` with two detectors more that fail on demand: for faults that no real detector shows when asked.

    python -m guardproxy.testing.faulty_serve serve --upstream … --policies …

`test.shut` and `test.ajar` fail in the way that a word of the text names, if the text holds their own word as well.
Which of them fails closed is the policy's business.
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from guardproxy.core.conversation import Segment
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.detectors.bench import Toolbox
from guardproxy.detectors.lanes import Miss
from guardproxy.detectors.pool import ClassifierPool, PoolOptions
from guardproxy.detectors.registry import toolbox
from guardproxy.proxy import start

HAZARD = "quality.off_topic"
OWN_WORDS = {"test.shut": "spindle", "test.ajar": "thimble"}
RAISES, HANGS, LIES, BABBLES, DIES, GONE = "vrash", "splonk", "quibbet", "mumfle", "krellin", "wendrow"
DEADLINE_S = 3.0
"""Long enough for a killed process to be started again on a busy machine."""
WORKER = (sys.executable, "-m", "guardproxy.testing.crashing_worker")


class Faulty:
    """Finds nothing, and fails on its words.

    vrash: it raises; splonk: it never comes back; quibbet: a score that is no number; mumfle: no findings at all;
    krellin: the text kills the process that looks at it; wendrow: the process is not there.
    """

    def __init__(self, name: str) -> None:
        self._word = OWN_WORDS[name]
        self._mortal = ClassifierPool(PoolOptions(workers=3, command=WORKER, deadline_s=60.0))
        self._absent = ClassifierPool(PoolOptions(command=(sys.executable, "-c", "raise SystemExit"), deadline_s=60.0))
        self.info = DetectorInfo(name, "1", frozenset({HAZARD}), Tier.MODEL, Unit.SCORE, spans=False, overlap=40)

    async def inspect(self, segments: Sequence[Segment]) -> list[Finding] | Failure:
        """See the class."""
        self._mortal.start()
        text = " ".join(segment.text for segment in segments)
        if self._word not in text:
            return []
        if RAISES in text:
            raise RuntimeError(RAISES)
        if HANGS in text:
            await asyncio.Event().wait()
        if LIES in text:
            return [Finding(self.info.id, HAZARD, float("nan"), segments[0])]
        if BABBLES in text:
            nothing: Any = None
            return nothing  # type: ignore[no-any-return]
        if DIES in text or GONE in text:
            return await self._scored(self._mortal if DIES in text else self._absent, text, segments)
        return []

    async def _scored(self, pool: ClassifierPool, text: str, segments: Sequence[Segment]) -> list[Finding] | Failure:
        pool.start()  # for the one that is not there
        answer = await pool.score([text])
        if isinstance(answer, Miss):
            return Failure(self.info.id, answer.kind, segments[0].stage, answer.caused_by_input)
        return Failure(self.info.id, FailureKind.INVALID_RESULT, segments[0].stage)


def with_faulty(*arguments: Any, **named: Any) -> Toolbox:
    """The usual detectors and these two, with little patience."""
    box = toolbox(*arguments, **named)
    models = (*box.models, *map(Faulty, OWN_WORDS))
    return replace(box, models=models, cache=None, deadline=lambda characters: DEADLINE_S + characters / 2000)


if __name__ == "__main__":
    vars(start)["toolbox"] = with_faulty
    runpy.run_module("guardproxy", run_name="__main__")
