"""Recognisers of personal data, one a file: a shape, a check, context words."""

from __future__ import annotations

from guardproxy.detectors.pii.card_number import CardNumber
from guardproxy.detectors.pii.email import Email
from guardproxy.detectors.pii.iban import Iban
from guardproxy.detectors.pii.ip_address import IpAddress
from guardproxy.detectors.pii.national_id import NationalId
from guardproxy.detectors.pii.phone import Phone
from guardproxy.detectors.recogniser import Recogniser

__all__ = ["CardNumber", "Email", "Iban", "IpAddress", "NationalId", "Phone", "all_detectors"]


def all_detectors() -> tuple[Recogniser, ...]:
    """One of each, with default regions. Made once at start; safe in any thread."""
    return (Email(), Phone(), CardNumber(), Iban(), IpAddress(), NationalId())
