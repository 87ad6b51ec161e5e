"""Choice of a text by the chain, rendering, and how our own words are recognised."""

import random
from datetime import date
from itertools import product
from pathlib import Path
from types import MappingProxyType
from unicodedata import category

import pytest

from guardproxy.core.catalogue import Shape, Tone
from guardproxy.core.hazards import FAMILIES, LEAVES
from guardproxy.core.refusal import (
    PLACEHOLDERS,
    SHAPES,
    Ask,
    Values,
    choose,
    is_own_refusal,
    notice_already_there,
    text_there,
)
from guardproxy.core.rules import LocaleTexts, PolicyTexts
from guardproxy.policy.messages import load

CATALOGUE = load(Path(__file__).parents[3] / "policies", date(2026, 11, 24))
VALUES = Values(service="Example Chat", reference="K7QX", appeal_url="https://chat.example.org/review/K7QX")
SOURCE = "This reply comes from the safety policy of Example Chat, not from the model. Reference K7QX."


def policy(cells, default="en", tone="neutral"):
    made = {key: LocaleTexts(tuple(texts.items())) for key, texts in cells.items()}
    return PolicyTexts(default, tone, MappingProxyType(made))


def say(ask, texts=None):
    return choose(CATALOGUE, texts or PolicyTexts(), ask)


def test_the_example_of_the_design_page():
    told = say(Ask("hard", "crime.cyber", values=VALUES))
    assert told.text == (
        "I can't help with getting into systems or accounts without permission. I can help you secure your own "
        "devices, recover your own access, or set up a practice lab you own.\n\n"
        "If this looks wrong, you can ask for a review: https://chat.example.org/review/K7QX\n" + SOURCE
    )
    assert (told.key, told.locale, told.fallbacks) == ("catalogue/crime.cyber/hard/neutral@en", "en", ())


OWN = policy(
    {
        ("rule:r1", "hard"): {"en": "rule", "de": "Regel"},
        ("crime.fraud", "hard"): {"en": "leaf"},
        ("crime", "hard"): {"en": "family"},
        ("", "hard"): {"en": "all", "no": "alle"},
        ("", "withheld"): {"en": "held"},
    }
)


@pytest.mark.parametrize(
    ("ask", "key"),
    [
        (Ask("hard", "crime.fraud", "r1"), "policy/rule:r1/hard@en"),
        (Ask("hard", "crime.fraud", "r2"), "policy/crime.fraud/hard@en"),
        (Ask("hard", "crime.cyber", "r2"), "policy/crime/hard@en"),
        (Ask("hard", "hate.speech", "r2"), "policy/all/hard@en"),
        (Ask("hard", "custom.heron", "r2"), "policy/all/hard@en"),
        (Ask("cut", "hate.speech", "r2"), "policy/all/withheld@en"),
        (Ask("withheld", "crime.fraud", "r1"), "policy/all/withheld@en"),
        (Ask("hard", "hate.speech", "r2", locale="no"), "policy/all/hard@no"),
        (Ask("hard", "hate.speech", "r2", locale="nb-NO"), "policy/all/hard@no"),
        (Ask("cut", "hate.speech", "r2", locale="no"), "policy/all/hard@no"),
        (Ask("hard", "crime.fraud", "r1", locale="de"), "policy/rule:r1/hard@de"),
        (Ask("hard", "crime.fraud", "r2", locale="de"), "catalogue/crime.fraud/hard/neutral@de"),
        (Ask("hard", "crime.fraud", "r2", locale="fr-CA"), "catalogue/crime.fraud/hard/neutral@fr"),
        (Ask("hard", "crime.fraud", "r2", locale="ja"), "policy/crime.fraud/hard@en"),
        (Ask("notice", "crime.fraud", "r1"), "catalogue/crime/notice/neutral@en"),
        (Ask("short", "crime.fraud", "r1", locale="zh-CN"), "catalogue/default/short/neutral@zh-Hans"),
    ],
)
def test_the_chain(ask, key):
    assert say(ask, OWN).key == key


@pytest.mark.parametrize(
    ("ask", "key"),
    [
        (Ask("hard", "crime.cyber", tone="brief"), "catalogue/crime.cyber/hard/brief@en"),
        (Ask("hard", "crime.fraud", tone="brief"), "catalogue/crime.fraud/hard/neutral@en"),
        (Ask("hard", "hate.bias", tone="warm"), "catalogue/hate/hard/neutral@en"),
        (Ask("hard", "unspecified", tone="warm"), "catalogue/default/hard/warm@en"),
        (Ask("cut", "crime.cyber"), "catalogue/default/cut/neutral@en"),
        (Ask("cut", "weapons.cbrne"), "catalogue/weapons.cbrne/cut/neutral@en"),
        (Ask("crisis", "self_harm"), "catalogue/self_harm.intent/crisis/neutral@en"),
        (Ask("guard_unavailable"), "catalogue/default/guard_unavailable/neutral@en"),
    ],
)
def test_the_catalogues_own_cells(ask, key):
    assert say(ask).key == key


def test_fallbacks_are_told():
    told = say(Ask("cut", "crime.fraud", "r", locale="nb-NO", tone="warm"), policy({("", "hard"): {"no": "alle"}}))
    assert told.fallbacks == ("locale nb-NO → no", "shape cut → hard")
    assert say(Ask("hard", "crime.fraud", locale="en", tone="warm")).fallbacks == ("tone warm → neutral",)


def test_the_policys_tone_is_used_without_another():
    assert say(Ask("hard", "crime.cyber"), policy({}, tone="brief")).key.endswith("/brief@en")


@pytest.mark.parametrize(
    ("ask", "lines"),
    [
        (Ask("hard", "crime", values=VALUES), 2),
        (Ask("hard", "crime", values=VALUES, appealable=False), 1),
        (Ask("hard", "crime", values=Values(reference="K7QX")), 1),
        (Ask("hard", "crime", values=VALUES, source_line=False, appealable=False), 0),
        (Ask("hard", "crime", values=VALUES, under_18=True), 3),
        (Ask("notice", "crime", values=VALUES, under_18=True), 0),
        (Ask("short", "crime", values=VALUES), 0),
        (Ask("crisis", values=VALUES), 0),
        (Ask("crisis", values=VALUES, whole_answer=True), 2),
        (Ask("guard_unavailable", values=VALUES), 0),
        (Ask("guard_unavailable_cut", values=VALUES), 0),
        (Ask("cool_down", "crime", values=VALUES), 2),
    ],
)
def test_closing_lines(ask, lines):
    text = say(ask).text
    body, _, closing = text.rpartition("\n\n")
    assert (len(closing.split("\n")) if body else 0) == lines
    ends_ours = ask.source_line and lines > 0
    assert is_own_refusal(text, CATALOGUE) is ends_ours


def test_a_crisis_text_comes_first_and_help_lines_stand_once():
    told = say(Ask("hard", "self_harm.instructions", values=VALUES, crisis_first=True)).text
    crisis, body, _closing = told.split("\n\n")
    assert crisis.startswith("Thank you for writing this down.")
    assert body.startswith("I can't give details on ways to hurt yourself.")
    assert told.count("nearest emergency department") == 1
    assert told.endswith(SOURCE)


def test_help_lines_stand_in_lines_of_their_own():
    told = say(Ask("crisis", values=Values(helpline="Emergency: 999\nListeners: 555 (24/7)"))).text
    assert "alone.\n\nEmergency: 999\nListeners: 555 (24/7)\n\nIf you like" in told


@pytest.mark.parametrize(
    ("locale", "seconds", "shown"),
    [
        ("en", 1, "1 second"), ("en", 0, "1 second"), ("en", 89, "89 seconds"), ("en", 90, "2 minutes"),
        ("en", 600, "10 minutes"), ("en", 5400, "2 hours"), ("en", 86400, "24 hours"), ("de", 600, "10 Minuten"),
        ("fr", 3, "3 secondes"), ("zh-Hans", 600, "10 分钟"),
    ],
)  # fmt: skip
def test_time_spans(locale, seconds, shown):
    assert shown in say(Ask("guard_unavailable", locale=locale, values=Values(retry_after=seconds))).text


@pytest.mark.parametrize(
    ("locale", "hazard", "topic", "shown"),
    [
        ("en", "custom", {"en": "our boats"}, "with our boats."),
        ("de", "custom", {"de": "unseren Booten"}, "Bei unseren Booten kann"),
        ("de", "custom", {"en": "our boats"}, "Bei diesem Thema kann"),
        ("en", "custom", {}, "with this."),
        ("en", "crime.fraud", {}, "with deceiving people for money."),
        ("en", "weapons", {}, "with making weapons."),
    ],
)
def test_topics(locale, hazard, topic, shown):
    ask = Ask("hard", hazard, locale=locale, topic=LocaleTexts(tuple(topic.items())))
    assert shown in say(ask).text


def test_other_braces_are_printed_as_they_stand():
    text = "I can't help with {topic}. {{7*7}} ${HOME} {request.__class__} {user} { {service}"
    told = say(
        Ask("hard", "custom", values=VALUES, source_line=False, appealable=False), policy({("", "hard"): {"en": text}})
    )
    assert told.text == "I can't help with this. {{7*7}} ${HOME} {request.__class__} {user} { Example Chat"


HOSTILE = (
    "A\r\nX-Evil: 1",
    "{topic}{reference}{service}",
    "<script>alert(1)</script>",
    "\u202egnp.exe\u2066\u2069\u200f",
    "\x00\x1b[31m\u2028\u2029\ud800",
    "x" * 10_240,
    "{" * 10_240,
    "\n" * 10_240,
)


@pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_cannot_break_a_text(bad):
    values = Values(bad, bad, bad, bad, bad, retry_after=600)
    topic = LocaleTexts(tuple((locale, bad) for locale in CATALOGUE.shipped))
    for locale, shape in product(sorted(CATALOGUE.shipped), SHAPES):
        told = say(Ask(shape, "crime.cyber", "r", topic, locale, values=values, under_18=True, crisis_first=True))
        assert len(told.text) < 4_000
        assert not [c for c in told.text if category(c)[0] == "C" and c != "\n"]
        assert not [p for p in PLACEHOLDERS if f"{{{p}}}" in told.text]
        assert "<" not in told.text
        assert is_own_refusal(told.text, CATALOGUE) is (shape in ("hard", "withheld", "cut", "cool_down"))


def test_every_leaf_locale_tone_and_shape_resolves():
    hazards = [*FAMILIES, *(leaf.id for leaf in LEAVES), "custom", "custom.heron", ""]
    for hazard, locale, tone, shape in product(hazards, sorted(CATALOGUE.shipped), Tone, Shape):
        told = say(Ask(shape.value, hazard, "r", LocaleTexts(), locale, tone.value, VALUES))
        assert told.locale == locale
        assert "{" not in told.text


def test_nothing_of_a_request_can_come_back():
    """F5: the ask has no field for it; policy texts with request-like placeholders print them as they stand."""
    seed = 20261124
    print(f"seed {seed}")
    dice = random.Random(seed)
    texts = policy({("", "hard"): {"en": "I can't help with {topic}. {user_text} {prompt} {messages} {content}"}})
    for _ in range(10_000):
        marker = f"zq{dice.getrandbits(48):x}qz"
        hazard = dice.choice(LEAVES).id
        ask = Ask(dice.choice(SHAPES), hazard, marker, locale=dice.choice([marker, "en", "de"]), values=VALUES)
        assert marker not in choose(CATALOGUE, texts if dice.random() < 0.5 else PolicyTexts(), ask).text


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (SOURCE, True),
        (f"Hello.\n\n{SOURCE}", True),
        (f"Hello.\n\n{SOURCE}\n  ", True),
        (f"{SOURCE}\nAnd then something else.", False),
        (f"Quote: {SOURCE}", False),
        ("This reply comes from the safety policy of X.", False),
        ("Diese Antwort stammt von der Sicherheitsrichtlinie von X, nicht vom Modell. Kennung K7.", True),
        ("此回复来自 X 的安全政策，而非模型。编号 K7。", True),
        ("", False),
        ("This reply comes from the safety policy of", False),
    ],
)
def test_our_own_refusals_are_recognised(text, ours):
    assert is_own_refusal(text, CATALOGUE) is ours


@pytest.mark.parametrize(
    ("answers", "there"),
    [
        ((), False),
        (("An answer.",), False),
        (("An answer.\n\nPlease see a doctor.",), True),
        (("Please  see\na doctor. Then more.", "Later."), True),
    ],
)
def test_a_notice_is_given_once(answers, there):
    assert notice_already_there(answers, "Please see a doctor.") is there


def test_an_empty_notice_is_nowhere():
    assert not text_there("anything", "  ")
