"""Ranges of code points, and reports that show no text."""

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Evidence, Failure, FailureKind, Finding, Span


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (-2, -1)])
def test_a_span_does_not_run_backwards(start, end):
    with pytest.raises(AssertionError, match="bug"):
        Span(start, end)


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        (Span(0, 3), Span(2, 4), True),
        (Span(0, 3), Span(3, 4), False),
        (Span(0, 9), Span(4, 5), True),
        (Span(0, 1), Span(5, 6), False),
        (Span(2, 2), Span(2, 2), False),
    ],
)
def test_overlap_needs_a_shared_character(first, second, share):
    assert first.overlaps(second) is share
    assert second.overlaps(first) is share


def test_shifting_keeps_the_length():
    assert Span(1, 4).shifted(6) == Span(7, 10)
    assert Span(7, 10).shifted(-6) == Span(1, 4)


def test_spans_sort_by_place():
    assert sorted([Span(3, 4), Span(0, 9), Span(0, 2)]) == [Span(0, 2), Span(0, 9), Span(3, 4)]


def test_a_finding_shows_no_text():
    finding = Finding("d", "custom", 1.0, Segment("a walrus", Stage.INPUT, Scope.USER), Span(2, 8), None, Evidence())
    assert "walrus" not in repr(finding)


def test_a_failure_is_not_the_inputs_fault_unless_it_says_so():
    assert not Failure("d", FailureKind.TIMEOUT, "input").caused_by_input


def test_the_kinds_are_the_label_values():
    assert {kind.value for kind in FailureKind} == {
        "timeout",
        "exception",
        "invalid_result",
        "overloaded",
        "unavailable",
    }
