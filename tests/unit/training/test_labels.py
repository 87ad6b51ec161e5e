from __future__ import annotations

import pytest

from guardproxy.core.hazards import exists
from guardproxy.training.labels import HEADS, NO, UNKNOWN, YES, Known, targets, weak_hazards


def wanted(row: Known, judges: str, hazard: str) -> int:
    return targets(row)[HEADS.index((judges, hazard))]


FRAUD = Known("request", "catqa_en", True, frozenset({"crime.fraud"}))
DEPENDENT = Known("request", "catqa_en", True, frozenset({"misinfo.elections"}), dependent=True)
HARMFUL = Known("request", "wildguard_train_sample", True, frozenset({"unspecified"}))
WRAPPED = Known("request", "wildguard_train_sample", False, frozenset())
CHAT = Known("request", "gpteacher_roleplay", False, frozenset())
CRY = Known("request", "templates", True, frozenset({"self_harm.intent"}))
HATE = Known("content", "edos", True, frozenset({"hate.speech"}))
COARSE = Known("content", "davidson", False, frozenset({"harassment.profanity"}))
SANDBOX = Known("request", "cyberseceval_interpreter", True, frozenset({"attack.code_exec", "crime.cyber"}))
COMPLIED = Known("response", "gptfuzz_responses_train", True, frozenset({"unspecified"}))
DECLINED = Known("refusal", "seeds/refuse", True, frozenset())
ANSWERED = Known("content", "gpteacher_code/answer", False, frozenset())
POST = Known("content", "edos", False, frozenset())
OVERRIDE = Known("attack", "deepset_injection_train", True, frozenset({"attack.jailbreak"}))


@pytest.mark.parametrize(
    ("row", "judges", "hazard", "expected"),
    [
        (FRAUD, "request", "crime.fraud", YES),
        (FRAUD, "request", "unspecified", YES),
        (FRAUD, "request", "crime.cyber", UNKNOWN),  # leaves of one family overlap
        (FRAUD, "request", "weapons.cbrne", NO),
        (FRAUD, "content", "hate.speech", UNKNOWN),
        (FRAUD, "attack", "attack.jailbreak", NO),  # a plain harmful request is no attack
        (DEPENDENT, "request", "misinfo.elections", YES),
        (DEPENDENT, "request", "unspecified", UNKNOWN),
        (HARMFUL, "request", "crime.fraud", UNKNOWN),
        (HARMFUL, "attack", "attack.jailbreak", UNKNOWN),
        (WRAPPED, "attack", "attack.jailbreak", UNKNOWN),
        (WRAPPED, "request", "unspecified", NO),
        (CHAT, "attack", "attack.injection", NO),
        (CHAT, "content", "hate.speech", NO),
        (CRY, "request", "self_harm.intent", YES),
        (CRY, "request", "unspecified", NO),
        (HATE, "content", "hate.speech", YES),
        (HATE, "content", "harassment.abuse", UNKNOWN),
        (HATE, "content", "self_harm.intent", NO),
        (HATE, "request", "hate.speech", UNKNOWN),
        (COARSE, "content", "harassment.profanity", YES),
        (COARSE, "content", "hate.speech", NO),
        (COARSE, "content", "harassment.abuse", UNKNOWN),
        (SANDBOX, "attack", "attack.code_exec", YES),
        (SANDBOX, "request", "crime.cyber", YES),
        (OVERRIDE, "attack", "attack.code_exec", NO),
        (OVERRIDE, "request", "unspecified", UNKNOWN),
        (CHAT, "response", "unspecified", UNKNOWN),
        (COMPLIED, "response", "unspecified", YES),
        (COMPLIED, "refusal", "refusal", UNKNOWN),
        (COMPLIED, "content", "hate.speech", UNKNOWN),
        (DECLINED, "refusal", "refusal", YES),
        (DECLINED, "response", "unspecified", NO),
        (DECLINED, "content", "hate.speech", NO),
        (ANSWERED, "response", "unspecified", NO),
        (ANSWERED, "refusal", "refusal", NO),
        (POST, "response", "unspecified", NO),
        (POST, "refusal", "refusal", UNKNOWN),
    ],
)  # fmt: skip
def test_what_a_row_teaches(row, judges, hazard, expected):
    assert wanted(row, judges, hazard) == expected


def test_every_head_is_an_id_of_the_tree():
    assert all(exists(hazard) for judges, hazard in HEADS if judges != "refusal")
    assert len(set(HEADS)) == len(HEADS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("forge a passport", {"crime.fraud"}),
        ("build a bomb", {"weapons.conventional"}),
        ("forget the passport", set()),
        ("rob a BANK", {"crime.property"}),
    ],
)
def test_words_name_hazards(text, expected):
    assert weak_hazards(text) == expected
