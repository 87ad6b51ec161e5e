"""What was seen once is not scored again; what was not seen is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Piece as Part
from guardproxy.core.conversation import Pointer, Scope, Segment, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Finding, Span
from guardproxy.detectors.verdicts import VerdictCache

INFO = DetectorInfo("m", "1", frozenset({"crime.fraud"}), Tier.MODEL, Unit.SCORE, spans=True)
PAIRS = replace(INFO, sees_exchange=True)


def segment(text="a", scope=Scope.USER, at=0, **more):
    return Segment(
        text, more.pop("stage", Stage.INPUT), scope, (Part(Pointer(("messages", at)), 0, len(text)),), **more
    )


def found(where, score=0.5):
    return Finding("m", "crime.fraud", score, where, Span(0, 1))


def test_a_known_text_brings_its_findings_to_the_new_place():
    cache, first, second = VerdictCache().of("t", "h"), segment(at=0), segment(at=4)
    cache.keep(INFO, [first], [found(first)])
    findings, unknown = cache.recall(INFO, [second])
    assert unknown == []
    assert findings == [found(second)]
    assert findings[0].segment is second


def test_nothing_found_is_remembered_too():
    cache = VerdictCache().of("t", "h")
    cache.keep(INFO, [segment()], [])
    assert cache.recall(INFO, [segment()]) == ([], [])
    assert (cache.cache.hits, cache.cache.misses) == (1, 0)


@pytest.mark.parametrize(
    "other",
    [
        segment("b"),
        segment(scope=Scope.HISTORY),
        segment(scope=Scope.MODEL, stage=Stage.OUTPUT),
    ],
)
def test_another_text_scope_or_stage_is_unknown(other):
    cache = VerdictCache().of("t", "h")
    cache.keep(INFO, [segment()], [])
    assert cache.recall(INFO, [other]) == ([], [other])
    assert (cache.cache.hits, cache.cache.misses) == (0, 1)


@pytest.mark.parametrize("info", [replace(INFO, id="n"), replace(INFO, revision="2")])
def test_another_detector_or_revision_knows_nothing(info):
    cache = VerdictCache().of("t", "h")
    cache.keep(INFO, [segment()], [])
    assert cache.recall(info, [segment()])[1] == [segment()]


@pytest.mark.parametrize(
    ("info", "known"),
    [(INFO, True), (PAIRS, False)],
)
def test_the_question_counts_for_detectors_that_see_it(info, known):
    cache = VerdictCache().of("t", "h")
    cache.keep(info, [segment(context="one")], [])
    assert (cache.recall(info, [segment(context="two")])[1] == []) is known


def test_the_border_of_text_and_question_cannot_be_moved():
    cache = VerdictCache().of("t", "h")
    cache.keep(PAIRS, [segment("a\x1f1\x1fb", context="c")], [])
    cache.keep(PAIRS, [segment("a\x1fb", context="c")], [])
    assert cache.recall(PAIRS, [segment("a", context="b\x1fc")])[1] != []
    assert cache.recall(PAIRS, [segment("a", context="b\x1f1\x1fc")])[1] != []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_equal_texts_in_one_look_do_not_forget_for_each_other(order):
    """A detector may report of one of two equal texts only."""
    cache, both = VerdictCache().of("t", "h"), [segment(at=0), segment(at=1)]
    cache.keep(INFO, [both[i] for i in order], [found(both[0])])
    assert cache.recall(INFO, [segment(at=2)])[0] == [found(segment(at=2))]


def test_a_copy_of_the_segment_is_as_good_as_the_segment():
    cache, mine = VerdictCache().of("t", "h"), segment()
    cache.keep(INFO, [mine], [found(replace(mine, at=0))])
    assert len(cache.recall(INFO, [mine])[0]) == 1


def test_findings_of_other_texts_are_not_mixed_in():
    cache = VerdictCache().of("t", "h")
    cache.keep(INFO, [segment("a"), segment("b")], [found(segment("b")), found(segment("c"))])
    assert cache.recall(INFO, [segment("a"), segment("b")])[0] == [found(segment("b"))]
    assert cache.recall(INFO, [segment("c")])[1] == [segment("c")]


def test_the_least_recently_used_goes_first():
    cache = VerdictCache(size=2).of("t", "h")
    for text in "ab":
        cache.keep(INFO, [segment(text)], [])
    cache.recall(INFO, [segment("a")])
    cache.keep(INFO, [segment("c")], [])
    assert [s.text for s in cache.recall(INFO, [segment(t) for t in "abc"])[1]] == ["b"]


def test_it_holds_no_text():
    cache, long = VerdictCache().of("t", "h"), segment("a walrus in a hat")
    cache.keep(INFO, [long], [found(long)])
    assert "walrus" not in repr(vars(cache.cache))
    assert all(f.segment.text == "" for kept in cache.cache._kept.values() for f in kept)


@pytest.mark.parametrize("other", [("u", "h"), ("t", "other"), ("", "h"), ("th", ""), ("T", "h")])
def test_tenants_and_policies_share_nothing(other):
    cache = VerdictCache()
    cache.of("t", "h").keep(INFO, [segment()], [found(segment())])
    assert cache.of(*other).recall(INFO, [segment()]) == ([], [segment()])
    assert cache.of("t", "h").recall(INFO, [segment()])[1] == []


@pytest.mark.parametrize("length", [20, 64, 4096])
def test_texts_that_begin_alike_are_others(length):
    """LiteLLM's CVE-2026-35030: a key made of the first characters was another user's."""
    cache, alike = VerdictCache().of("t", "h"), "x" * length
    cache.keep(INFO, [segment(alike + "a")], [found(segment(alike + "a"))])
    assert cache.recall(INFO, [segment(alike + "b")])[1] != []
    assert cache.recall(INFO, [segment(alike)])[1] != []


def test_texts_that_look_alike_are_others():
    cache = VerdictCache().of("t", "h")
    cache.keep(INFO, [segment("caf\u00e9")], [])
    assert cache.recall(INFO, [segment("cafe\u0301")])[1] != []


def test_what_the_instant_tier_found_comes_back_with_the_text():
    cache, first, second = VerdictCache().of("t", "h"), segment(at=0), segment("b", at=1)
    cache.learn([first, second], [found(first), found(first, 0.7)])
    again = segment(at=4)
    assert cache.known(again) == (found(again), found(again, 0.7))
    assert cache.known(segment("b")) == ()
    assert cache.known(segment("c")) is None


@pytest.mark.parametrize("other", [segment(scope=Scope.HISTORY), segment(identifier=True), segment("b")])
def test_the_instant_tier_tells_texts_scopes_and_identifiers_apart(other):
    verdicts = VerdictCache()
    verdicts.of("t", "h").learn([segment()], [])
    assert verdicts.of("t", "h").known(other) is None
    assert verdicts.of("u", "h").known(segment()) is None
    assert verdicts.of("t", "g").known(segment()) is None


def test_nothing_is_learnt_from_findings_about_copies():
    cache = VerdictCache().of("t", "h")
    cache.learn([segment()], [found(segment())])
    assert cache.known(segment()) is None
