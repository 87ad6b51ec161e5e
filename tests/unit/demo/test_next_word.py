"""The predictor: it continues, it repeats itself for the same seed, it picks up what the prompt talks about."""

from itertools import islice

import pytest

from guardproxy.demo.next_word import NEWLINE, Dials, NextWord, read_corpus, shipped, topics_of, words_of

SMALL = NextWord(
    read_corpus(
        """
# a comment
[facts]
the red fox likes warm stones.
the grey goose likes cold water.
to cook soup, wait.

[rude]
you silly goose.

[facts de]
der Fuchs mag warme Steine.
"""
    )
)
FACTS = {"facts": 1.0}


def said(model, prompt, **dials):
    words = words_of(prompt)
    dials = {"registers": FACTS, **dials}
    written = model.write(words, topics_of(words), Dials(**dials))
    line = []
    for word in islice(written, 40):
        if word == NEWLINE:
            break
        line.append(word)
    return " ".join(line)


def test_the_corpus_is_read_line_by_line():
    assert [(x.register, x.foreign) for x in SMALL.lines] == [
        *[("facts", False)] * 3,
        ("rude", False),
        ("facts", True),
    ]
    assert SMALL.lines[0].topics == {"like", "warm", "stone"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, now!", ["Don't", "stop", ",", "now", "!"]),
        ("ann@example.invalid.", ["ann@example.invalid", "."]),
        ("a key sk-test-1 here", ["a", "key", "sk-test-1", "here"]),
        ("  ", []),
    ],
)
def test_words(text, words):
    assert words_of(text) == words


def test_it_goes_on_where_the_prompt_stops():
    assert said(SMALL, "the red fox") == "likes warm stones ."
    assert said(SMALL, "I saw that the grey goose") == "likes cold water ."
    assert said(SMALL, "You", registers={"rude": 1.0}) == "silly goose ."


def test_after_a_full_stop_a_new_line_begins():
    assert said(SMALL, "Soup?", registers=FACTS, temperature=0.0).startswith("to cook soup")


def test_the_same_seed_gives_the_same_words_and_others_give_others():
    runs = {seed: [said(shipped(), "Hm.", seed=seed) for _ in range(2)] for seed in range(20)}
    assert all(first == second for first, second in runs.values())
    assert len({first for first, _ in runs.values()}) > 10


def test_a_register_without_weight_never_speaks():
    assert all("goose ." not in said(SMALL, "silly goose?", seed=seed, registers=FACTS) for seed in range(50))


def test_mimicry_pulls_on_the_topic_and_dies_with_its_dial():
    def on_topic(mimicry):
        lines = [said(shipped(), "Something on otters and herons?", seed=seed, mimicry=mimicry) for seed in range(60)]
        return sum("otters" in line.lower() or "herons" in line.lower() for line in lines)

    assert on_topic(1.0) > 45
    assert on_topic(0.0) < 15


def test_a_foreign_line_comes_up_only_when_asked_for():
    assert said(SMALL, "Was mag der Fuchs?", temperature=0.0).startswith("der Fuchs")
    assert all("Fuchs" not in said(SMALL, "What now?", seed=seed) for seed in range(50))


def test_temperature_zero_is_greedy_and_top_p_narrows():
    assert len({said(shipped(), "The river", seed=seed, temperature=0.0) for seed in range(10)}) == 1
    narrow = {said(shipped(), "The river", seed=seed, top_p=0.05) for seed in range(30)}
    wide = {said(shipped(), "The river", seed=seed) for seed in range(30)}
    assert len(narrow) < len(wide)


def test_the_turn_comes_at_a_line_end():
    dials = Dials(seed=3, registers=FACTS, turn_after=5, then={"rude": 1.0})
    words = list(islice(SMALL.write(["hello", "."], frozenset(), dials), 30))
    turn = words.index(NEWLINE, 5)
    assert words[turn + 1 : turn + 4] == ["you", "silly", "goose"]
    assert "silly" not in words[:turn]


def test_an_empty_prompt_is_fine():
    assert said(SMALL, "")
