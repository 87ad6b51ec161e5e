"""Language of the last user turn: short, mixed and unclear texts have none."""

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.language import LanguageGuess, UncoveredLanguage, is_covered


@pytest.fixture(scope="module")
def guess():
    return LanguageGuess()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How do I sharpen a kitchen knife?", "en"),
        ("Could you help me with my homework please", "en"),
        ("Wie schärfe ich ein Küchenmesser?", "de"),
        ("Wann hat die Bibliothek geöffnet?", "de"),
        ("Comment aiguiser un couteau de cuisine ?", "fr"),
        ("Quels sont les horaires de la bibliothèque ?", "fr"),
        ("¿Cómo afilo un cuchillo de cocina?", "es"),
        ("¿Cuál es el horario de la biblioteca?", "es"),
        ("Como afio uma faca de cozinha?", "pt"),
        ("Come affilo un coltello da cucina?", "it"),
        ("Как наточить кухонный нож?", "ru"),
        ("怎样磨菜刀？", "zh-Hans"),
        ("请用Python写一个函数", "zh-Hans"),
        ("包丁の研ぎ方を教えてください", "ja"),
        ("부엌칼은 어떻게 갈아요?", "ko"),
        ("ok", None),
        ("", None),
        ("😀😀😀", None),
        ("123 456 789", None),
        ("x = [i for i in range(10)]", None),
        ("SELECT a FROM b WHERE c = 1;", None),
    ],
)
def test_of(guess, text, expected):
    assert guess.of(text) == expected


def test_a_long_text_costs_no_more_than_its_beginning(guess):
    assert guess.of("Where is the library? " * 20_000) == "en"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Wie schärfe ich ein Küchenmesser?", ["unscannable.language"]),
        ("包丁の研ぎ方を教えてください", ["unscannable.language"]),
        ("How do I sharpen a kitchen knife?", []),
        ("ok", []),  # too short to know: counts as covered
    ],
)
def test_what_no_classifier_covers_is_reported(text, found):
    segment = Segment(text, Stage.INPUT, Scope.USER)
    assert [one.hazard for one in UncoveredLanguage({"en"}).look(segment)] == found


def test_a_detector_of_all_languages_covers_everything():
    assert is_covered("de", ()) is True
    assert is_covered("zh-Hans", {"zh"}) is True
    assert is_covered("de", {"en"}) is False
