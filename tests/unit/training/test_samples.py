from __future__ import annotations

from guardproxy.training.labels import HEADS, NO, UNKNOWN, YES
from guardproxy.training.rows import Row
from guardproxy.training.samples import merged, weight_of

FRAUD = frozenset({"crime.fraud"})


def target(sample, judges, hazard):
    return sample.wanted[HEADS.index((judges, hazard))]


def test_rows_of_one_text_become_one_sample():
    rows = [
        Row("a:1", "a", "same", "request", unsafe=True, hazards=FRAUD),
        Row("b:1", "b", "same", "content", unsafe=False),
        Row("c:1", "c", "other", "request", unsafe=False),
    ]
    same, other = merged(rows, {"a": 0.5})
    assert (same.file, same.weight, other.weight) == ("a", 1.0, 1.0)
    assert target(same, "request", "crime.fraud") == YES
    assert target(same, "content", "hate.speech") == NO
    assert target(same, "refusal", "refusal") == UNKNOWN
    assert "same" not in repr(same)


def test_guessed_hazards_weigh_less():
    (one,) = merged([Row("a:1", "a", "x", "request", unsafe=True, hazards=FRAUD, certain=False)], {})
    assert one.weight == 0.8


def test_the_longest_name_decides():
    assert weight_of("seeds/doc_x", {"seeds": 0.2, "seeds/doc": 0.7}) == 0.7
    assert weight_of("other", {"seeds": 0.2}) == 1.0
