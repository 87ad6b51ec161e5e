"""Table of the card number recogniser. Numbers are test numbers of the issuers or made to pass the check digit."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Span
from guardproxy.detectors.pii import CardNumber

CARD = CardNumber()


def spans(text: str) -> list[Span]:
    return [f.span for f in CARD.look(Segment(text, Stage.INPUT, Scope.USER))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pay with 4242 4242 4242 4242 please", [Span(9, 28)]),
        ("4111111111111111", [Span(0, 16)]),
        ("amex 3782 822463 10005", [Span(5, 22)]),
        ("5555-5555-5555-4444 12/29", [Span(0, 19)]),
        ("room 12 4242 4242 4242 4242 123", [Span(8, 27)]),
        ("４２４２ ４２４２ ４２４２ ４２４２", [Span(0, 19)]),
        ("4242\u200b4242\u200b4242\u200b4242", [Span(0, 19)]),
        ("4242\u20114242\u20114242\u20114242", [Span(0, 19)]),
        ("order 4242 4242 4242 4241", []),  # check digit
        ("1234 5678 9012 3452", []),  # no issuer
        ("IBAN DE89 3704 0044 0532 0130 00", []),  # another recogniser's business
        ("at 1700000000000 ms", []),  # a time
        ("ISBN 978-3-16-148410-0", []),
        ("0.4242424242424242", []),
        ("order number: 4242424242424242", []),
        ("id 550e8400-e29b-41d4-a716-446655440000", []),
        ("x4242424242424242y", []),
        ("4444 4444 4444 4444", []),  # passes the check digit, and is a form's filling
        ("0000 0000 0000 0000", []),
        ("424 242 424 242 424 2", []),  # no card is printed so
    ],
)
def test_card_number(text, found):
    assert spans(text) == found


def test_label_is_a_typed_name():
    (finding,) = CARD.look(Segment("4242 4242 4242 4242", Stage.INPUT, Scope.USER))
    assert (finding.detector, finding.hazard, finding.score) == ("pii.card_number", "privacy.pii", 1.0)
    assert finding.evidence.label == "card number"
