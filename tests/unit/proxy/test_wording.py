"""Which words the reader gets: language, help lines, notices once, crisis first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import decide
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context, judge
from guardproxy.core.rules import (  # fmt: skip
    Action,
    Kind,
    Ladder,
    LadderStep,
    LocaleTexts,
    Mode,
    NoticePlace,
    Policy,
    PolicyRef,
    PolicyTexts,
    Rule,
    Unscanned,
)
from guardproxy.policy.messages import load
from guardproxy.policy.shipped import directory
from guardproxy.proxy.settings import ServiceSettings
from guardproxy.proxy.wording import Reader, Wording, crisis_verdict
from guardproxy.wire.chat import parse_request

SHIPPED = load(directory(), date(2026, 11, 24))
CATALOGUE = replace(
    SHIPPED,
    helplines=tuple(
        replace(line, verified_on=date(2026, 11, 1), expires_on=date(2027, 3, 1)) for line in SHIPPED.helplines
    ),
)
"""The shipped texts, and the shipped help lines as if somebody had checked them."""
NOON = 1_795_608_000.0
"""2026-11-25"""


def rule(name, hazard, action, **more):
    return Rule(name, Kind.HAZARD, hazard, Ladder((LadderStep(action, 0.5),)), **more)


RULES = (
    rule("fraud", "crime.fraud", Action.REFUSE),
    rule("risk", "self_harm.intent", Action.WARN),
    rule("advice", "advice.medical", Action.WARN, place=NoticePlace.BEFORE),
    rule("money", "advice.financial", Action.WARN, every_turn=True),
    rule("trial", "hate", Action.WARN, mode=Mode.SHADOW),
)
OWN = PolicyTexts(cells={("rule:advice", "notice"): LocaleTexts((("en", "Ask a doctor."),)),
                         ("rule:money", "notice"): LocaleTexts((("en", "Ask a bank."),))})  # fmt: skip
POLICY = Policy(PolicyRef("p", 1, "0"), RULES, texts=OWN)


def verdicts(*hazards, stage=Stage.INPUT):
    segment = Segment("x", stage, Scope.USER if stage is Stage.INPUT else Scope.MODEL)
    return judge([Finding("embedded", h, 0.9, segment) for h in hazards], POLICY, stage, Context())


def decided(*hazards, stage=Stage.INPUT):
    return decide(verdicts(*hazards, stage=stage), POLICY.ref, stage)


def wording(locale="", accept="", country="", text="", detect=lambda _t: None, policy=POLICY):
    reader = Reader(locale, accept, country, text)
    service = ServiceSettings(name="Sample", country="US")
    return Wording(CATALOGUE, policy, service, reader, "REF26", NOON, detect)


def conversation(*answers):
    said = [{"role": "user", "content": "hi"}]
    for text in answers:
        said += [{"role": "assistant", "content": text}, {"role": "user", "content": "more"}]
    return parse_request({"model": "m", "messages": said}).conversation


def language(text):
    """Which shipped language this refusal is in."""
    found = [tag for tag in CATALOGUE.shipped if text == wording(locale=tag).refusal(decided("crime.fraud"), "hard")]
    return found[0] if len(found) == 1 else found


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        ({}, "en"),
        ({"locale": "de"}, "de"),
        ({"locale": "de", "accept": "fr"}, "de"),
        ({"accept": "fr;q=0.4, de;q=0.9"}, "de"),
        ({"text": "was", "detect": lambda _t: "de"}, "de"),
        ({"accept": "en", "text": "was", "detect": lambda _t: "de"}, "en"),
        ({"locale": "tlh"}, "en"),
    ],
)
def test_the_reader_chooses_the_language(given, tag):
    assert language(wording(**given).refusal(decided("crime.fraud"), "hard")) == tag


def test_a_refusal_names_the_service_and_the_reference_and_no_text():
    text = wording(text="a walrus").refusal(decided("crime.fraud"), "hard")
    assert "Sample" in text
    assert "REF26" in text
    assert "walrus" not in text
    assert "{" not in text


def test_the_language_is_looked_up_once_and_only_when_needed():
    asked = []
    words = wording(text="was", detect=lambda t: asked.append(t) or "de")
    assert asked == []
    words.refusal(decided("crime.fraud"), "hard")
    words.plain("hard")
    assert asked == ["was"]


@pytest.mark.parametrize(("country", "same_as"), [("de", "DE"), ("Germany", ""), ("1!", ""), ("", ""), ("ÄÖ", "")])
def test_help_lines_are_of_the_readers_country_or_the_services(country, same_as):
    risk = verdicts("self_harm.intent")
    assert wording(country=country).crisis(risk) == wording(country=same_as or "US").crisis(risk)
    assert wording(country="DE").crisis(risk) != wording(country="US").crisis(risk)


def test_a_person_at_risk_reads_the_crisis_text_and_no_notice():
    risk = verdicts("self_harm.intent")
    words = wording()
    assert words.crisis(risk)
    assert words.notices(risk, Stage.INPUT, conversation()) == []
    assert words.crisis(verdicts("crime.fraud")) == ""


def test_the_crisis_text_stands_before_a_refusal():
    both = decided("crime.fraud", "self_harm.intent")
    first = wording().refusal(both, "hard", crisis_first=True)
    assert first != wording().refusal(both, "hard")
    assert first.startswith(wording().crisis(both.verdicts).partition("\n")[0])


@pytest.mark.parametrize(
    ("found", "at_risk"),
    [
        (verdicts("self_harm.intent"), True),
        (verdicts("crime.fraud", "self_harm.intent"), True),
        (verdicts("crime.fraud"), False),
        ([replace(v, enforced=False) for v in verdicts("self_harm.intent")], False),
        ([replace(v, action=Action.LOG) for v in verdicts("self_harm.intent")], False),
        ([], False),
    ],
)
def test_who_is_at_risk(found, at_risk):
    assert (crisis_verdict(found) is not None) is at_risk


def test_each_notice_once_at_its_place():
    found = verdicts("advice.medical", "advice.financial", "hate.speech")
    notices = wording().notices([*found, *found], Stage.INPUT, conversation())
    assert [(n.text, n.place) for n in notices] == [
        ("Ask a doctor.", NoticePlace.BEFORE),
        ("Ask a bank.", NoticePlace.AFTER),
    ]


def test_a_notice_that_the_history_holds_is_not_said_again_unless_the_rule_wants_it():
    found = verdicts("advice.medical", "advice.financial")
    seen = conversation("Ask a doctor.\n\nSleep well.", "Save up.\n\nAsk a bank.")
    assert [n.text for n in wording().notices(found, Stage.INPUT, seen)] == ["Ask a bank."]


@pytest.mark.parametrize("hazard", ["crime.fraud", "self_harm.intent"])
def test_a_background_task_gets_a_few_words_and_nothing_else(hazard):
    short = replace(wording(), background=True)
    found = decided(hazard)
    assert short.refusal(found, "hard", crisis_first=True) == short.refusal(found, "cut") == "Not available"
    assert short.crisis(found.verdicts) == ""
    assert short.notices(verdicts("advice.medical"), Stage.INPUT, conversation()) == []
    assert replace(wording(policy=WARNING), background=True).unread(conversation()) == []


WARNING = replace(POLICY, on_unscannable=Unscanned.WARN)


def test_an_attachment_that_passed_unread_is_told_of_once():
    (notice,) = wording(policy=WARNING).unread(conversation())
    assert "attachment" in notice.text
    assert wording(policy=WARNING).unread(conversation(f"An answer.\n\n{notice.text}")) == []
    assert wording(policy=replace(POLICY, on_unscannable=Unscanned.ALLOW)).unread(conversation()) == []


def test_a_reader_does_not_show_what_was_written():
    assert "walrus" not in repr(Reader("", "", "", "a walrus"))


def test_a_refusal_says_that_an_ai_speaks_unless_a_crisis_text_or_a_notice_stands_in_front():
    words = wording(locale="de")
    words.introduces = True
    assert words.refusal(decided("crime.fraud"), "hard", crisis_first=True).count("KI-System") == 0
    assert words.refusal(decided("self_harm.intent"), "hard").count("KI-System") == 0
    assert words.refusal(decided("crime.fraud"), "hard", introduced=True).count("KI-System") == 0
    assert not words.introduced
    assert words.refusal(decided("crime.fraud"), "hard").startswith("Sie sprechen mit einem KI-System.\n\n")
    assert words.introduced
