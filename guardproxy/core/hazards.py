"""The closed tree of harms: ids, parents, definitions, classes, severities.

Data from `taxonomy.md` section 2; a test compares the two. Adding a leaf: its row here, label keys in
every message locale, a base rule, policy tests. Renaming one: never.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from guardproxy.core.conversation import Stage


class Class(StrEnum):
    """What the shipped policies do with a leaf."""

    HARD = "hard"
    DUAL_USE = "dual_use"
    CARE = "care"
    CONDUCT = "conduct"
    ATTACK = "attack"
    OFF = "off"
    REFUSE = "refuse"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One leaf (or single id). `severity` 0 … 3 is used when the detector gives none."""

    id: str
    definition: str
    klass: Class
    severity: int
    offers_alternative: bool = True

    @property
    def family(self) -> str:
        """The top-level name."""
        return self.id.partition(".")[0]


LEAVES: tuple[Hazard, ...] = (
    Hazard(
        "violence.crime",
        "Planning, ordering, aiding, recruiting for or praising violence against people, terrorism included.",
        Class.HARD,
        3,
    ),
    Hazard(
        "violence.threat",
        "Announcing harm to a particular person or group so that it reads as a threat.",
        Class.HARD,
        3,
    ),
    Hazard(
        "violence.graphic",
        "Gore described for its own sake, beyond what news, medicine or a story needs.",
        Class.OFF,
        1,
    ),
    Hazard("violence.animal", "Cruelty to animals planned, taught or enjoyed.", Class.HARD, 2),
    Hazard(
        "weapons.conventional",
        "Making, altering or illegally getting firearms, ammunition or ordinary explosives.",
        Class.DUAL_USE,
        3,
    ),
    Hazard(
        "weapons.cbrne",
        "Help towards chemical, biological, radiological, nuclear or high-yield explosive weapons.",
        Class.HARD,
        3,
        offers_alternative=False,
    ),
    Hazard(
        "crime.property",
        "Stealing, breaking in, evading fares or tolls, trespass, damage to things.",
        Class.DUAL_USE,
        1,
    ),
    Hazard(
        "crime.fraud",
        "Deceiving people or institutions for gain: scams, forged papers, laundering, fake reviews.",
        Class.DUAL_USE,
        2,
    ),
    Hazard(
        "crime.drugs",
        "Making, buying or selling controlled substances; evading tests for them.",
        Class.DUAL_USE,
        2,
    ),
    Hazard(
        "crime.cyber",
        "Getting into systems or accounts without permission, malware, denial of service.",
        Class.DUAL_USE,
        2,
    ),
    Hazard(
        "crime.exploitation",
        "Trafficking, forced labour, smuggling of people, coercive control for profit.",
        Class.HARD,
        3,
    ),
    Hazard(
        "sexual.crime",
        "Sexual acts without consent: assault, coercion, covert images, facilitation of them.",
        Class.HARD,
        3,
    ),
    Hazard(
        "sexual.minors",
        "Any sexual content about, with or aimed at a person under 18, or help to reach one.",
        Class.HARD,
        3,
        offers_alternative=False,
    ),
    Hazard("sexual.explicit", "Sexual description meant to arouse, between adults.", Class.CONDUCT, 1),
    Hazard("hate.speech", "Contempt, dehumanising or exclusion of people for a protected trait.", Class.CONDUCT, 2),
    Hazard("hate.threat", "The same together with a wish or call for violence.", Class.HARD, 3),
    Hazard("hate.bias", "A stereotype or unfair difference in treatment presented as fact or advice.", Class.OFF, 1),
    Hazard(
        "harassment.abuse",
        "Insult, bullying or humiliation aimed at a person, the user included.",
        Class.CONDUCT,
        1,
    ),
    Hazard("harassment.profanity", "Coarse language without a target.", Class.OFF, 0),
    Hazard("self_harm.intent", "The writer says, or hints, that they may hurt or kill themselves.", Class.CARE, 3),
    Hazard("self_harm.instructions", "Ways to hurt oneself, hide it, or starve.", Class.HARD, 3),
    Hazard(
        "self_harm.promotion",
        "Praise, dares or romance of self-harm, suicide or disordered eating.",
        Class.HARD,
        3,
    ),
    Hazard(
        "vulnerable.user",
        "Signs that the person leans on the assistant in a way that can hurt: delusion fed, isolation, dependence.",
        Class.CARE,
        2,
    ),
    Hazard(
        "privacy.pii",
        "Personal data of a real person present in the text (numbers, addresses, identifiers).",
        Class.CONDUCT,
        1,
    ),
    Hazard("privacy.intrusion", "Finding, tracking, unmasking or profiling a private person.", Class.DUAL_USE, 2),
    Hazard("security.secrets", "Keys, tokens, passwords, connection strings in the text.", Class.CONDUCT, 2),
    Hazard("security.prompt_leak", "The operator's hidden instructions given out, or asked for.", Class.CONDUCT, 1),
    Hazard(
        "ip.copyright",
        "Long stretches of protected text reproduced, or help to strip protection.",
        Class.CONDUCT,
        1,
    ),
    Hazard("defamation", "A false, damaging statement of fact about a real, named person or body.", Class.CONDUCT, 2),
    Hazard("misinfo.elections", "False statements about when, where, how or whether one can vote.", Class.CONDUCT, 2),
    Hazard(
        "misinfo.general",
        "Invented or refuted claims on health, science or events, written to be believed; manipulation campaigns.",
        Class.OFF,
        1,
    ),
    Hazard("advice.medical", "Personal diagnosis, dose or treatment advice.", Class.CARE, 1),
    Hazard("advice.legal", "Advice on a concrete case of law.", Class.CARE, 1),
    Hazard("advice.financial", "A recommendation to buy, sell, borrow or insure for this person.", Class.CARE, 1),
    Hazard(
        "advice.high_stakes",
        "A decision about a person's rights, job, benefits, credit or liberty left to the model.",
        Class.CARE,
        2,
    ),
    Hazard(
        "unethical.other",
        "Conduct most people would call wrong that is named nowhere else (cheating, cruelty in private life).",
        Class.OFF,
        1,
    ),
    Hazard("unspecified", "A detector says harmful and cannot say how.", Class.POLICY, 2),
    Hazard("attack.jailbreak", "The caller tries to talk the model or this service out of its rules.", Class.ATTACK, 2),
    Hazard("attack.injection", "Instructions hidden in data: documents, tool results, web pages.", Class.ATTACK, 2),
    Hazard(
        "attack.code_exec",
        "Use of a code tool to leave its sandbox, read secrets or exhaust the host.",
        Class.ATTACK,
        2,
    ),
    Hazard("quality.ungrounded", "A claim the given sources do not support.", Class.OFF, 0),
    Hazard("quality.evasive", "An answer that avoids a harmless question.", Class.OFF, 0),
    Hazard("unscannable.media", "A part no configured detector can read (picture, sound, file).", Class.REFUSE, 0),
    Hazard("unscannable.over_encoded", "Text nested deeper than the decoder's bound.", Class.REFUSE, 1),
    Hazard("unscannable.language", "Text in a language no configured classifier covers.", Class.REFUSE, 0),
    Hazard("unscannable.too_long", "Text beyond the policy's limit.", Class.REFUSE, 0),
)

BY_ID = {h.id: h for h in LEAVES}
FAMILIES = tuple(dict.fromkeys(h.family for h in LEAVES))
TOP_LEVEL = (*FAMILIES, "custom")
INPUT_ONLY = frozenset({"attack.jailbreak", "attack.injection"})
OUTPUT_ONLY_FAMILIES = frozenset({"quality"})
UNSELECTABLE_FAMILIES = frozenset({"unscannable", "custom"})
CRISIS = "self_harm.intent"


def exists(hazard: str) -> bool:
    """True for a leaf, a single id or a family."""
    return hazard in BY_ID or hazard in FAMILIES


def selectable(hazard: str) -> bool:
    """True for ids that a rule may name under `hazard:`."""
    return exists(hazard) and family_of(hazard) not in UNSELECTABLE_FAMILIES


def family_of(hazard: str) -> str:
    """The top-level name of any id, `custom` included: the metric label."""
    return hazard.partition(".")[0]


def leaves_of(hazard: str) -> tuple[str, ...]:
    """The id itself if it is a leaf, all leaves if it is a family, () if unknown."""
    if hazard in BY_ID:
        return (hazard,)
    return tuple(h.id for h in LEAVES if h.family == hazard)


def covers(selected: str, found: str) -> bool:
    """Does a rule on `selected` hear a finding of `found`? A family hears its leaves, never the reverse."""
    return found == selected or found.startswith(selected + ".")


def severity_of(hazard: str) -> int:
    """0 … 3. A family counts as its gravest leaf; `custom` and its names are 1."""
    if family_of(hazard) == "custom":
        return 1
    known = [BY_ID[leaf].severity for leaf in leaves_of(hazard)]
    return max(known, default=0)


def stages_of(hazard: str) -> frozenset[Stage]:
    """Where a hazard can occur. A family occurs where any of its leaves does."""
    found: set[Stage] = set()
    for leaf in leaves_of(hazard):
        if leaf in INPUT_ONLY:
            found.add(Stage.INPUT)
        elif family_of(leaf) in OUTPUT_ONLY_FAMILIES:
            found.add(Stage.OUTPUT)
        else:
            found.update(Stage)
    return frozenset(found)


def is_crisis(hazard: str, stage: Stage) -> bool:
    """A person at risk: `self_harm.intent`, or a coarse `self_harm`, on input. Never sent away."""
    return stage is Stage.INPUT and hazard in (CRISIS, "self_harm")
