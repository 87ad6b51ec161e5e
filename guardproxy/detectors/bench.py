"""One policy's detectors: which ones it needs, on which texts, with which deadline.

The detector edge: whatever goes wrong inside a detector becomes a `Failure` here, never "no findings".
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain
from time import perf_counter

from guardproxy.core.commands import Channel
from guardproxy.core.conversation import Segment, Stage, Unscannable
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.core.holdback import Scanner
from guardproxy.core.lookers import Looker, messages_of, needs, text_lookers, windows_of
from guardproxy.core.rules import FailMode, Kind, Mode, Policy, Rule
from guardproxy.detectors.base import Detector, InstantDetector, MediaDetector, Medium
from guardproxy.detectors.language import is_covered
from guardproxy.detectors.spanscan import SpanScanner
from guardproxy.detectors.textrules import TextRules
from guardproxy.detectors.verdicts import VerdictCache

ON_THE_LOOP = 4096
"""Characters up to which instant detectors run on the event loop; longer texts go to a thread."""

TEXT_DETECTORS = {Kind.WORDS: "words", Kind.PATTERN: "pattern"}
Looking = Callable[[], Awaitable[list[Finding] | Failure]]
OVER_ENCODED = "disguise.over_encoded"
"""What the readings of the text rules report beside their matches."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What all detectors said of some segments. `seconds` holds (detector, wall seconds) pairs; `by` who looked."""

    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()
    by: tuple[Looker, ...] = ()


@dataclass(frozen=True, slots=True)
class Toolbox:
    """All detectors of the process, made once at start.

    `deadline` gives the seconds a model detector may take for that many characters.
    """

    instant: tuple[InstantDetector, ...] = ()
    models: tuple[Detector, ...] = ()
    media: tuple[MediaDetector, ...] = ()
    cache: VerdictCache | None = None
    deadline: Callable[[int], float] = lambda characters: 4.0 + characters / 1000

    @property
    def infos(self) -> tuple[DetectorInfo, ...]:
        """What is installed, for the policy linter."""
        return (*(d.info for d in self.instant), *(d.info for d in self.models), *(d.info for d in self.media))


@dataclass(frozen=True, slots=True)
class _Eye:
    """One part of the instant tier: whom it fails for, what it reads, and how it looks at one text."""

    names: tuple[str, ...]
    reads: Callable[[Segment], bool]
    look: Callable[[Segment], list[Finding]]

    def see(self, segments: Sequence[Segment]) -> list[Finding]:
        return [found for segment in segments if self.reads(segment) for found in self.look(segment)]


class Bench:
    """Runs what one policy needs."""

    def __init__(self, policy: Policy, toolbox: Toolbox) -> None:
        self._rules = tuple(r for r in policy.rules if r.mode is not Mode.DISABLED)
        self._toolbox = toolbox
        self._longest_match = policy.streaming.longest_match
        self._text = TextRules(self._rules)
        self._text_out = TextRules(tuple(r for r in self._rules if Stage.OUTPUT in r.checks))
        self._instant = tuple(d for d in toolbox.instant if self._wanted(d.info))
        self._eyes = (_text_eye(self._rules, self._text), *(_eye(d) for d in self._instant))
        self._instant_out = tuple(d for d in toolbox.instant if self._wanted(d.info, Stage.OUTPUT))
        self._models = tuple(d for d in toolbox.models if self._wanted(d.info))
        self._media = tuple(d for d in toolbox.media if self._wanted(d.info, Stage.INPUT))
        self.classifies = any(self._wanted(d.info, Stage.OUTPUT) for d in toolbox.models)
        self.lookers = self._lookers(policy)
        self._hash = policy.ref.hash
        self._of_tenants: dict[str, Bench] = {}
        self._covered: dict[str | None, bool] = {}
        self.verdicts = toolbox.cache.of("", self._hash) if toolbox.cache else None

    def of(self, tenant: str) -> Bench:
        """The same for one tenant: what another one has asked shows in nothing, not even in the time it takes."""
        mine = self._of_tenants.get(tenant)
        if mine is None:
            mine = self._of_tenants[tenant] = copy(self)
            mine.verdicts = self._toolbox.cache.of(tenant, self._hash) if self._toolbox.cache else None
        return mine

    def _lookers(self, policy: Policy) -> tuple[Looker, ...]:
        """Who looks under this policy: detectors, the words and patterns of rules, and how windows are cut."""
        output = {d.info.id for d in self._instant_out} | {d.info.id for d in self._models if self.classifies}
        infos = [*(d.info for d in self._instant), *(d.info for d in self._models), *(d.info for d in self._media)]
        found = [Looker(info.id, info.revision, output=info.id in output) for info in infos]
        windows = windows_of(policy) if self.classifies else ()
        return (*found, *text_lookers(policy), *windows, *messages_of(policy))

    def _wanted(self, info: DetectorInfo, stage: Stage | None = None) -> bool:
        stages = info.stages if stage is None else info.stages & {stage}
        return any(needs(rule, info) and rule.checks & stages for rule in self._rules)

    @property
    def detectors(self) -> tuple[str, ...]:
        """Ids of what runs under this policy."""
        return (*(d.info.id for d in self._instant), *(d.info.id for d in self._models))

    def look(self, segments: Sequence[Segment]) -> list[Finding]:
        """The instant tier, at once and in this thread: also what policy tests call."""
        return [found for eye in self._eyes for found in eye.see(segments)]

    async def inspect(
        self, segments: Sequence[Segment], early: Callable[[Inspection], None] | None = None
    ) -> Inspection:
        """All tiers. Instant detectors run on the loop up to `ON_THE_LOOP` characters, else in a thread.

        `early`: is told what they found while model detectors, if there are any, still look.
        """
        if not self._models:  # a task for each request is what gathering costs
            return await self._instantly(segments)
        models = [self._ask(detector, segments) for detector in self._models]
        instant, *rest = await asyncio.gather(self._instantly(segments, early), *models)
        return together([instant, *rest])

    @property
    def media(self) -> frozenset[str]:
        """The kinds of parts that some detector of this policy looks at."""
        return frozenset(kind for detector in self._media for kind in detector.info.media)

    def reads(self, part: Unscannable) -> bool:
        """True when a detector looks at such a part and an enforced rule listens; a shadow rule opens no door."""
        return any(
            part.kind in d.info.media
            and part.scope in d.info.scopes
            and any(
                needs(r, d.info) and r.enforced and Stage.INPUT in r.checks and part.scope in r.scopes
                for r in self._rules
            )
            for d in self._media
        )

    async def inspect_media(self, media: Sequence[Medium]) -> Inspection:
        """Pictures, sounds and files, each by the detectors for its kind."""
        return together(list(await asyncio.gather(*(self._ask_about(d, media) for d in self._media))))

    async def inspect_window(self, segment: Segment) -> Inspection:
        """The model tier on one output window; words, patterns and spans come from the scanners."""
        looked = await asyncio.gather(*(self._ask(d, [segment]) for d in self._models))
        return replace(together(list(looked)), by=self.lookers)

    def scanners(self, channel: Channel) -> tuple[Scanner, ...]:
        """Fresh scanners for one channel of an answer."""
        return self._scanners(channel, patient=False)

    def patient_scanners(self, channel: Channel) -> tuple[Scanner, ...]:
        """The same for an answer that leaves in one piece: they find the same, and let nothing go before they must."""
        return self._scanners(channel, patient=True)

    def _scanners(self, channel: Channel, *, patient: bool) -> tuple[Scanner, ...]:
        del channel  # every channel is read alike
        spans = SpanScanner(self._instant_out, self._longest_match) if self._instant_out else None
        text = self._text_out.scanner(self._longest_match, patient=patient)
        return (text, spans) if spans else (text,)

    def covers(self, language: str | None) -> bool:
        """False when an enforced hazard rule hears no detector made for this language."""
        if language not in self._covered:
            self._covered[language] = self._covers(language)
        return self._covered[language]

    def _covers(self, language: str | None) -> bool:
        return all(
            any(is_covered(language, i.languages) for i in self._toolbox.infos if not i.media and needs(rule, i))
            for rule in self._rules
            if rule.kind is Kind.HAZARD and rule.enforced and Stage.INPUT in rule.checks
        )

    def fatal(self, failure: Failure) -> bool:
        """True when an enforced rule that fails closed needed what failed. The input's own fault is always closed."""
        info = next((i for i in self._toolbox.infos if i.id == failure.detector), None)
        for rule in self._rules:
            concerned = needs(rule, info) if info else _named(rule) == failure.detector
            closed = rule.fails is FailMode.CLOSED or failure.caused_by_input
            if concerned and rule.enforced and closed and failure.stage in rule.checks:
                return True
        return False

    async def _instantly(
        self, segments: Sequence[Segment], early: Callable[[Inspection], None] | None = None
    ) -> Inspection:
        started = perf_counter()
        known = [self.verdicts.known(segment) if self.verdicts else None for segment in segments]
        new = [segment for segment, found in zip(segments, known, strict=True) if found is None]
        if sum(len(s.text) for s in new) <= ON_THE_LOOP:
            seen = self._seen(new)
        else:
            seen = await asyncio.to_thread(self._seen, new)
        if self.verdicts is not None and not seen.failures:
            self.verdicts.learn(new, seen.findings)
        findings = seen.findings
        if len(new) < len(segments):
            findings = self._in_order(segments, [*chain(*filter(None, known)), *findings])
        if early is not None:
            early(Inspection(findings, seen.failures))
        return Inspection(findings, seen.failures, (("instant", perf_counter() - started),), self.lookers)

    def _in_order(self, segments: Sequence[Segment], findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """As if all had been looked at now: eye by eye, segment by segment."""
        eyes = {name: at for at, eye in enumerate(self._eyes) for name in eye.names}
        places = {id(segment): at for at, segment in enumerate(segments)}
        return tuple(sorted(findings, key=lambda f: (eyes.get(f.detector, 0), places.get(id(f.segment), 0))))

    def _seen(self, segments: Sequence[Segment]) -> Inspection:
        """Each eye for itself: one that breaks on a text fails for its own rules and takes no other along."""
        found: list[Finding] = []
        failures: list[Failure] = []
        stage = segments[0].stage if segments else Stage.INPUT
        for eye in self._eyes:
            try:
                found += eye.see(segments)
            except Exception:  # noqa: BLE001 - the detector edge; plain code on a text, so the text caused it
                failures += [Failure(n, FailureKind.EXCEPTION, stage, caused_by_input=True) for n in eye.names]
        return Inspection(tuple(found), tuple(failures))

    async def _ask_about(self, detector: MediaDetector, media: Sequence[Medium]) -> Inspection:
        info = detector.info
        shown = [m for m in media if m.kind in info.media and m.segment.scope in info.scopes]
        if not shown:
            return Inspection()
        started = perf_counter()
        result = await _within(self._toolbox.deadline(0), info, Stage.INPUT, lambda: detector.inspect_media(shown))
        seconds = ((info.id, perf_counter() - started),)
        if isinstance(result, Failure):
            return Inspection((), (result,), seconds)
        return Inspection(tuple(replace(finding, span=None) for finding in result), seconds=seconds)

    async def _ask(self, detector: Detector, segments: Sequence[Segment]) -> Inspection:
        info = detector.info
        shown = [s for s in segments if s.text and not s.given and _reads(info, s) and not _glued(s)]
        if not shown:
            return Inspection()
        cached, open_segments = self.verdicts.recall(info, shown) if self.verdicts else ([], shown)
        if not open_segments:
            return Inspection(tuple(cached))
        started = perf_counter()
        result = await self._asked(detector, open_segments)
        seconds = ((info.id, perf_counter() - started),)
        if isinstance(result, Failure):
            return Inspection(tuple(cached), (result,), seconds)
        if self.verdicts:
            self.verdicts.keep(info, open_segments, result)
        return Inspection((*cached, *result), seconds=seconds)

    async def _asked(self, detector: Detector, segments: Sequence[Segment]) -> list[Finding] | Failure:
        seconds = self._toolbox.deadline(sum(len(s.text) for s in segments))
        return await _within(seconds, detector.info, segments[0].stage, lambda: detector.inspect(segments))


async def _within(seconds: float, info: DetectorInfo, stage: Stage, looking: Looking) -> list[Finding] | Failure:
    """The detector edge, for any kind of look."""
    try:
        async with asyncio.timeout(seconds):
            result = await looking()
    except TimeoutError:
        return Failure(info.id, FailureKind.TIMEOUT, stage)
    except Exception:  # noqa: BLE001 - the detector edge
        return Failure(info.id, FailureKind.EXCEPTION, stage)
    if isinstance(result, Failure) or _are_findings(result, info):
        return result
    return Failure(info.id, FailureKind.INVALID_RESULT, stage)


def _named(rule: Rule) -> str:
    """The detector a rule names itself; "" for hazards."""
    return rule.target if rule.kind is Kind.DETECTOR else TEXT_DETECTORS.get(rule.kind, "")


def _text_eye(rules: Sequence[Rule], text: TextRules) -> _Eye:
    kinds = {rule.kind for rule in rules}
    names = tuple(name for kind, name in TEXT_DETECTORS.items() if kind in kinds)
    return _Eye((*names, OVER_ENCODED), lambda segment: not segment.identifier, text.look)


def _eye(detector: InstantDetector) -> _Eye:
    return _Eye((detector.info.id,), lambda segment: _reads(detector.info, segment), detector.look)


def _reads(info: DetectorInfo, segment: Segment) -> bool:
    if segment.identifier and not info.personal_data:
        return False
    return segment.stage in info.stages and segment.scope in info.scopes


def _glued(segment: Segment) -> bool:
    """A join without a space makes words nobody wrote: only letter-exact detectors read it."""
    return segment.joined and segment.pieces[1].start == segment.pieces[0].end


def _are_findings(result: object, info: DetectorInfo) -> bool:
    """What a detector gave may be anything: third parties write them, and models."""
    return isinstance(result, list) and all(_is_valid(finding, info) for finding in result)


def _is_valid(finding: object, info: DetectorInfo) -> bool:
    if not isinstance(finding, Finding) or finding.hazard not in info.hazards:
        return False
    score: object = finding.score
    return isinstance(score, int | float) and math.isfinite(score) and 0 <= score <= 1


def together(parts: Sequence[Inspection]) -> Inspection:
    """One of several."""
    return Inspection(
        tuple(f for p in parts for f in p.findings),
        tuple(f for p in parts for f in p.failures),
        tuple(s for p in parts for s in p.seconds),
        next((p.by for p in parts if p.by), ()),
    )
