"""The lexicons: complete, compiled, and whole words only."""

import pytest

from guardproxy.policy.wording import List, languages, wording_for

DISCLAIMED = ("advice.medical", "advice.legal", "advice.financial", "advice")


def test_five_languages_are_complete():
    assert languages() == ("de", "en", "es", "fr", "zh")
    for language in languages():
        wording = wording_for(language)
        assert set(wording.patterns) == set(List)
        assert set(wording.disclaimers) == set(DISCLAIMED)
        assert len(wording.function_words) >= 20


@pytest.mark.parametrize(("locale", "language"), [("de-AT", "de"), ("zh-Hans", "zh"), ("zh", "zh"), ("EN", "en")])
def test_a_tag_finds_its_language(locale, language):
    assert wording_for(locale).language == language


@pytest.mark.parametrize("locale", ["no", "pt-BR", "", "../en"])
def test_other_languages_have_none(locale):
    assert wording_for(locale) is None


@pytest.mark.parametrize(
    ("language", "which", "text", "found"),
    [
        ("en", List.JUDGEMENT, "That is Unethical.", "Unethical"),
        ("en", List.JUDGEMENT, "The morale of the team", None),
        ("en", List.INABILITY, "I’m unable to say", "I'm unable to"),
        ("en", List.THREAT, "the policeman", None),
        ("en", List.MODEL_PERSON, "I was trained on", "I was trained"),
        ("de", List.JUDGEMENT, "eine moralische Frage", "moralische"),
        ("de", List.INTENT, "Bitte versuchen Sie es noch einmal", None),
        ("es", List.THREAT, "la policía", "policía"),
        ("fr", List.REGRET, "Malheureusement non", "Malheureusement"),
        ("fr", List.THREAT, "signaler une arnaque", None),
        ("zh", List.APOLOGY, "很抱歉，我们", "抱歉"),
    ],
)
def test_words(language, which, text, found):
    assert wording_for(language).find(which, text) == found


@pytest.mark.parametrize(
    ("locale", "hazard", "answer", "said"),
    [
        ("en", "advice.medical", "Rest a little. If it lasts, please consult a doctor.", True),
        ("en", "advice.medical", "Rest a little.", False),
        ("en", "advice.legal", "Please consult a doctor.", False),
        ("en", "advice.legal", "You may want to talk to a lawyer.", True),
        ("en", "advice.medical", "Please consult a doctor." + " And rest." * 60, False),
        ("de", "advice.medical", "Bei Fieber fragen Sie Ihren Arzt.", True),
        ("es", "advice.medical", "Si continúa, consulte a su médico.", True),
        ("fr", "advice.medical", "Si cela dure, consultez un médecin.", True),
        ("zh-Hans", "advice.medical", "如有不适，请及时就医。", True),
        ("en", "crime.cyber", "Please consult a doctor.", False),
    ],
)
def test_an_answers_own_disclaimer_is_seen(locale, hazard, answer, said):
    assert wording_for(locale).disclaims(answer, hazard) is said
