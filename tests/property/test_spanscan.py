"""The law of `core.holdback.Scanner`, for all recognisers at once: cut anywhere, same result."""

from __future__ import annotations

import os
import random

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding
from guardproxy.detectors import disguise, links, pii, secrets
from guardproxy.detectors.spanscan import SpanScanner

DETECTORS = [
    *pii.all_detectors(),
    *secrets.all_detectors(),
    *links.all_detectors(["docs.example", "*.corp.example"]),
    *disguise.all_detectors(),
]
SEED = int(os.environ.get("GUARDPROXY_TEST_SEED", "20260701"))
DOCUMENTS = int(os.environ.get("GUARDPROXY_TEST_DOCUMENTS", "240"))

WHOLE = (
    "4242 4242 4242 4242", "4242424242424242", "DE89 3704 0044 0532 0130 00", "john@mail.example", "(212) 555-0123",
    "+44 20 7946 0888", "my ssn 461-87-7148", "461-87-7148", "192.0.2.88", "2001:db8::1", "12345678Z", "X1234567L",
    "RSSMRA85T10A562S", "AB 12 34 56 C", "529.982.247-25", "AKIAIOSFODNN7EXAMPLE", "sk-proj-Ab12cD34eF56gH78iJ90kL12",
    "token=", 'password="hunter2xy"', "Bearer abcDEF123456ghiJKL789", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abc",
    "postgres://app:s3cr3t@db/x", "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----",
    "\nMIIEpAIBAAKCAQEA7bq1xk9w3F", "http://evil.example/?q=S", "https://docs.example/a", "](", "//h.example/", "www.",
    "api_key = 'a8f5f167f44f4964e6c998dee827110c'", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
)  # fmt: skip
CRUMBS = (
    " ", "  ", ".", ",", "\n", "-", "+", "(", ")", "@", ":", "::", "://", "=", '"', "'", "_", "/", "\\n", "a", "the ",
    "word ", "call ", "DE89", "AB", "12", "7", "4242", "1.2", "dead", "x@y.example", "@c.example", "eyJ", "sk-", "-----",
    "-----BEGIN ", "PRIVATE KEY", "é", "ü", "日本", "４", "\u200b", "\u200c", "\ufe0f", "\U000e0041", "\ud800", "2024-01-15",
    "x" * 40, "9" * 25, "a1" * 60, "token: ", 'src="',
)  # fmt: skip


def document(chance: random.Random) -> str:
    return "".join(chance.choice(chance.choice((WHOLE, CRUMBS))) for _ in range(chance.randint(1, 14)))


def cuts(chance: random.Random, text: str) -> list[int]:
    """Every character, or up to four places (empty feeds included)."""
    if chance.random() < 0.4:
        return list(range(1, len(text)))
    return sorted(chance.randint(0, len(text)) for _ in range(chance.randint(1, 4)))


def facts(finding: Finding) -> tuple[object, ...]:
    return (finding.span, finding.detector, finding.hazard, finding.evidence, finding.segment.text, finding.segment.at)


def scanned(text: str, places: list[int], limit: int) -> list[tuple[object, ...]]:
    scanner, safe, found = SpanScanner(DETECTORS, limit), 0, []
    for start, end in zip([0, *places], [*places, len(text)], strict=True):
        scan = scanner.feed(text[start:end])
        assert safe <= scan.safe <= end
        assert all(f.span is not None and f.span.start >= safe for f in scan.findings)
        safe, found = scan.safe, [*found, *scan.findings]
    scan = scanner.flush()
    assert scan.safe == len(text)
    assert all(f.span is not None and f.span.start >= safe for f in scan.findings)
    return sorted(map(facts, (*found, *scan.findings)), key=repr)


@pytest.mark.parametrize("limit", [30, 100, 1000])
def test_cut_anywhere_same_findings(limit):
    print(f"seed {SEED}")
    chance = random.Random(SEED + limit)
    with_findings = 0
    for _ in range(DOCUMENTS // 3):
        text = document(chance)
        expected = scanned(text, [], limit)
        assert scanned(text, cuts(chance, text), limit) == expected, ascii(text)
        with_findings += bool(expected)
    assert with_findings > DOCUMENTS // 12


def test_streamed_equals_plain():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    for _ in range(DOCUMENTS // 3):
        text = document(chance)
        segment = Segment(text, Stage.OUTPUT, Scope.MODEL)
        plain = sorted((f.span, f.detector) for d in DETECTORS for f in d.look(segment) if f.span)
        streamed = sorted((found[0], found[1]) for found in scanned(text, cuts(chance, text), 5000))
        assert streamed == plain, ascii(text)


@pytest.mark.parametrize("whole", WHOLE)
def test_every_two_way_split(whole):
    text = f"so: {whole} ok."
    expected = scanned(text, [], 1000)
    for cut in range(len(text) + 1):
        assert scanned(text, [cut], 1000) == expected
