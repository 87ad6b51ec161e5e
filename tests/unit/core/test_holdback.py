"""The law of scanners, kept by every kind there is, on one text cut in every two."""

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Rule
from guardproxy.detectors import pii
from guardproxy.detectors.spanscan import SpanScanner
from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.stand_ins import REFUSED, PhraseScanner, ValueScanner

TEXT = "Say zorp blick and ababac to a.b@example.org, tok=abc then kx-12-34."
RULES = (
    Rule("w", Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=("zorp blick", "ababac")),
    Rule("p", Kind.PATTERN, r"kx-\d\d-\d\d", Ladder((LadderStep(Action.REFUSE, 1.0),))),
)
MAIL = tuple(d for d in pii.all_detectors() if d.info.id == "pii.email")
SCANNERS = {
    "phrases": lambda: PhraseScanner(REFUSED),
    "value": ValueScanner,
    "text rules": lambda: TextRules(RULES).scanner(100),
    "spans": lambda: SpanScanner(MAIL, 100),
}


def scanned(scanner, *pieces):
    found, safe = [], 0
    for scan in (*map(scanner.feed, pieces), scanner.flush()):
        assert scan.safe >= safe, "the cursor fell"
        assert all(f.span.start >= safe for f in scan.findings), "a finding before the cursor"
        safe = scan.safe
        found += [(f.detector, f.rule, f.span) for f in scan.findings]
    assert safe == len("".join(pieces))
    return sorted(found, key=str)


@pytest.mark.parametrize("name", SCANNERS)
def test_cut_anywhere(name):
    whole = scanned(SCANNERS[name](), TEXT)
    assert whole
    for cut in range(len(TEXT) + 1):
        assert scanned(SCANNERS[name](), TEXT[:cut], TEXT[cut:]) == whole, cut
    assert scanned(SCANNERS[name](), *TEXT) == whole


@pytest.mark.parametrize("name", SCANNERS)
def test_findings_are_of_the_output(name):
    scanner = SCANNERS[name]()
    scans = [scanner.feed(TEXT), scanner.flush()]
    assert {f.segment.stage for scan in scans for f in scan.findings} == {Stage.OUTPUT}


@pytest.mark.parametrize("name", SCANNERS)
def test_an_empty_channel(name):
    assert scanned(SCANNERS[name]()) == []
