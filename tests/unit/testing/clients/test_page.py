import pytest

from guardproxy.testing.clients.asking import Shown
from guardproxy.testing.clients.families import FAMILIES
from guardproxy.testing.clients.page import BEGIN, END, put_into, table
from guardproxy.testing.clients.scenarios import NOTICE, REFUSAL, SCENARIOS, Cell, Raised, Seen

ERROR = Raised("APIError", "content_filter", 400, explains=True)


def shown(seen):
    cells = {Cell("chat", mode, name): what for (mode, name), what in seen.items()}
    return Shown(FAMILIES["openai-py"], {"openai": "9.9"}, cells, {Cell("responses", "plain", "allow"): "waits"}, 7)


def row(seen):
    lines = table([shown(seen)]).splitlines()
    return dict(zip(SCENARIOS, [cell.strip() for cell in lines[2].split("|")[3:-1]], strict=True))


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen("Hello.", "stop", None, None, 1), "answer"),
        (Seen(f"Hello.{NOTICE}", "stop", None, None, 1), "answer + notice"),
        (Seen("I met [name].", "stop", None, None, 1), "answer, `[name]`"),
        (Seen(REFUSAL, "content_filter", None, None, 0), "refusal, `content_filter`"),
        (Seen(f"So\n\n{REFUSAL}", "refusal", None, None, 0), "text, then refusal, `refusal`"),
        (Seen("", "stop", REFUSAL, None, 0), "refusal in `refusal`"),
        (Seen("", "stop", None, None, 0), "**nothing**"),
        (Seen("", None, None, ERROR, 0), "`APIError` `content_filter`, with the refusal"),
        (Seen("Half", None, None, Raised("E", None, 503, explains=False), 1), "answer, `E` `503`"),
    ],
)
def test_what_a_client_showed_in_a_few_words(seen, words):
    assert row({("plain", "allow"): seen, ("stream", "allow"): seen})["allow"] == words
    assert row({("stream", "cut"): seen})["cut"] == words


def test_plain_and_streamed_stand_apart_when_they_differ():
    calm, silent = Seen("Hello.", "stop", None, None, 1), Seen("", None, None, None, 1)
    found = row({("plain", "allow"): calm, ("stream", "allow"): silent})
    assert found["allow"] == "answer; streamed: **nothing**"
    assert found["warn"] == "not asked"


def test_the_page_keeps_what_is_around_the_table():
    one = shown({("plain", "allow"): Seen("Hello.", "stop", None, None, 1)})
    page = put_into(f"Above.\n{BEGIN}\nold\n{END}\nBelow.\n", [one], "Run today.")
    assert page.startswith(f"Above.\n{BEGIN}\nRun today. 1 questions, 7 decisions.\n\n| client | speaks |")
    assert page.endswith(f"\n* openai-py: openai 9.9\n{END}\nBelow.\n")
    assert "Not asked: openai-python 9.9 on responses (waits; streamed: not asked)." in page
    assert put_into(page, [one], "Run today.") == page


def test_a_page_without_marks_is_an_error():
    with pytest.raises(AssertionError, match="needs the lines"):
        put_into("nothing here", [], "Run today.")
