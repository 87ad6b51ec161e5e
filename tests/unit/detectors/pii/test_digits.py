"""Runs of digits and their groups."""

from __future__ import annotations

import pytest

from guardproxy.detectors.pii.digits import Group, groups, inside_account


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 34-5", [Group("12", 0, 2, ""), Group("34", 3, 5, " "), Group("5", 6, 7, "-")]),
        ("1\u200b2 3", [Group("12", 0, 3, ""), Group("3", 4, 5, " ")]),
        ("7", [Group("7", 0, 1, "")]),
    ],
)
def test_groups(text, expected):
    assert groups(text, 0, len(text)) == expected


@pytest.mark.parametrize(
    ("before", "inside"),
    [("iban de46 ", True), ("de46 4904 ", True), ("word ", False), ("", False), ("xde46 ", False)],
)
def test_inside_account(before, inside):
    assert inside_account(before) is inside
