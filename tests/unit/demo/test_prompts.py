"""The prepared prompts are the set that the demo promises."""

from collections import Counter

from guardproxy.demo.behaviours import NAMES
from guardproxy.demo.prompts import PROMPTS


def test_the_kinds():
    wanted = {"harmless": 4, "trap": 2, "declined": 4, "notice": 1, "crisis": 1, "redacted": 1, "cut": 1}
    assert Counter(p.kind for p in PROMPTS) == wanted


def test_ids_are_unique_and_models_exist():
    assert len({p.id for p in PROMPTS}) == len(PROMPTS)
    assert {p.model for p in PROMPTS} <= set(NAMES)


def test_one_declined_prompt_is_german():
    assert [p.kind for p in PROMPTS if p.language == "de"] == ["declined"]
