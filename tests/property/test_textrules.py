"""The law of `core.holdback.Scanner`, and both engines alike. Seeds are fixed and printed."""

from __future__ import annotations

import base64
import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Rule
from guardproxy.detectors.textrules import TextRules

REFUSE = Ladder((LadderStep(Action.REFUSE, 1.0),))
PHRASES = ("bluefinch", "zebra marmalade protocol", "BF-2931-7745-KITE", "проект синица", "青鸟计划", "grünspecht akte")
PATTERNS = (r"\bHX-[0-9]{4}-[A-Z]{4}\b", r"(?i)secret\s+recipe", r"\bA+B", r"[0-9]{3} [0-9]{3}", r"key=\w+")
RULES = TextRules(
    [Rule(f"w{i}", Kind.WORDS, "", REFUSE, phrases=(p,)) for i, p in enumerate(PHRASES)]
    + [Rule(f"p{i}", Kind.PATTERN, p, REFUSE) for i, p in enumerate(PATTERNS)]
)
FRAGMENTS = [
    "zebra",
    "marmalade",
    "protocol",
    "blue",
    "finch",
    "the",
    "of",
    "b",
    "l",
    "u",
    "e",
    "-",
    '"',
    "+",
    "<b>",
    "</b>",
    "98",
    "108",
    "117",
    "HX-20",
    "31-ABCD",
    "secret",
    "recipe",
    "AAAB",
    "123",
    "456",
    "key=",
    "emVi",
    "cmEg",
    "青鸟",
    "计划",
    "好",
    ".",
    "**",
    "&#98;",
    "%62",
    "\\u0062",
    "echo",
    "lima",
    ".-",
    "--",
    "x",
    "проект",
    "синица",
    "z3bra",
    "hcnif",
    "eulb",
    "locotorp",
    "edalamram",
    "mroen",
    "zneznynqr",
    "<!--",
    "-->",
    "[a](b)",
    "\u200b",
    "́",
    "zeeebra",
]
DISGUISED = [
    "z.e.b.r.a m.a.r.m.a.l.a.d.e p.r.o.t.o.c.o.l",
    '"zebra marmal" + "ade protocol"',
    "z<b></b>ebra marma<b class='x y'></b>lade protocol",
    base64.b64encode(b"zebra marmalade protocol").decode(),
    "emVi cmEg bWFy bWFs YWRl IHBy b3Rv Y29s",
    "98 108 117 101 102 105 110 99 104",
    "-... .-.. ..- . ..-. .. -. -.-. ....",
    "locotorp edalamram arbez",
    "mroen zneznynqr cebgbpby",
    "\\62 \\6c \\75 \\65 \\66 \\69 \\6e \\63 \\68 ",
    "b\u200bl\u200bu\u200be\u200bf\u200bi\u200bn\u200bc\u200bh",
    "青 鸟 计 划",
]
SEED = 20260


def scan(
    text: str, cuts: list[int], longest: int = 1000, *, patient: bool = False
) -> list[tuple[str | None, int, int]]:
    scanner = RULES.scanner(longest, patient=patient)
    found, safe, before = [], 0, 0
    for cut in [*cuts, len(text), None]:
        result = scanner.feed(text[before:cut]) if cut is not None else scanner.flush()
        before = cut or before
        assert result.safe >= safe
        for finding in result.findings:
            assert finding.span is not None
            assert finding.span.start >= safe, "a flagged character was let go"
            found.append((finding.rule, finding.span.start, finding.span.end))
        safe = result.safe
    assert safe == len(text)
    return sorted(found, key=str)


def looked(text: str) -> list[tuple[str | None, int, int]]:
    findings = RULES.look(Segment(text, Stage.OUTPUT, Scope.MODEL))
    return sorted(((f.rule, f.span.start, f.span.end) for f in findings if f.span), key=str)


@pytest.mark.parametrize("phrase", [*PHRASES, *DISGUISED])
def test_every_cut_in_two_and_three(phrase):
    text = f"so {phrase} it"
    whole = scan(text, [])
    assert whole
    assert whole == looked(text) == scan(text, list(range(1, len(text)))) == scan(text, [], patient=True)
    for size in (1, 2) if len(text) < 40 else (1,):
        for cuts in combinations(range(1, len(text)), size):
            assert scan(text, list(cuts)) == whole


@pytest.mark.parametrize("longest", [150, 1000])
def test_random_documents_random_cuts(longest):
    print("seed", SEED)
    chance = random.Random(SEED + longest)
    for _ in range(150):
        pieces = [chance.choice([*FRAGMENTS, *DISGUISED]) for _ in range(chance.randint(1, 25))]
        text = "".join(p + chance.choice(["", " ", " ", "\n", ". "]) for p in pieces)
        whole = scan(text, [], longest)
        if longest == 1000:
            assert whole == looked(text)
        cuts = sorted(chance.sample(range(len(text) + 1), min(len(text), chance.randint(1, 9))))
        assert scan(text, cuts, longest) == whole
        assert scan(text, list(range(1, len(text))), longest) == whole
        assert scan(text, [], longest, patient=True) == scan(text, cuts, longest, patient=True) == whole


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.text(alphabet=st.sampled_from("ab1HX-20 ABCD.\n\u200bé青"), max_size=60))
def test_both_engines_find_the_same(text):
    sources = [*PATTERNS, r"(?i)hx-\d+", r"[^\n]{3}b", r"\p{L}+\d", r"a|ab", r"(?m)^b.*$"]
    rules = [Rule(f"p{i}", Kind.PATTERN, p, REFUSE) for i, p in enumerate(sources)]
    segment = Segment(text, Stage.INPUT, Scope.USER)
    found = [[(f.rule, f.span) for f in TextRules(rules, engine).look(segment)] for engine in ("hyperscan", "re2")]
    assert found[0] == found[1]
