"""Findings → OpenAI's thirteen moderation categories and our own hazards (taxonomy.md 4). Pure: it reports, no more.

    moderate(findings, verdicts, policy, context, covered) -> Moderation

A category is true where a finding reaches the lowest step of `warn` or stronger of a rule that hears it, shadow rules
included; where no rule hears it, from `DEFAULT_THRESHOLD` on. A parent is never below its child.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import floor

from guardproxy.core.findings import Finding
from guardproxy.core.hazards import BY_ID
from guardproxy.core.judge import Context, Verdict, listens, sees
from guardproxy.core.rules import Action, Mode, Policy

KEYS = (
    "hate",
    "hate/threatening",
    "harassment",
    "harassment/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""OpenAI's, in the order of its SDK."""

OPENAI: dict[str, tuple[str, ...]] = {
    "violence.crime": ("illicit/violent", "violence"),
    "violence.threat": ("harassment/threatening",),
    "violence.graphic": ("violence", "violence/graphic"),
    "violence.animal": ("violence",),
    "weapons.conventional": ("illicit/violent",),
    "weapons.cbrne": ("illicit/violent",),
    "crime.property": ("illicit",),
    "crime.fraud": ("illicit",),
    "crime.drugs": ("illicit",),
    "crime.cyber": ("illicit",),
    "crime.exploitation": ("illicit",),
    "sexual.crime": ("sexual", "illicit"),
    "sexual.minors": ("sexual/minors",),
    "sexual.explicit": ("sexual",),
    "hate.speech": ("hate",),
    "hate.threat": ("hate/threatening",),
    "harassment.abuse": ("harassment",),
    "self_harm.intent": ("self-harm/intent",),
    "self_harm.instructions": ("self-harm/instructions",),
    "self_harm.promotion": ("self-harm",),
    # A detector that knows the family only.
    "violence": ("violence",),
    "weapons": ("illicit",),
    "crime": ("illicit",),
    "sexual": ("sexual",),
    "hate": ("hate",),
    "harassment": ("harassment",),
    "self_harm": ("self-harm",),
}
"""Hazard → keys: taxonomy.md 5.1, column OpenAI; hazards that are not here have a key of their own only."""

DEFAULT_THRESHOLD = 0.9
"""Where no rule speaks: about one in a hundred harmless chats reaches it (detectors/embedded.py)."""
STEPS = 4
"""Scores are shown in quarters: a prober gains little (wire.md 6.3)."""
_ORDER = {hazard: at for at, hazard in enumerate(BY_ID)}


@dataclass(frozen=True, slots=True)
class Category:
    """One key. `score` is exact, 0 … 1: what leaves is `shown`."""

    key: str
    flagged: bool
    score: float

    def shown(self, *, exact: bool) -> float:
        """As a client may see it; `exact` only for a key with the scope `scores`."""
        return self.score if exact else quarters(self.score)


@dataclass(frozen=True, slots=True)
class Moderation:
    """OpenAI's keys in their order, then our own; `not_covered`: the keys no detector looked for."""

    categories: tuple[Category, ...]
    own: tuple[Category, ...]
    not_covered: tuple[str, ...]

    @property
    def flagged(self) -> bool:
        """True when any key is, our own included."""
        return any(category.flagged for category in (*self.categories, *self.own))


def moderate(
    findings: Sequence[Finding],
    verdicts: Sequence[Verdict],
    policy: Policy,
    context: Context,
    covered: Collection[str],
) -> Moderation:
    """What the findings of one text mean. `covered`: the hazards that somebody looked for."""
    flagged = _flagged(findings, verdicts, policy, context)
    scores: dict[str, float] = {}
    heard = [(v.rule.counts_as or f.hazard, f.score) for v in verdicts for f in v.findings]
    for hazard, score in (*heard, *((f.hazard, f.score) for f in findings)):
        scores[hazard] = max(score, scores.get(hazard, 0.0))
    true_keys = {key for hazard in flagged for key in keys_of(hazard)}
    by_key: dict[str, float] = {}
    for hazard, score in scores.items():
        for key in keys_of(hazard):
            by_key[key] = max(score, by_key.get(key, 0.0))
    own = sorted({*covered, *scores, *flagged} - set(KEYS), key=lambda h: (_ORDER.get(h, len(_ORDER)), h))
    seen = {key for hazard in covered for key in keys_of(hazard)}
    return Moderation(
        tuple(Category(key, key in true_keys, by_key.get(key, 0.0)) for key in KEYS),
        tuple(Category(hazard, hazard in flagged, scores.get(hazard, 0.0)) for hazard in own),
        tuple(key for key in KEYS if key not in seen),
    )


def quarters(score: float) -> float:
    """The nearest quarter; rounding keeps the order of scores."""
    return floor(score * STEPS + 0.5) / STEPS


def keys_of(hazard: str) -> frozenset[str]:
    """OpenAI's keys of a hazard, parents included."""
    direct = OPENAI.get(hazard, ())
    return frozenset((*direct, *(key.partition("/")[0] for key in direct)))


def reached(verdicts: Sequence[Verdict]) -> list[Finding]:
    """The findings that reach a step of `warn` or stronger, under the hazard that the rule counts them as."""
    found: dict[Finding, None] = {}
    for verdict in verdicts:
        if verdict.action >= Action.WARN:
            least = min(step.threshold for step in verdict.rule.ladder.steps if step.action >= Action.WARN)
            counted = [replace(f, hazard=verdict.rule.counts_as or f.hazard) for f in verdict.findings]
            found |= dict.fromkeys(f for f in counted if f.score >= least)
    return list(found)


def _flagged(
    findings: Sequence[Finding], verdicts: Sequence[Verdict], policy: Policy, context: Context
) -> frozenset[str]:
    found = {finding.hazard for finding in reached(verdicts)}
    found |= {f.hazard for f in findings if f.score >= DEFAULT_THRESHOLD and _unheard(f, policy, context)}
    return frozenset(found)


def _unheard(finding: Finding, policy: Policy, context: Context) -> bool:
    """True when no rule waits for it. What a rule's own words found is that rule's business alone."""
    if finding.rule is not None:
        return False
    return not any(
        rule.mode is not Mode.DISABLED
        and finding.segment.stage in rule.checks
        and listens(rule, finding)
        and sees(rule, finding.segment, context)
        for rule in policy.rules
    )
