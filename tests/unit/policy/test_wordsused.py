"""Texts and lists that are used, in every language."""

import pytest

SHORT = "{short: {en: Not available}}"


@pytest.mark.parametrize(
    ("messages", "used"),
    [
        (f"by_rule: {{first-rule: {SHORT}}}", True),
        (f"by_rule: {{first-rlue: {SHORT}}}", False),
        (f"by_rule: {{session: {SHORT}}}", True),
        (f"by_hazard: {{custom: {SHORT}}}", True),
        (f"by_hazard: {{crime.cyber: {SHORT}}}", False),
        (f"by_hazard: {{unscannable.media: {SHORT}}}", True),
    ],
)
def test_texts(lint, messages, used):
    found = lint(f"messages: {{{messages}}}\n")
    assert ("GP701" not in found.warnings) is used


def test_a_family_text_is_used_by_its_leaf_and_the_other_way_round(lint):
    rule = "rules:\n  - {{id: first-rule, about: Deceit is not for us., hazard: {}, thresholds: {{refuse: 0.9}}}}\n"
    for hazard, cell in (("crime.fraud", "crime"), ("crime", "crime.fraud"), ("crime", "crime")):
        assert "GP701" not in lint(rule.format(hazard) + f"messages: {{by_hazard: {{{cell}: {SHORT}}}}}\n").warnings
    assert "GP701" in lint(rule.format("crime.fraud") + f"messages: {{by_hazard: {{crime.cyber: {SHORT}}}}}\n").warnings


def test_translations(lint):
    found = lint(
        "messages:\n  short: {en: Not available, de: Nicht hier}\n  by_rule: {first-rule: {short: {en: Not here}}}\n"
    )
    rows = [row for row in found.problems if row.code == "GP703"]
    assert [row.message for row in rows] == ["no text in de: another one is shown"]


@pytest.mark.parametrize(("topic", "rows"), [("{en: kites}", 1), ("{en: kites, de: Drachen}", 0)])
def test_topics_are_translated_like_texts(lint, topic, rows):
    rule = "{id: first-rule, about: The code name stays inside., words: [paper kite], on_match: refuse, topic: %s}"
    found = lint(f"messages: {{short: {{en: Not available, de: Nicht hier}}}}\nrules: [{rule % topic}]\n")
    assert found.warnings.count("GP703") == rows


def test_lists(lint, tmp_path):
    (tmp_path / "lists").mkdir()
    for name in ("used", "idle"):
        (tmp_path / "lists" / f"{name}.txt").write_text("paper kite\n")
    rule = "rules:\n  - {id: first-rule, about: The code name stays inside., words: {list: used}, on_match: refuse}\n"
    found = lint(one=rule, two="levels: {enforce: 1}\n")
    assert [row.file.rsplit("/", 1)[1] for row in found.problems if row.code == "GP701"] == ["idle.txt"]
