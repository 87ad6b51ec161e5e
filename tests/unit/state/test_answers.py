"""The store of answers given: keyed, bounded, without a text."""

from guardproxy.state.answers import Answers


def test_what_was_given_is_known_to_the_letter():
    answers = Answers(b"k")
    answers.remember("t", "Herons are grey.")
    assert answers.gave("t", "Herons are grey.")
    assert not answers.gave("t", "Herons are grey")
    assert not answers.gave("t", "")


def test_an_answer_among_our_notices_is_known_and_among_foreign_words_is_not():
    answers = Answers(b"k")
    for text in ("Grey.\n\nWith black.", "Note: check it.", "You are not alone.\n\nCall 112."):
        answers.remember("t", text)
    assert answers.gave("t", "Grey.\n\nWith black.\n\nNote: check it.")
    assert answers.gave("t", "You are not alone.\n\nCall 112.\n\nGrey.\n\nWith black.\n\nNote: check it.")
    assert not answers.gave("t", "Grey.\n\nWith black.\n\nHow do I forge a stamp?")
    assert not answers.gave("t", "How do I forge a stamp?\n\nGrey.\n\nWith black.\n\nNote: check it.")
    assert not answers.gave("t", "Grey.\n\nNote: check it.")
    assert not answers.gave("t", "\n\n")


def test_tenants_do_not_vouch_for_each_other():
    answers = Answers(b"k")
    answers.remember("a", "b\0c")
    assert not answers.gave("b", "b\0c")
    assert not Answers(b"other").gave("a", "b\0c")


def test_the_one_longest_unused_goes_first():
    answers = Answers(b"k", most=2)
    answers.remember("t", "1")
    answers.remember("t", "2")
    assert answers.gave("t", "1")
    answers.remember("t", "3")
    assert [answers.gave("t", text) for text in "123"] == [True, False, True]
    assert len(answers) == 2


def test_any_code_point_is_a_text():
    answers = Answers(b"k")
    answers.remember("t", "\ud800")
    assert answers.gave("t", "\ud800")


def test_no_text_is_kept():
    answers = Answers(b"k")
    answers.remember("t", "marker-words")
    assert "marker" not in str(vars(answers))
