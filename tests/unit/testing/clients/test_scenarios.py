import json

import pytest

from guardproxy.testing.clients.scenarios import (
    LAWS,
    NOTICE,
    REFUSAL,
    SCENARIOS,
    SHORT,
    Cell,
    Raised,
    Seen,
    broken_law,
    model_says,
)
from guardproxy.testing.fake_upstream import Recorded


def seen(text="", finish="stop", refusal=None, error=None, calls=0, leaked=()):
    return Seen(text, finish, refusal, error, calls, leaked)


def raised(*, explains):
    return Raised("APIError", "content_filter", 400, explains)


GOOD = {
    "allow": seen("A calm answer."),
    "warn": seen(f"Two metres.{NOTICE}"),
    "redact": seen("I met [name] in Oslo."),
    "refuse": seen(REFUSAL),
    "midstream": seen(f"The plan is simple. It is\n\n{REFUSAL}"),
    "structured": seen('{"name": "Rex"}'),
    "structured-refuse": seen(refusal=REFUSAL),
    "error": seen(error=raised(explains=True)),
    "structured-error": seen(error=raised(explains=True)),
    "field": seen(refusal=REFUSAL),
    "task": seen(SHORT),
    "fault": seen(error=raised(explains=False)),
    "cut": seen("Once upon", error=raised(explains=False)),
}


def test_every_scenario_has_a_law():
    assert set(LAWS) == set(SCENARIOS) == set(GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_breaks_no_law_and_anything_else_does(name):
    cell = Cell("chat", "stream", name)
    assert broken_law(cell, GOOD[name]) == ""
    for other in (seen(), seen("Something else."), seen(error=raised(explains=name in ("fault", "cut")))):
        assert broken_law(cell, other) or other == GOOD[name]


@pytest.mark.parametrize(
    ("name", "mode", "wrong"),
    [
        ("refuse", "plain", seen(REFUSAL, calls=1)),
        ("refuse", "plain", seen(REFUSAL + REFUSAL)),
        ("midstream", "plain", seen(f"The plan is simple.\n\n{REFUSAL}")),
        ("midstream", "stream", seen(f"{REFUSAL} and more")),
        ("structured-refuse", "plain", seen(refusal=REFUSAL, calls=1)),
        ("fault", "plain", seen(error=raised(explains=True))),
        ("allow", "plain", seen("A calm answer.", leaked=("bluefinch",))),
    ],
)
def test_laws(name, mode, wrong):
    assert broken_law(Cell("chat", mode, name), wrong)


def asked(path, text, **more):
    return model_says(Recorded("POST", path, {}, json.dumps({"text": text, **more}).encode()))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_model_answers_the_question_it_is_asked(path, stream):
    said = b"".join(asked(path, "Who is [name]? (some client)", stream=stream).segments).decode()
    assert "captain tur" in said
    assert "?" in b"".join(asked(path, "Something else", stream=stream).segments).decode()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_a_model_that_dies_has_said_all_its_pieces(path):
    segments = asked(path, "Tell me a story.", stream=True).segments
    assert b"There was a " in segments[-1]
