"""Redaction over borders equals redaction of the whole text."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from guardproxy.core.findings import Span
from guardproxy.core.redact import Mark, Redaction, apply, merge

MARKS = st.lists(
    st.builds(
        lambda start, size, order: Mark(Span(start, start + size), f"<{order}>", order),
        st.integers(0, 60),
        st.integers(0, 12),
        st.integers(0, 4),
    ),
    max_size=14,
)


@settings(derandomize=True, max_examples=300)
@given(MARKS)
def test_merged_spans_are_apart_sorted_and_cover_the_same(marks):
    merged = merge(marks)
    assert all(a.span.end <= b.span.start for a, b in pairwise(merged))
    covered = {i for m in marks for i in range(m.span.start, m.span.end)}
    assert {i for r in merged for i in range(r.span.start, r.span.end)} == covered


@settings(derandomize=True, max_examples=300)
@given(MARKS)
def test_the_earlier_rule_stands(marks):
    for redaction in merge(marks):
        orders = [m.order for m in marks if m.span.start < m.span.end and m.span.overlaps(redaction.span)]
        assert redaction.text == f"<{min(orders)}>"


@settings(derandomize=True, max_examples=300)
@given(MARKS, st.randoms(use_true_random=False))
def test_the_order_of_the_marks_does_not_matter(marks, chance):
    shuffled = list(marks)
    chance.shuffle(shuffled)
    assert merge(shuffled) == merge(marks)


@settings(derandomize=True, max_examples=500)
@given(MARKS, st.one_of(st.none(), st.integers(1, 15)), st.lists(st.integers(0, 80), max_size=8))
def test_piece_by_piece_is_as_good_as_at_once(marks, longest, cursors):
    """As a stream does it: marks that begin before the cursor are known, what ends before it leaves."""
    left, released, out = [], 0, []
    known = 0
    for cursor in [*sorted(cursors), 1000]:
        left += [rest for m in marks if known <= m.span.start < cursor if (rest := m.behind(released))]
        known = max(known, cursor)
        for redaction in merge(left, longest):
            if redaction.span.end > cursor:
                break
            out.append(redaction)
            released = redaction.span.end
        left = [rest for m in left if (rest := m.behind(released))]
    assert tuple(out) == merge(marks, longest)


@settings(derandomize=True, max_examples=200)
@given(MARKS, st.integers(1, 15))
def test_a_merged_span_takes_up_no_more_once_it_is_long(marks, longest):
    longest_mark = max((m.span.end - m.span.start for m in marks), default=0)
    assert all(r.span.end - r.span.start < longest + longest_mark for r in merge(marks, longest) if longest_mark)


def test_apply():
    assert apply("abcdef", [Redaction(Span(1, 3), "X"), Redaction(Span(3, 4), "")]) == "aXef"
