"""The embedded classifiers as a detector: what was asked for, what a text is, and attacks on the service.

Scores are calibrated on harmless chats (models/embedded/card.md): at 0.5 about five in a hundred of them are reached
by any hazard, at 0.9 about one.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Evidence, Failure, Finding
from guardproxy.detectors.lanes import Miss
from guardproxy.detectors.model_files import FOLDER, Head, heads
from guardproxy.detectors.pool import ClassifierPool
from guardproxy.errors import ModelFilesError

FLOOR = 0.05
"""Scores below are not reported: half of all harmless chats reach it somewhere."""
NAMED = 0.5
"""From here on a hazard is named, and the same harm is not reported a second time as `unspecified`."""
CRY_FOR_HELP = "self_harm.intent"
UNSPECIFIED, JAILBREAK, INJECTION = "unspecified", "attack.jailbreak", "attack.injection"
LANGUAGES = frozenset({"en"})
"""What the heads were made for; figures of others: languages.md beside the model."""
FROM_TOOLS = frozenset({Scope.TOOL_RESULT, Scope.TOOL_DEFINITION})


def hazards_of(meanings: Sequence[Head], scores: Sequence[float], stage: Stage, scope: Scope) -> dict[str, float]:
    """Hazard → score, as this place is judged.

    Output: what the answer says, and whether it helps with a harm. A tool's text: content, and any attack in it is an
    injection. Everything else at the input: what is asked for, what the text is, and attacks. Two heads for one
    hazard: the higher counts.
    """
    found: dict[str, float] = {}
    for head, score in zip(meanings, scores, strict=True):
        if _judged(head, stage, scope):
            hazard = INJECTION if scope in FROM_TOOLS and head.hazard == JAILBREAK else head.hazard
            found[hazard] = max(score, found.get(hazard, 0.0))
    return _finest(found)


def _judged(head: Head, stage: Stage, scope: Scope) -> bool:
    match head.judges:
        case "request":
            return stage is Stage.INPUT and scope not in FROM_TOOLS
        case "content" | "attack":
            return stage is Stage.INPUT
        case "answer" | "response":
            return stage is Stage.OUTPUT
        case _:
            return False  # whether an answer declines is measured, and is no hazard


def _finest(found: dict[str, float]) -> dict[str, float]:
    """A harm that can be named is: it takes the score of the head of all harms, and that one falls silent."""
    harm = found.get(UNSPECIFIED, 0.0)
    named = {hazard: score for hazard, score in found.items() if score >= NAMED and _a_harm(hazard)}
    best = max(named, key=named.__getitem__, default=CRY_FOR_HELP)
    if harm < NAMED or best == CRY_FOR_HELP:
        return found  # a cry for help does not explain a harmful request beside it
    return {h: s for h, s in found.items() if h != UNSPECIFIED} | {best: max(found[best], harm)}


def _a_harm(hazard: str) -> bool:
    """Attacks and coarse words are no names for a harm."""
    return hazard != UNSPECIFIED and not hazard.startswith("attack.") and hazard != "harassment.profanity"


def findings_of(meanings: Sequence[Head], scores: Sequence[float], segment: Segment, detector: str) -> list[Finding]:
    """What is worth reporting of one text."""
    found = hazards_of(meanings, scores, segment.stage, segment.scope)
    return [
        Finding(detector, hazard, score, segment, evidence=Evidence(view="window"))
        for hazard, score in sorted(found.items())
        if score >= FLOOR
    ]


def embedded_info(folder: Path = FOLDER) -> DetectorInfo:
    """What the shipped classifiers can report, without loading them; raises `ModelFilesError`."""
    try:
        revision = sha256((folder / "manifest.json").read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise ModelFilesError(f"{folder}: the manifest is missing; reinstall guardproxy") from error
    return DetectorInfo(
        "embedded", revision, frozenset(head.hazard for head in heads(folder) if head.judges != "refusal"), Tier.MODEL, Unit.SCORE, spans=False,
        languages=LANGUAGES, overlap=120,
    )  # fmt: skip


class EmbeddedDetector:
    """`embedded`: English; other languages reach it, and what it says of them is not measured.

    The pool is the caller's: `pool.start()` before the first look, `pool.close()` at the end.
    """

    def __init__(self, pool: ClassifierPool, folder: Path = FOLDER) -> None:
        self._pool = pool
        self._heads = heads(folder)
        self.info = embedded_info(folder)

    async def inspect(self, segments: Sequence[Segment]) -> list[Finding] | Failure:
        """Equal texts are scored once; the first text that cannot be scored fails the look."""
        if not segments:
            return []
        texts = list(dict.fromkeys(segment.text for segment in segments))
        answer = await self._pool.score(texts)
        if isinstance(answer, Miss):
            return Failure(self.info.id, answer.kind, segments[0].stage, answer.caused_by_input)
        scores = dict(zip(texts, answer, strict=True))
        return [f for s in segments for f in findings_of(self._heads, scores[s.text], s, self.info.id)]
