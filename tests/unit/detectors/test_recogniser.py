"""What all recognisers share: the fold, the look to the left, the contract of their shapes."""

from __future__ import annotations

import pytest

from guardproxy.core.hazards import exists
from guardproxy.detectors import disguise, links, pii, secrets
from guardproxy.detectors.recogniser import CONTEXT, fold, left_of, whole
from guardproxy.detectors.shape import compiled

ALL = [*pii.all_detectors(), *secrets.all_detectors(), *links.all_detectors(), *disguise.all_detectors()]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain", "plain"),
        ("４２＠ａ．ｂ", "42@a.b"),
        ("٤٢ ४२ 𝟜𝟚", "42 42 42"),
        ("a\u00a0b\u3000c\u2011d", "a b c-d"),
        ("日本語 für “x”", "日本語 für “x”"),
        ("\ud800a", "\ufffda"),
    ],
)
def test_fold_keeps_the_length(text, folded):
    assert fold(text) == folded
    assert len(fold(text)) == len(text)


def test_left_of_reads_no_further_than_the_context():
    text = "X" * 100 + "SSN " + "1"
    assert left_of(text, 104) == ("x" * 60) + "ssn "
    assert len(left_of(text, 104)) == CONTEXT


@pytest.mark.parametrize(
    ("text", "apart"), [("a12b", False), (" 12 ", True), ("12", True), ("é12", False), ("-12.", True)]
)
def test_whole(text, apart):
    start = text.index("1")
    assert whole(text, start, start + 2) is apart


@pytest.mark.parametrize("recogniser", ALL, ids=lambda r: r.info.id)
def test_declaration(recogniser):
    assert recogniser.info.spans
    assert all(exists(hazard) or hazard.startswith("custom.") for hazard in recogniser.info.hazards)
    assert not compiled(recogniser.shape.full).search("")
    assert compiled(recogniser.needs)
