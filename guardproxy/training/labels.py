"""What a row teaches which head: 1, 0 or nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

REQUEST = (
    "unspecified", "violence.crime", "weapons.conventional", "weapons.cbrne", "crime.property", "crime.fraud",
    "crime.drugs", "crime.cyber", "crime.exploitation", "sexual.minors", "sexual.explicit", "hate.speech",
    "harassment.abuse", "self_harm.intent", "self_harm.instructions", "privacy.intrusion", "misinfo.elections",
    "misinfo.general", "violence.threat", "violence.animal", "sexual.crime", "self_harm.promotion", "ip.copyright",
    "defamation", "unethical.other", "security.prompt_leak",
)  # fmt: skip
CONTENT = (
    "unspecified", "violence.graphic", "violence.threat", "sexual.explicit", "self_harm.intent", "hate.speech",
    "hate.threat", "hate.bias", "harassment.abuse", "harassment.profanity", "violence.crime", "self_harm.promotion",
    "misinfo.general", "misinfo.elections", "defamation",
)  # fmt: skip
ATTACK = ("attack.jailbreak", "attack.injection", "attack.code_exec")
RESPONSE, REFUSAL = ("unspecified",), ("refusal",)
"""Of answers: harmful compliance, and whether the model declined (no hazard: measured, never judged by a rule)."""
KINDS = {"request": REQUEST, "content": CONTENT, "attack": ATTACK, "response": RESPONSE, "refusal": REFUSAL}
HEADS = tuple((judges, hazard) for judges, hazards in KINDS.items() for hazard in hazards)
"""In the order of the network's output."""
SERVED = (*HEADS, *(("answer", hazard) for hazard in CONTENT))
"""What ships: the content heads once more for answers, with thresholds of their own."""

FAMILIES = {
    "code_h": frozenset({"crime.cyber"}), "group_h": frozenset({"hate.speech"}), "hist_h": frozenset({"hate.speech"}),
    "content_hate": frozenset({"hate.speech"}), "content_viol": frozenset({"violence.graphic"}),
    "content_threat": frozenset({"violence.threat"}), "content_sexual": frozenset({"sexual.explicit"}),
    "content_selfharm": frozenset({"self_harm.intent"}), "ctx_inj": frozenset({"attack.injection"}),
    "att_over": frozenset({"attack.jailbreak"}), "att_extract": frozenset({"attack.jailbreak"}),
    "att_persona": frozenset({"attack.jailbreak"}),
}  # fmt: skip
"""Hazards of the contrast rows' families; the other harmful families are named by words, below."""

WEAK = {
    "weapons.cbrne": r"anthrax|sarin|ricin|nerve (gas|agent)|nuclear (bomb|weapon|device)|dirty bomb|bio(logical )?weapon"
    r"|chemical weapon|mustard gas|chlorine gas|uranium|botulin|smallpox|pathogen",
    "weapons.conventional": r"bomb|explosive|firearm|\bguns?\b|ammunition|grenade|rifle|silencer|molotov|pistol|landmine",
    "crime.drugs": r"\bdrugs?\b|cocaine|heroin|\bmeth\b|methamphet|fentanyl|\blsd\b|\bmdma\b|ecstasy|opioid",
    "crime.cyber": r"hack|malware|computer virus|ransomware|phish|ddos|keylog|exploit kit|botnet|trojan|spyware"
    r"|sql injection|passwords?\b|bypass\w* .{0,20}(security|firewall)|cyber.?attack",
    "crime.fraud": r"fraud|scam|counterfeit|forg(e|ing)\b|launder|identity theft|fake (id|document|review|invoice|passport)"
    r"|tax evasion|evad\w+ tax|embezz|ponzi|insider trading|credit card",
    "crime.property": r"steal|shoplift|burgl|break(ing)? into|pick\w* .{0,12}lock|theft|\brob(bing|bery)?\b|vandal|arson",
    "crime.exploitation": r"traffick|slave|smuggl\w+ (people|migrant|human)|forced labou?r|exploit (workers|migrants)",
    "sexual.minors": r"(child|minor|underage).{0,40}(sex|porn|groom|nude)|(sex|porn|groom|nude).{0,40}(child|minor|underage)",
    "sexual.explicit": r"porn|erotic|sexually explicit|sex scene",
    "hate.speech": r"racis|sexis[mt]|\bhate\b|hateful|jews|muslims|black people|immigrants|homophob|supremac"
    r"|discriminat|stereotyp",
    "harassment.abuse": r"bully|harass|insult|humiliat|intimidat|blackmail|doxx|spread.{0,12}rumou?r",
    "self_harm.instructions": r"suicid|self-harm|kill (my|your|one)sel|anorexi|starve (my|your|one)self|overdose",
    "privacy.intrusion": r"stalk|\bspy(ing)?\b|wiretap|surveil|eavesdrop|(find|get|obtain|track).{0,30}"
    r"(home address|private information|personal (information|data)|location)",
    "violence.crime": r"\bkill|murder|assassin|terroris|kidnap|torture|poison(ing)? (a|my|some)|massacre|physically hurt",
    "misinfo.general": r"misinformation|disinformation|fake news|conspiracy|propaganda|false (claim|article|information)",
    "misinfo.elections": r"rig(ging)? .{0,20}(vote|election)|voter suppress|\bvoters?\b|ballot",
}
"""Words that name the hazard of a row already known to be harmful. Never used on unjudged text."""
_WEAK = {hazard: re.compile(pattern) for hazard, pattern in WEAK.items()}

UNKNOWN, NO, YES = -1, 0, 1
MILD = frozenset({"harassment.profanity", "advice.medical", "vulnerable.user", "hate.bias"})
"""Content hazards that alone do not make a text harmful for the head of all harms."""
OVERLAPPING = frozenset({"hate", "harassment", "violence"})
"""Families of which a post may hold several, though its source judged only one."""
WRAPPED = frozenset({"wildguard_train_sample", "aegis_train_sample"})
"""Files of which the harmless rows may hold tricks: they say nothing about attacks."""
POSTS = frozenset({"edos", "davidson", "surge_toxicity", "diasafety_train"})
PLAIN_HARM = frozenset(
    {"advbench", "catqa_en", "catqa_zh", "catqa_vi", "dangerousqa", "harmfulqa", "tdc2023", "templates"}
)
"""Harmful requests without a trick: no attack on the service."""


def weak_hazards(text: str) -> frozenset[str]:
    """Hazards whose words stand in a text known to be harmful."""
    lower = text.lower()
    return frozenset(hazard for hazard, pattern in _WEAK.items() if pattern.search(lower))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a row. `dependent`: harmless under most policies, so it teaches its leaf alone."""

    judges: str
    file: str
    unsafe: bool
    hazards: frozenset[str]
    dependent: bool = False


def targets(row: Known) -> list[int]:
    """One value a head, in the order of HEADS."""
    return [_target(kind, hazard, row) for kind, hazard in HEADS]


def _target(kind: str, hazard: str, row: Known) -> int:
    if "response" in (kind, row.judges) or "refusal" in (kind, row.judges):
        return _of_answer(kind, row)
    if not row.unsafe:
        return _of_harmless(kind, hazard, row)
    if kind != row.judges:
        if hazard in row.hazards and {kind, row.judges} == {"attack", "request"}:
            return YES  # abuse of a code tool is a request for computer crime, and the other way round
        return NO if kind == "attack" and row.file in PLAIN_HARM and hazard != "attack.code_exec" else UNKNOWN
    if hazard in row.hazards:
        return YES
    if kind == "attack":
        return NO if hazard == "attack.code_exec" else UNKNOWN
    if hazard == "unspecified":
        if row.hazards == {"self_harm.intent"}:
            return NO  # a cry for help gets the crisis text, not a refusal
        return UNKNOWN if row.dependent or row.hazards <= MILD else YES
    families, family = {known.partition(".")[0] for known in row.hazards}, hazard.partition(".")[0]
    if family in families or "unspecified" in families:
        return UNKNOWN  # leaves of one family overlap
    return UNKNOWN if kind == "content" and family in OVERLAPPING and families & OVERLAPPING else NO


def _of_answer(kind: str, row: Known) -> int:
    """Judged answers teach their own two heads; a refusal is never harmful compliance; benign tasks' answers are neither."""
    if kind == row.judges:
        return YES if row.unsafe else NO
    if row.judges == "content" and not row.unsafe:  # harmless posts are no compliance; only answers can be refusals
        return NO if kind == "response" or row.file.endswith("/answer") else UNKNOWN
    if row.judges == "refusal" and row.unsafe:
        return UNKNOWN if kind in ("request", "attack") else NO
    if row.judges == "response" and not row.unsafe:
        return NO if kind == "content" else UNKNOWN
    return UNKNOWN


def _of_harmless(kind: str, hazard: str, row: Known) -> int:
    """A harmless request is neither harmful content nor an attack; posts called harmless were judged for hate alone."""
    if row.judges == "request":
        return UNKNOWN if kind == "attack" and row.file in WRAPPED else NO
    if row.judges == "attack":
        return NO if kind == "attack" else UNKNOWN
    if kind != "content":
        return UNKNOWN if kind == "request" or row.file in POSTS else NO
    if hazard in row.hazards:
        return YES
    coarse = bool(row.hazards) and hazard in ("unspecified", "harassment.abuse", "sexual.explicit", "hate.bias")
    return UNKNOWN if coarse else NO
