"""The twenty text rules: one broken text for each, and sound ones in five languages."""

import pytest

from guardproxy.core.catalogue import Shape, Tone
from guardproxy.policy.textlint import Draft, check, check_cell, count_words, reading_grade

GOOD = "I can't help with {topic}. I can help with a lawful way to reach your goal."
CRISIS = "It sounds very painful, and you don't have to face it alone. {helpline} I can keep listening."
ADVICE = "General information, not a doctor's advice. If symptoms last, see a doctor."


def codes(text, shape="hard", locale="en", hazard="", rule_id="", severity="error"):
    found = check_cell(text, shape=shape, locale=locale, hazard=hazard, rule_id=rule_id)
    return [p.code for p in found if p.severity == severity]


@pytest.mark.parametrize(
    ("text", "shape", "hazard"),
    [
        (GOOD, "hard", ""),
        ("I can’t help with {topic} here. I’m glad to help with something else.", "hard", ""),
        ("I'm unable to help with {topic}. You can rephrase.", "hard", ""),
        ("We can't answer that. Ask your manager instead.", "hard", None),
        ("I can't help with that.", "hard", "weapons.cbrne"),
        ("The answer was held back because it went into {topic}. You can rephrase.", "withheld", ""),
        ("Not available", "short", ""),
        ("Please follow the safety notes that came with your ladder.", "notice", ""),
        (ADVICE, "notice", "advice.medical"),
        (CRISIS, "crisis", "self_harm.intent"),
        ("I can't continue with {topic} for now. You can come back to it in {retry_after}.", "cool_down", ""),
        (GOOD + " {{7*7}} ${HOME} {request.__class__}", "hard", ""),
    ],
)
def test_sound_texts(text, shape, hazard):
    rule_id = "a-rule" if hazard is None else ""
    assert codes(text, shape, "en", hazard or "", rule_id) == []


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de", "Bei {topic} kann ich hier nicht helfen. Gern helfe ich bei etwas anderem."),
        ("de-AT", "Dabei kann ich hier nicht helfen ({topic}). Bei Bestellung und Konto helfe ich gern."),
        ("es", "No puedo ayudar con {topic}. Puedo explicar qué dice la ley."),
        ("fr", "Je ne peux pas aider pour {topic}. Je peux expliquer ce que dit la loi."),
        ("zh-CN", "我无法提供有关{topic}的帮助。我可以说明法律的规定。"),
    ],
)
def test_sound_texts_in_other_languages(locale, text):
    assert codes(text, locale=locale) == []


MUTATIONS = [
    ("GP601", "error", Draft("I can help with a lawful way to reach your goal, not with {topic}.", Shape.HARD, "en")),
    ("GP601", "error", Draft("I can't help with {topic}. I cannot say more. You can rephrase.", Shape.HARD, "en")),
    ("GP601", "error", Draft("I can't help with that. You can rephrase {topic}.", Shape.HARD, "en")),
    ("GP602", "error", Draft(GOOD + " And you can ask me more." * 15, Shape.HARD, "en")),
    ("GP602", "error", Draft("This is not available here now", Shape.SHORT, "en")),
    ("GP602", "error", Draft(GOOD + " You can ask more." * 13, Shape.HARD, "en", tone=Tone.BRIEF)),
    ("GP603", "error", Draft("I can't help with {topic}. That is the rule of the house here.", Shape.HARD, "en")),
    ("GP604", "error", Draft(GOOD + " It would be immoral to do so.", Shape.HARD, "en")),
    ("GP605", "error", Draft(GOOD + " You are trying to hurt someone.", Shape.HARD, "en")),
    ("GP606", "error", Draft(GOOD + " The police may be told.", Shape.HARD, "en")),
    ("GP607", "error", Draft("As an AI language model I can't help with {topic}. You can rephrase.", Shape.HARD, "en")),
    ("GP610", "error", Draft(GOOD + " Why do you want to know that?", Shape.HARD, "en")),
    ("GP610", "error", Draft(GOOD + " Shall I? Or shall I not?", Shape.HARD, "en")),
    ("GP611", "warning", Draft("Unfortunately I can't help with {topic}. You can rephrase.", Shape.HARD, "en")),
    ("GP611", "warning", Draft("Sorry, I can't help with {topic}. You can rephrase. Sorry again.", Shape.HARD, "en")),
    ("GP612", "error", Draft(GOOD + " It is 97% sure.", Shape.HARD, "en")),
    ("GP612", "error", Draft(GOOD + " It is above the threshold.", Shape.HARD, "en")),
    ("GP613", "warning", Draft("I can't help with {topic}! I can help with something ELSE instead.", Shape.HARD, "en")),
    ("GP613", "warning", Draft(GOOD + " 🙂", Shape.HARD, "en")),
    (
        "GP614",
        "error",
        Draft("Bei {topic} kann ich hier nicht helfen. Gern helfe ich bei etwas anderem.", Shape.HARD, "en"),
    ),
    ("GP614", "error", Draft("我无法提供有关{topic}的帮助。我可以说明法律的规定。", Shape.HARD, "en")),
    ("GP615", "warning", Draft(GOOD[:-1] + " and then to do this and that and so on, " * 3 + "too.", Shape.HARD, "en")),
    (
        "GP615",
        "warning",
        Draft(
            "The organisational considerations of the institution necessitate individual deliberation. " * 2,
            Shape.NOTICE,
            "en",
        ),
    ),
    ("GP617", "error", Draft("You don't have to face this alone. I can keep listening.", Shape.CRISIS, "en")),
    ("GP617", "error", Draft("That sounds very painful for you. {helpline} Please call them.", Shape.CRISIS, "en")),
    ("GP617", "error", Draft(CRISIS + " Put the pills away.", Shape.CRISIS, "en")),
    ("GP617", "error", Draft(CRISIS + " Goodbye for now.", Shape.CRISIS, "en")),
    ("GP617", "error", Draft("I can't help with this. You are not alone. {helpline}", Shape.CRISIS, "en")),
    ("GP618", "error", Draft(GOOD + " Call 116 123 now.", Shape.HARD, "en")),
    ("GP618", "error", Draft(GOOD + " See https://example.org for more.", Shape.HARD, "en")),
    (
        "GP619",
        "error",
        Draft("This is about your health, so please take it with some care.", Shape.NOTICE, "en", "advice.medical"),
    ),
    (
        "GP619",
        "error",
        Draft("General information, and it is not a doctor's advice.", Shape.NOTICE, "en", "advice.medical"),
    ),
    ("GP620", "error", Draft(GOOD + " <b>No</b>.", Shape.HARD, "en")),
    ("GP620", "error", Draft(GOOD + "\r\nX-Evil: 1", Shape.HARD, "en")),
]


@pytest.mark.parametrize(("code", "severity", "draft"), MUTATIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_each_rule_catches_its_broken_text(code, severity, draft):
    found = check(draft)
    assert (code, severity) in [(p.code, p.severity) for p in found]
    assert {p.code for p in found if p.severity == "error"} <= {code}
    assert all(p.hint for p in found)


@pytest.mark.parametrize(
    ("locale", "code", "text"),
    [
        ("de", "GP604", "Bei {topic} kann ich nicht helfen, das wäre unmoralisch. Sie können anders fragen."),
        ("de", "GP606", "Bei {topic} kann ich nicht helfen. Sie können anders fragen, sonst kommt die Polizei."),
        ("de", "GP601", "Sie können anders fragen, und ich helfe Ihnen gern bei {topic}."),
        ("es", "GP604", "No puedo ayudar con {topic}, es inmoral. Puede reformular la pregunta."),
        ("es", "GP605", "No puedo ayudar con {topic}. Usted quiere hacer daño. Puede reformular la pregunta."),
        ("fr", "GP604", "Je ne peux pas aider pour {topic}, c'est immoral. Vous pouvez reformuler la question."),
        ("fr", "GP607", "En tant que modèle, je ne peux pas aider pour {topic}. Vous pouvez reformuler la question."),
        ("zh-Hans", "GP604", "我无法提供有关{topic}的帮助，这不道德。您可以换一种问法。"),
        ("zh-Hans", "GP610", "我无法提供有关{topic}的帮助。您为什么想知道？您可以换一种问法。"),
        ("zh-Hans", "GP603", "我无法提供有关{topic}的帮助。规定就是这样的。"),
    ],
)
def test_rules_hold_in_every_language(locale, code, text):
    assert codes(text, locale=locale) == [code]


def test_a_language_without_lists_gets_the_character_rules_only():
    text = "Jeg kan ikke hjelpe med {topic} her. Jeg hjelper gjerne med noe annet."
    assert codes(text, locale="no") == []
    assert codes(text, locale="no", severity="warning") == ["GP716"]
    assert codes(text + " Ring 116 123.", locale="no") == ["GP618"]


def test_markup_does_not_hide_the_wording():
    assert codes("Bei {topic} kann ich hier <b>nicht</b> helfen. Gern helfe ich bei etwas anderem.", locale="de") == [
        "GP620"
    ]


@pytest.mark.parametrize(("text", "code"), [("", "GP504"), ("  ", "GP504"), (GOOD + " You can ask." * 100, "GP504")])
def test_empty_and_endless_texts(text, code):
    assert code in codes(text)


@pytest.mark.parametrize(
    ("text", "locale", "words"), [("I can't go.", "en", 3), ("我无法提供", "zh-Hans", 3), ("", "en", 0)]
)
def test_count_words(text, locale, words):
    assert count_words(text, locale) == words


def test_reading_grade_rises_with_longer_words():
    assert reading_grade("The cat sat on the mat. It was warm.") < 3
    assert reading_grade("Organisational considerations necessitate deliberation.") > 12
    assert reading_grade("") == 0.0
