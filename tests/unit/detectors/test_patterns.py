"""Both engines find the same, forwards, backwards and under ROT13."""

from __future__ import annotations

import codecs

import pytest

from guardproxy.core.canonical.offsets import View
from guardproxy.core.findings import Span
from guardproxy.detectors.patterns import GOES_ON, Around, PatternSet, _Filter

CODE = (7, r"HX-[0-9]{4}")
MANY = (CODE, (8, r"\bzorp\b"), (9, r"é+"), (10, r"end$"), (11, r"(?i)Turnip"), (12, r"a{900}b{900}"))
ENGINES = ["hyperscan", "re2", "auto"]


def found(text, patterns=MANY, engine="auto", around=None):
    hits = PatternSet(patterns, engine).find(View("plain", text), *([around] if around else []))
    return sorted((h.rule, h.span.start, h.span.end, h.view) for h in hits)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("", []),
        ("a calm walrus", []),
        ("is HX-2031 open", [(7, 3, 10, "plain")]),
        ("HX-2031 HX-2032", [(7, 0, 7, "plain"), (7, 8, 15, "plain")]),
        ("HX-203", []),
        ("zorp zorps", [(8, 0, 4, "plain")]),
        ("a proz", [(8, 2, 6, "decoded:reversed")]),
        ("1302-XH", [(7, 0, 7, "decoded:reversed")]),
        (codecs.encode("TURNIP", "rot13"), [(11, 0, 6, "decoded:rot13")]),
        ("xééx", [(9, 1, 3, "plain"), (9, 1, 3, "decoded:reversed"), (9, 1, 3, "decoded:rot13")]),
        ("😀 the end", [(10, 6, 9, "plain")]),
        ("ends", []),
    ],
)
def test_both_engines_find_the_same(text, hits, engine):
    assert found(text, engine=engine) == sorted(hits)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_end_of_a_piece_is_not_the_end_of_the_text(engine):
    assert found("the end", engine=engine, around=Around(right=GOES_ON)) == []
    assert found("zorp", engine=engine, around=Around(left="x")) == []
    assert found("zorp", engine=engine, around=Around(left=" ")) == [(8, 0, 4, "plain")]


@pytest.mark.parametrize(
    ("text", "at"),
    [("is HX-20", 3), ("is HX-2031", 3), ("is HX-2031 ", 11), ("is H", 3), ("is", 2), ("", 0), ("open 1302-", 5)],
)
def test_where_a_match_may_still_begin(text, at):
    assert PatternSet([CODE]).grows_from(text, "") == at


def test_whose_pattern_grows_through_the_whole_text():
    patterns = PatternSet([CODE, (8, r"HX-[0-9]+x"), (9, "zorp")])
    assert patterns.growing_rules("HX-2", "") == [7, 8]
    assert patterns.growing_rules("zo", " ") == [9]


def test_no_patterns():
    empty = PatternSet([])
    assert not empty
    assert list(empty.find(View("plain", "text"))) == []
    assert empty.grows_from("text", "") == 4


def test_places_are_of_the_original():
    class Later:
        def span(self, start, end):
            return Span(start + 100, end + 100)

    hits = list(PatternSet([CODE]).find(View("folded", "HX-2031", Later())))
    assert [(h.span, h.view) for h in hits] == [(Span(100, 107), "folded")]


def test_two_threads_may_reach_for_the_last_scratch():
    class Emptied(list):
        """Another thread took it between the question and the answer."""

        def __bool__(self):
            return True

    asked = _Filter(["ab+c", "xy"])
    asked._scratches = Emptied()
    assert asked.candidates("an abbbc") == [0]
    assert len(asked._scratches) == 1
