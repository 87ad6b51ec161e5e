"""Rules against detectors: can it fire, is everything heard?"""

import pytest

from guardproxy.core.detector_info import Tier, Unit

HEAD = "rules:\n  - {id: a-rule, about: A rule for these tests., "
COARSE = "hazard: crime, thresholds: {refuse: 0.9}}\n"
ABUSE = "hazard: harassment.abuse, thresholds: {refuse: 0.9}}\n"


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("detector: pii.card_nmber, on_match: redact}\n", "GP202"),
        ("hazard: defamation, thresholds: {refuse: 0.9}}\n", "GP212"),
        ("hazard: crime.fraud, thresholds: {refuse: 0.9}}\n", "GP212"),
        (ABUSE, "GP217"),
    ],
)
def test_settled_is_an_error_else_a_warning(lint, rest, code):
    assert lint(HEAD + rest, settled=True).errors == [code]
    found = lint(HEAD + rest)
    assert found.errors == []
    assert code in found.row("GP711").message


def test_a_family_needs_one_reportable_id(lint):
    rest = "hazard: harassment, thresholds: {refuse: 0.9}}\nnot_watched: rest\n"
    assert lint(HEAD + rest, settled=True).errors == []


@pytest.mark.parametrize(
    ("rest", "errors"),
    [
        (ABUSE + "not_watched: rest\n", []),
        (ABUSE + "not_watched: [crime, self_harm, attack]\n", []),
        (ABUSE + "not_watched: [crime, self_harm]\n", ["GP217"]),
        (
            ABUSE
            + "  - {id: two, about: A decision in writing., hazard: crime, mode: disabled, thresholds: {log: 0.5}}\n"
            "not_watched: [self_harm, attack.jailbreak]\n",
            [],
        ),
        (ABUSE + "  - {id: two, about: All of its findings., detector: sample.model, thresholds: {log: 0.5}}\n", []),
        ("words: [paper kite], on_match: refuse}\n", []),
        ("detector: pii.card_number, on_match: redact}\n", []),
        ("hazard: harassment.abuse, mode: disabled, thresholds: {refuse: 0.9}}\n", []),
        ("hazard: harassment.abuse, level: 2, thresholds: {refuse: 0.9}}\n", []),
    ],
)
def test_findings_nobody_hears(lint, rest, errors):
    assert lint(HEAD + rest, settled=True).errors == errors


def test_the_open_ids_are_listed(lint):
    message = lint(HEAD + ABUSE, settled=True).row("GP217").message
    assert message.endswith("attack.jailbreak, crime, self_harm.intent")


def test_instant_detectors_need_no_cover(lint, sample_info):
    both = sample_info(
        "sample.spans", "privacy.pii", "security.secrets", tier=Tier.INSTANT, unit=Unit.MATCH, spans=True
    )
    rest = "hazard: privacy.pii, thresholds: {redact: 0.9}}\n"
    assert lint(HEAD + rest, settled=True, detectors=[both]).errors == []


@pytest.mark.parametrize(
    ("rest", "errors"),
    [
        ("hazard: harassment.abuse, thresholds: {redact: 0.9}}\n", ["GP210"]),
        ("hazard: privacy.pii, thresholds: {redact: 0.9}}\n", []),
        ("detector: sample.model, thresholds: {redact: 0.9}}\n", ["GP210"]),
        ("detector: pii.card_number, on_match: redact}\n", []),
        ("words: [paper kite], on_match: redact}\n", []),
    ],
)
def test_redact_needs_spans(lint, rest, errors):
    assert lint(HEAD + rest + "not_watched: rest\n").errors == errors


def test_one_detector_without_spans_is_enough(lint, sample_info):
    exact = sample_info("sample.exact", "harassment.abuse", spans=True)
    vague = sample_info("sample.vague", "harassment.abuse")
    rest = "hazard: harassment.abuse, thresholds: {redact: 0.9}}\n"
    assert lint(HEAD + rest, detectors=[exact]).errors == []
    assert lint(HEAD + rest, detectors=[exact, vague]).errors == ["GP210"]


@pytest.mark.parametrize(
    ("overlap", "rest", "errors"),
    [(120, ABUSE, []), (121, ABUSE, ["GP403"]), (121, "words: [paper kite], on_match: refuse}\n", [])],
)
def test_overlap(lint, sample_info, overlap, rest, errors):
    model = sample_info("sample.model", "harassment.abuse", overlap=overlap)
    assert lint(HEAD + rest, settled=True, detectors=[model]).errors == errors


def test_rules_of_a_parent_are_judged_at_the_parent(lint):
    found = lint(above=HEAD + "hazard: defamation, thresholds: {refuse: 0.9}}\n", below="extends: above\nrules: []\n")
    assert [row.file.rsplit("/", 1)[1] for row in found.problems if row.code == "GP711"] == ["above.yaml"]


@pytest.mark.parametrize(
    ("name", "settled", "errors"),
    [
        ("crime.fraud", True, []),
        ("crime", True, []),
        ("sample.model", True, []),
        ("crime.fruad", False, ["GP201"]),
        ("somebody.elses", True, ["GP202"]),
        ("somebody.elses", False, []),
    ],
)
def test_scores_in_tests_name_something(lint, name, settled, errors):
    test = f"tests: [{{name: a, user: x, scores: {{input: {{{name}: 0.1}}}}, expect: allow}}]\n"
    assert lint(test, settled=settled).errors == errors
