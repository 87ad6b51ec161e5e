"""Did you mean ...?"""

import pytest

from guardproxy.policy.nearest import called, did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("levle", "level"),
        ("acton", "action"),
        ("on_mach", "on_match"),
        ("level", "level"),
        ("lvl", "level"),
        ("pattern_", "pattern"),
        ("retention", None),
        ("x", None),
        ("", None),
    ],
)
def test_nearest(word, found):
    assert nearest(word, ["action", "level", "on_match", "pattern"]) == found


def test_the_first_of_equals():
    assert nearest("cat", ["bat", "hat"]) == "bat"


def test_short_words_are_not_everybodys_neighbour():
    assert nearest("xy", ["en", "no"]) is None


def test_hint():
    assert did_you_mean("levle", ["level"]) == 'did you mean "level"?'
    assert did_you_mean("banana", ["level"]) == ""


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("block", '"block" is called refuse here'),
        ("Mask", '"mask" is called redact here'),
        ("question", ""),
        ("log", ""),
    ],
)
def test_words_of_other_programs(word, hint):
    assert called(word, ["log", "redact", "refuse"]) == hint
