"""Table of national numbers. All are published examples or made up to pass the check digits."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.pii import NationalId

ID = NationalId()


def found(text: str) -> list[tuple[str, str]]:
    findings = ID.look(Segment(text, Stage.INPUT, Scope.USER))
    return [(text[f.span.start : f.span.end], f.evidence.label) for f in findings]


@pytest.mark.parametrize(
    ("text", "value", "label"),
    [
        ("My SSN: 461-87-7148.", "461-87-7148", "social security number"),
        ("social security number 461 87 7148", "461 87 7148", "social security number"),
        ("ssn 461877148", "461877148", "social security number"),
        ("AB 12 34 56 C", "AB 12 34 56 C", "national insurance number"),
        ("my National Insurance no is AB123456C", "AB123456C", "national insurance number"),
        ("Steuer-ID 36 574 261 809", "36 574 261 809", "tax number"),
        ("NIR 2 95 10 99 126 111 93", "2 95 10 99 126 111 93", "social security number"),
        ("DNI 12345678Z", "12345678Z", "identity card number"),
        ("X1234567L", "X1234567L", "identity card number"),
        ("RSSMRA85T10A562S", "RSSMRA85T10A562S", "tax number"),
        ("BSN: 111222333", "111222333", "citizen number"),
        ("PESEL 44051401359", "44051401359", "identity number"),
        ("529.982.247-25", "529.982.247-25", "tax number"),
        ("CPF 52998224725", "52998224725", "tax number"),
        ("Aadhaar 2341 2341 2346", "2341 2341 2346", "identity number"),
        ("SSN 461-87-7148 555", "461-87-7148", "social security number"),
        ("ssn ٤٦١-٨٧-٧١٤٨", "٤٦١-٨٧-٧١٤٨", "social security number"),
    ],
)
def test_found(text, value, label):
    assert found(text) == [(value, label)]


@pytest.mark.parametrize(
    "text",
    [
        "part 461-87-7148 is out of stock",  # no word names it
        "ssn 000-12-3456",  # never issued
        "order 36574261809",  # tax id by check digit, unnamed
        "44051401359 items",
        "DNI 12345678A",  # check letter
        "RSSMRA85T10A562T",
        "529.982.247-26",
        "version 111222333",
        "ABCDEFGHIJKLMNOP",
        "Aadhaar 2341 2341 2345",
        "tel +44 20 7946 0888",
        "2024-01-15 10:30:00",
        "x12345678Zy",
        "SAVE20 codes AB123456C",
    ],
)
def test_not_found(text):
    assert found(text) == []
