"""Table of the telephone recogniser. Numbers are the ranges that regulators keep for fiction."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.pii import Phone

PHONE = Phone()


def found(text: str, phone: Phone = PHONE) -> list[str]:
    findings = phone.look(Segment(text, Stage.INPUT, Scope.USER))
    return [text[f.span.start : f.span.end] for f in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(212) 555-0123", ["(212) 555-0123"]),
        ("503.555.0129-Office, +44 20 7946 0888-Fax", ["503.555.0129", "+44 20 7946 0888"]),
        ("+1-415-555-0108", ["+1-415-555-0108"]),
        ("reach +61 2 5550 6148 12", ["+61 2 5550 6148"]),
        ("CA 76335 (206) 555-0125", ["(206) 555-0125"]),
        ("0044 20 7946 0888", ["0044 20 7946 0888"]),
        ("0012 3456 7890 1234", []),
        ("020 7946 0453", ["020 7946 0453"]),
        ("Appelez le 01 99 00 12 34", ["01 99 00 12 34"]),
        ("01.99.00.12.34", ["01.99.00.12.34"]),
        ("Telefon: 030 23125 123", ["030 23125 123"]),
        ("my mobile is 07700900123", ["07700900123"]),
        ("call 2125550123 tonight", ["2125550123"]),
        ("please call 555-0199", ["555-0199"]),
        ("teléfono 612 345 678", ["612 345 678"]),
        ("+４４ 20 7946 0888", ["+４４ 20 7946 0888"]),
        ("2125550123", []),
        ("order number 2125550123", []),
        ("call about order 2125550123", []),
        ("2024-01-15T10:30:00.123456+02:00", []),
        ("on 15.01.2024 or 2024-01-15", []),
        ("ISBN 978-3-16-148410-0", []),
        ("call 2024-01-15 10", []),
        ("$1,234,567.89 and 1 234 567", []),
        ("id 550e8400-e29b-41d4-a716-446655440000", []),
        ("sha 9f27d24949b0581701071", []),
        ("192.168.100.200", []),
        ("IBAN ES56 6996 0651 1608 0197 8201", []),
        ("123-456-7890", []),  # no such area
        ("between 100-200-3000", []),
        ("?id=212-555-0123", []),
        ("1700000000000", []),
    ],
)
def test_phone(text, expected):
    assert found(text) == expected


def test_regions_are_the_constructors():
    german = Phone(regions=("DE",))
    assert found("(212) 555-0123", german) == []
    assert found("030/23125123", german) == ["030/23125123"]


def test_international_form_of_every_region():
    """libphonenumber's own example numbers; only numbers of fewer than eight digits are left out."""
    missed = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
            example = phonenumbers.example_number_for_type(region, kind)
            for form in (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL):
                text = phonenumbers.format_number(example, form) if example else ""
                if sum(char.isdigit() for char in text) >= 8 and found(f"Reach {text}, please.") != [text]:
                    missed.append((region, text))
    assert missed == []
