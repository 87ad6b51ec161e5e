"""Small policies for tests: a fragment is completed, written, and linted against hand-made detectors."""

from datetime import date
from pathlib import Path

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Finding, Span
from guardproxy.core.rules import Kind
from guardproxy.policy.codes import completed
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check

TODAY = date(2026, 11, 24)


def info(name, *hazards, tier=Tier.MODEL, unit=Unit.SCORE, spans=False, overlap=0):
    return DetectorInfo(name, "1", frozenset(hazards), tier, unit, spans, stages=frozenset(Stage), overlap=overlap)


CARD = info("pii.card_number", "privacy.pii", tier=Tier.INSTANT, unit=Unit.MATCH, spans=True)
MODEL = info("sample.model", "harassment.abuse", "crime", "self_harm.intent", "attack.jailbreak")


def find_words(policy):
    """A stand-in for the workshop: phrases by plain search, so that these tests need no detectors."""

    def look(segments):
        return [
            Finding("words", rule.counts_as or "custom", 1.0, segment, Span(at, at + len(phrase)), rule.id)
            for segment in segments
            for rule in policy.rules
            if rule.kind is Kind.WORDS
            for phrase in rule.phrases
            if (at := segment.text.casefold().find(phrase.casefold())) >= 0
        ]

    return look


class Linted:
    """What came of a lint."""

    def __init__(self, checked):
        self.checked = checked
        self.problems = checked.problems

    @property
    def errors(self):
        return [row.code for row in self.problems if row.is_error]

    @property
    def warnings(self):
        return [row.code for row in self.problems if not row.is_error]

    def row(self, code):
        return next(row for row in self.problems if row.code == code)

    @property
    def policy(self):
        assert not self.errors, [str(row) for row in self.problems]
        return self.checked.compiled[0].policy


@pytest.fixture
def lint(tmp_path):
    """`lint(example="fragment", other="fragment")`, or one fragment alone; `settled`, `serving`, `detectors`."""

    def run(fragment=None, *, settled=False, serving=False, detectors=(CARD, MODEL), inspect=find_words, **files):
        texts = files if fragment is None else {"example": fragment, **files}
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(completed(text, name), encoding="utf-8")
        path = tmp_path / "example.yaml" if list(texts) == ["example"] else tmp_path
        world = World(detectors=tuple(detectors), today=TODAY, settled=settled, serving=serving)
        return Linted(check([Path(path)], world, inspect))

    return run


@pytest.fixture
def sample_info():
    return info
