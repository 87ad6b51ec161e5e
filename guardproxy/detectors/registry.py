"""Which detectors this process has: the door for every caller that needs them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guardproxy.core.conversation import Segment
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.findings import Finding
from guardproxy.core.rules import Policy
from guardproxy.detectors import disguise, language, links, names, pii, secrets
from guardproxy.detectors.base import Detector, InstantDetector, MediaDetector
from guardproxy.detectors.bench import Bench, Toolbox
from guardproxy.detectors.embedded import LANGUAGES, EmbeddedDetector, embedded_info
from guardproxy.detectors.pool import ClassifierPool
from guardproxy.detectors.verdicts import VerdictCache

Look = Callable[[Sequence[Segment]], list[Finding]]


def toolbox(
    pool: ClassifierPool | None = None,
    *,
    with_names: bool = False,
    allowed_link_hosts: Sequence[str] = (),
    media: Sequence[MediaDetector] = (),
) -> Toolbox:
    """All detectors of the default install, made once.

    `pool` runs the embedded classifiers (None: they are left out); `with_names` adds the NER model's detectors.
    `media`: detectors for pictures, sounds and files; none is shipped.
    """
    embedded: tuple[Detector, ...] = (EmbeddedDetector(pool),) if pool is not None else ()
    instant: tuple[InstantDetector, ...] = (
        *pii.all_detectors(),
        *secrets.all_detectors(),
        *disguise.all_detectors(),
        *links.all_detectors(tuple(allowed_link_hosts)),
        language.UncoveredLanguage(LANGUAGES),
    )
    models = (*embedded, *(names.all_detectors() if with_names else ()))
    return Toolbox(instant=instant, models=models, media=tuple(media), cache=VerdictCache())


def installed() -> tuple[DetectorInfo, ...]:
    """What rules may name in the default install; nothing is loaded for it."""
    return (embedded_info(), *toolbox(with_names=True).infos)


def inspector(box: Toolbox | None = None) -> Callable[[Policy], Look]:
    """For policy tests: a policy's instant detectors as one plain function."""
    tools = box or toolbox()
    return lambda policy: Bench(policy, tools).look
