"""Tables of hidden text."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Span
from guardproxy.core.hazards import stages_of
from guardproxy.detectors.disguise import HiddenText

HIDDEN = HiddenText()


def tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(char)) for char in text)


def selectors(data: bytes) -> str:
    return "".join(chr(0xFE00 + b if b < 16 else 0xE0100 + b - 16) for b in data)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("hi" + tags("go on") + ".", Span(2, 7)),
        ("a" + tags("x"), Span(1, 2)),
        ("\U0001f3f4" + tags("gbeng") + "\U000e007f" + tags("more"), Span(0, 11)),
        ("\U0001f600" + selectors(b"plan"), Span(1, 5)),
        ("a" + chr(0xE0101), Span(1, 2)),
        ("one" + "\u200b\u200c" * 4 + "two", Span(3, 11)),
        ("\u2060\u2061\u2062\u2063\u2064", Span(0, 5)),
        ("\u3164" * 6, Span(0, 6)),
        ("\u200bb\u200bl\u200bu\u200be\u200bf\u200b", Span(0, 11)),
    ],
)
def test_hidden(text, span):
    assert [f.span for f in HIDDEN.look(Segment(text, Stage.INPUT, Scope.USER))] == [span]


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",  # a family
        "\U0001f469\U0001f3fd\u200d❤️\u200d\U0001f48b\u200d\U0001f468\U0001f3fb",
        "\U0001f3f4" + tags("gbsct") + "\U000e007f and \U0001f3f4" + tags("ustx") + "\U000e007f",
        "\U0001f3f4\u200d☠️ \U0001f3f3️\u200d\U0001f308",
        "می\u200cخواهم کتاب\u200cها را به\u200cروز کنم",
        "שָׁלוֹם\u200f עולם",
        "Donau\u00addampf\u00adschiff\u00adfahrt\u00ads\u00adgesell\u00adschaft",
        "葛\U000e0100城",
        "1️⃣ 2️⃣ 3️⃣ ❤️❤️❤️❤️",
        "ភាសា\u200bខ្មែរ\u200bគឺ\u200bជា\u200bភាសា\u200bកំណើត",
        "\ufeffa text with a byte order mark",
        "plain",
    ],
)
def test_not_hidden(text):
    assert HIDDEN.look(Segment(text, Stage.INPUT, Scope.USER)) == []


@pytest.mark.parametrize(("stage", "scope"), [(Stage.INPUT, Scope.USER), (Stage.OUTPUT, Scope.MODEL)])
def test_hazard_exists_at_its_stage(stage, scope):
    (finding,) = HIDDEN.look(Segment(tags("go"), stage, scope))
    assert stage in stages_of(finding.hazard)
    assert finding.hazard in HIDDEN.info.hazards
