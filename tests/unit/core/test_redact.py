"""Redactions: merged, applied, mapped to places."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Piece, Pointer, Scope, Segment, Stage
from guardproxy.core.findings import Evidence, Finding, Span
from guardproxy.core.judge import Verdict
from guardproxy.core.redact import Mark, PlacedRedaction, Redaction, apply, by_place, merge, redactions, unredactable
from guardproxy.core.rules import Action, Kind, Ladder, Rule


def piece(name: str, start: int, end: int, *, key: bool = False) -> Piece:
    return Piece(Pointer((name,), key=key), start, end)


def segment(text: str, *pieces: Piece) -> Segment:
    return Segment(text, Stage.INPUT, Scope.USER, pieces or (piece("a", 0, len(text)),))


def verdict(*findings: Finding, order: int = 0, words: str | None = None, enforced: bool = True) -> Verdict:
    rule = Rule(f"r{order}", Kind.WORDS, "", Ladder(()), replace_with=words)
    return Verdict(rule, Action.REDACT, "custom", 1, 1.0, 0.5, enforced, order, findings)


def finding(where: Segment, start: int, end: int, score: float = 1.0, label: str = "") -> Finding:
    return Finding("words", "custom", score, where, Span(start, end), "r", Evidence(label=label))


@pytest.mark.parametrize(
    ("marks", "want"),
    [
        ([(0, 2, "A", 0), (2, 4, "B", 1)], [(0, 2, "A"), (2, 4, "B")]),  # neighbours stay two
        ([(0, 3, "A", 1), (2, 4, "B", 0)], [(0, 4, "B")]),  # the earlier rule stands
        ([(0, 3, "A", 0), (2, 4, "B", 0)], [(0, 4, "A")]),  # same rule: the earlier span
        ([(0, 3, "A", 2), (2, 6, "B", 1), (5, 9, "C", 0)], [(0, 9, "C")]),  # a chain is one
        ([(4, 5, "B", 0), (0, 9, "A", 1)], [(0, 9, "B")]),  # one inside another
        ([(3, 3, "A", 0)], []),
    ],
)
def test_merge(marks: list[tuple[int, int, str, int]], want: list[tuple[int, int, str]]) -> None:
    got = merge([Mark(Span(a, b), text, order) for a, b, text, order in marks])
    assert [(r.span.start, r.span.end, r.text) for r in got] == want


def test_apply_replaces_from_code_point_to_code_point() -> None:
    text = "a😀bcd"
    assert apply(text, [Redaction(Span(1, 2), "[x]"), Redaction(Span(4, 5), "")]) == "a[x]bc"
    assert apply(text, []) == text


def test_words_of_the_rule_then_the_label_then_a_plain_word() -> None:
    seg = segment("one two three")
    got = redactions(
        [
            verdict(finding(seg, 0, 3), words="#"),
            verdict(finding(seg, 4, 7, label="card number"), order=1),
            verdict(finding(seg, 8, 13), order=2),
        ],
        seg,
    )
    assert apply(seg.text, got) == "# [card number removed] [removed]"


def test_what_did_not_reach_the_step_or_is_not_enforced_stays() -> None:
    seg, other = segment("one two"), segment("one twin")
    weak = verdict(finding(seg, 0, 3), finding(seg, 4, 7, score=0.2))
    assert apply(seg.text, redactions([weak], seg)) == "[removed] two"
    assert redactions([verdict(finding(seg, 0, 3), enforced=False)], seg) == ()
    assert redactions([verdict(finding(other, 0, 3))], seg) == ()


def test_a_span_over_a_join_is_replaced_in_its_first_piece_and_removed_from_the_rest() -> None:
    alone = [segment("se", piece("a", 0, 2)), segment("cr", piece("b", 0, 2)), segment("et!", piece("c", 0, 3))]
    joined = segment("secret!", piece("a", 0, 2), piece("b", 2, 4), piece("c", 4, 7))
    placed = by_place([verdict(finding(joined, 1, 6))], [*alone, joined])
    assert placed == (
        PlacedRedaction(Pointer(("a",)), (Redaction(Span(1, 2), "[removed]"),)),
        PlacedRedaction(Pointer(("b",)), (Redaction(Span(0, 2), ""),)),
        PlacedRedaction(Pointer(("c",)), (Redaction(Span(0, 2), ""),)),
    )


def test_names_of_members_and_findings_without_a_place_cannot_be_redacted() -> None:
    seg = segment("secret", piece("k", 0, 6, key=True))
    value = segment("k=secret", piece("k", 0, 1, key=True), piece("v", 2, 8))
    nowhere = Finding("words", "custom", 1.0, segment("x"))
    assert unredactable([verdict(finding(seg, 0, 6))])
    assert unredactable([verdict(nowhere)])
    assert not unredactable([verdict(finding(value, 2, 8))])
    assert not unredactable([verdict(finding(seg, 0, 6), enforced=False)])
