"""A policy's own texts."""

import pytest

HARD = "I can't help with {topic} here. I'm glad to help with something else."


def said(shape, text=HARD):
    return f'{shape}: {{en: "{text}"}}'


@pytest.mark.parametrize(
    ("messages", "errors"),
    [
        (said("hard"), []),
        (said("refuse"), []),
        (f"{said('hard')}, {said('refuse')}", ["GP003"]),
        (said("hrad"), ["GP104"]),
        ("tone: warm", []),
        ("tone: loud", ["GP208"]),
        ("default_locale: de", []),
        ("default_locale: x!", ["GP501"]),
        ("hard: text", ["GP105"]),
        ("hard: {en: 42}", ["GP105"]),
        ("hard: {en: ~}", ["GP105"]),
        ("hard: {english: text}", ["GP501"]),
        (said("short", "Not available."), []),
        (said("short", ""), ["GP504"]),
        (said("hard", HARD + " {user_text}"), ["GP503"]),
        (said("hard", HARD + "\\r\\nX-Evil: 1"), ["GP620"]),
        (said("hard", HARD + " {{7*7}} ${HOME} {request.__class__}"), []),
        (said("hard", HARD + "\\u202e"), ["GP620"]),
        (f"by_hazard: {{crime.cyber: {{{said('hard')}}}}}", []),
        (f"by_hazard: {{crime.cybre: {{{said('hard')}}}}}", ["GP201"]),
        (f"by_hazard: {{crime.cyber: {{{said('hrad')}}}}}", ["GP104"]),
        (f"by_hazard: {{crime.cyber: {{{said('by_rule')}}}}}", ["GP104"]),
        (f"by_hazard: {{self_harm.intent: {{{said('hard')}}}}}", ["GP213"]),
        (f"by_hazard: {{self_harm.intent: {{{said('refuse')}}}}}", ["GP213"]),
        ("by_hazard: {crime: text}", ["GP105"]),
        ("by_hazard: [crime]", ["GP105"]),
        (f"by_rule: {{first-rule: {{{said('hard')}}}}}", []),
        (f"by_rule: {{First: {{{said('hard')}}}}}", ["GP106"]),
    ],
)
def test_messages(lint, messages, errors):
    assert lint(f"messages: {{{messages}}}\n").errors == errors


def test_cells_arrive(lint):
    texts = lint(
        f'messages:\n  tone: warm\n  default_locale: de\n  refuse: {{en: "{HARD}"}}\n'
        f'  by_rule: {{first-rule: {{hard: {{pt-br: "{HARD}"}}}}}}\n'
    ).policy.texts
    assert (texts.tone, texts.default_locale) == ("warm", "de")
    assert texts.cells["", "hard"].get("en") == HARD
    assert texts.cells["rule:first-rule", "hard"].get("pt-BR") == HARD


def test_norwegian_is_a_language(lint):
    text = "Jeg kan ikke hjelpe med {topic} her. Jeg hjelper gjerne med noe annet."
    assert lint(f"messages:\n  hard:\n    no: {text}\n").policy.texts.cells["", "hard"].get("no") == text


def test_a_block_text_loses_its_last_line_feed(lint):
    policy = lint("messages:\n  short:\n    en: |\n      Not available\n").policy
    assert policy.texts.cells["", "short"].get("en") == "Not available"


def test_the_place_is_that_of_the_text(lint):
    row = lint(f"messages:\n  hard:\n    en: {HARD} It is immoral.\n").row("GP604")
    assert (row.line, row.column) == (10, 9)
