"""Phrases and patterns: the semantics of policy-language.md 3.1 and 3.2, on input and in streams."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Span
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Rule
from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.benign import BENIGN

REFUSE = Ladder((LadderStep(Action.REFUSE, 1.0),))


def words(*phrases: str, **more: object) -> Rule:
    return Rule("w", Kind.WORDS, "", REFUSE, phrases=phrases, **more)


def pattern(source: str) -> Rule:
    return Rule("p", Kind.PATTERN, source, REFUSE)


def look(rules: TextRules, text: str) -> list[tuple[str | None, Span | None]]:
    return [(f.rule, f.span) for f in rules.look(Segment(text, Stage.INPUT, Scope.USER))]


def stream(rules: TextRules, text: str, piece: int = 1, longest: int = 1000) -> list[tuple[str | None, Span | None]]:
    scanner, found, safe = rules.scanner(longest), [], 0
    for at in range(0, len(text) + piece, piece):
        scan = scanner.feed(text[at : at + piece]) if at < len(text) else scanner.flush()
        assert scan.safe >= safe
        assert all(f.span.start >= safe for f in scan.findings)
        found += [(f.rule, f.span) for f in scan.findings]
        safe = scan.safe
    assert safe == len(text)
    return found


@pytest.mark.parametrize(
    ("phrase", "text", "hit"),
    [
        ("heron", "the heron flew", "heron"),
        ("heron", "the herons flew", None),
        ("heron", "HERON!", "HERON"),
        ("copper heron", "COPPER-HERON", "COPPER-HERON"),
        ("copper heron", "copper  \n heron", "copper  \n heron"),
        ("copper heron", "the pipes are copper. Heron watchers", None),
        ("copper heron", "copper" + " " * 9 + "heron", None),
        ("copper heron", "copperheron", None),
        ("copper heron", "c o p p e r h e r o n", "c o p p e r h e r o n"),
        ("bluefinch", "blue finch", None),
        ("bluefinch", "blue. Finch", None),
        ("bluefinch", "blue-finch", "blue-finch"),
        ("bluefinch", "blu3f1nch", "blu3f1nch"),
        ("bluefinch", "bluuuefinch", "bluuuefinch"),
        ("bluefinch", "bluuefinch", None),
        ("bluefinch", "Bluefinch,", "Bluefinch"),
        ("sos", "room 505", None),
        ("青鸟计划", "关于青鸟计划的事", "青鸟计划"),
        ("銅の鷺計画", "銅の鷺計画です", "銅の鷺計画"),
        ("grünspecht akte", "Gruenspecht-Akte", "Gruenspecht-Akte"),
        ("grünspecht akte", "GRÜNSPECHT AKTE", "GRÜNSPECHT AKTE"),
        ("проект синица", "ПРОЕКТ СИНИЦА", "ПРОЕКТ СИНИЦА"),
        ("bluefinch", "oyhrsvapu", "oyhrsvapu"),
        ("bluefinch", "hcnifeulb", "hcnifeulb"),
        ("jolly", "good cheer", None),
    ],
)
def test_words(phrase, text, hit):
    rules = TextRules([words(phrase)])
    expected = [] if hit is None else [("w", Span(text.index(hit), text.index(hit) + len(hit)))]
    assert look(rules, text) == expected
    assert stream(rules, text) == expected


@pytest.mark.parametrize("engine", ["hyperscan", "re2"])
@pytest.mark.parametrize(
    ("source", "text", "hits"),
    [
        (r"\bHX-[0-9]{4}-[A-Z]{4}\b", "see HX-2031-ABCD ok", ["HX-2031-ABCD"]),
        (r"\bHX-[0-9]{4}-[A-Z]{4}\b", "see hx-2031-abcd ok", []),
        (r"(?i)secret\s+recipe", "a SECRET  Recipe", ["SECRET  Recipe"]),
        (r"[0-9]{3} [0-9]{3}", "123 456 789 012", ["123 456", "789 012"]),
        (r"ab$", "ab ab", ["ab"]),
        (r"^ab", "ab ab", ["ab"]),
        (r"\bHX-[0-9]{4}\b", "H\u200bX-20\u200b31 x", ["H\u200bX-20\u200b31"]),
        (r"\bHX-[0-9]{4}\b", "SFgtMjAzMQ==", ["SFgtMjAzMQ=="]),
    ],
)
def test_patterns(engine, source, text, hits):
    rules = TextRules([pattern(source)], engine)
    found = look(rules, text)
    assert [text[s.start : s.end] for _, s in found if s] == hits
    assert stream(rules, text) == found


def test_findings_say_whose_phrase_it_was():
    rules = TextRules([words("heron", counts_as="custom.bird"), pattern("HX")])
    first, second = rules.look(Segment("heron HX", Stage.INPUT, Scope.USER))
    assert (first.detector, first.hazard, first.rule, first.score, first.evidence.view) == (
        "words",
        "custom.bird",
        "w",
        1.0,
        "plain",
    )
    assert (second.detector, second.hazard, second.rule) == ("pattern", "custom", "p")


def test_disabled_rules_do_not_run():
    assert not look(TextRules([words("heron", mode=Mode.DISABLED)]), "heron")


def test_prose_is_hardly_held():
    scanner = TextRules([words("copper heron")]).scanner(1000)
    scan = scanner.feed("The weather has been mild and the cop")
    assert scan.safe == len("The weather has been mild and the ")
    assert scanner.feed("per ").safe == len("The weather has been mild and the ")
    assert scanner.feed("pipes ").safe == len("The weather has been mild and the copper pipes ")


def test_an_endless_match_counts_when_it_outgrows_the_limit():
    found = stream(TextRules([pattern(r"key=\w+")]), "x key=" + "a" * 400, longest=150)
    assert found[0] == ("p", Span(2, 150))


def test_an_encoded_text_that_outgrows_the_limit_is_over_encoded():
    text = ("calm words about gardens. " * 30).encode().hex()
    scanner = TextRules([words("heron")]).scanner(300)
    assert [f.hazard for f in scanner.feed(text).findings][:1] == ["unscannable.over_encoded"]


@pytest.mark.parametrize("at", [0, 1000, 8000, 128_000])
def test_at_any_offset(at):
    rules = TextRules([words("copper heron")])
    filler = ("The weather has been mild this week. " * (at // 37 + 1))[:at]
    text = f"{filler} copper heron {filler[:500]}"
    assert look(rules, text) == [("w", Span(at + 1, at + 13))]
    assert stream(rules, text, 997) == [("w", Span(at + 1, at + 13))]


def test_harmless_texts_pass_whole():
    rules = TextRules(
        [
            words("bluefinch", "zebra marmalade protocol", "BF-2931-7745-KITE", "青鸟计划", "проект синица"),
            pattern(r"\bHX-\d{4}"),
        ]
    )
    for text in BENIGN:
        assert look(rules, text) == []
        assert stream(rules, text, 7) == []
