"""The door to "why": known ids, unknown ids, words for hazards."""

from dataclasses import replace

import httpx
import pytest

from guardproxy.console.app import console_app
from guardproxy.console.decisions import labels
from guardproxy.observe.recent import Decided, Row, Why
from guardproxy.observe.record import Timing

WHY = Why("output", "rude-words", "demo.yaml:7", "refuse", "enforce", "harassment.abuse", 1, 1.0, 1.0, ("words",), ())
ROW = Row(
    *("ID1", 0.0, "default", "chat_completions", False, "refuse", 200, "content_filter", "", "demo@1", "abc"),
    (),
    (WHY,),
    (),
    (),
    Timing(),
    (),
)


async def get(hall, path, accept="*/*"):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.get(path, headers={"accept": accept})


async def test_a_known_decision(hall, monkeypatch):
    monkeypatch.setattr(hall.recorder.recent, "find", lambda found: ROW if found == "ID1" else None)
    tree = (await get(hall, "/admin/decisions/ID1")).json()
    assert tree["why"][0]["source"] == "demo.yaml:7"
    assert tree["labels"] == {"harassment.abuse": "insults aimed at a person"}


async def test_an_unknown_decision_is_not_repeated(hall):
    answer = await get(hall, "/admin/decisions/marmalade")
    assert answer.status_code == 404
    assert "marmalade" not in answer.text


def test_labels_speak_the_language(hall):
    assert labels(hall, ROW, "de") != labels(hall, ROW)


def test_a_subject_that_the_policy_made_up_has_words(hall):
    own = replace(ROW, why=(replace(WHY, hazard="custom"), replace(WHY, hazard="custom.names")))
    assert set(labels(hall, own).values()) == {"a subject of this policy"}


class Ring(list):
    """What the pages ask of the recorder's ring."""

    def newest(self, count):
        return self[:count]

    def find(self, decision_id):
        return next((row for row in self if row.decision_id == decision_id), None)


DONE = Decided("output", "refuse", "rude-words", "harassment.abuse", "refuse", "scanned")
CALM = replace(ROW, decision_id="ID2", outcome="allow", why=(), surface="embeddings", stages=())
SHADOW = replace(ROW, decision_id="ID3", outcome="allow", stages=(replace(DONE, action="allow", rule=""),))
ROWS = Ring([SHADOW, CALM, replace(ROW, stages=(DONE,))])


@pytest.fixture
def rows(hall, monkeypatch):
    monkeypatch.setattr(hall.recorder, "recent", ROWS)


async def shown(hall, query):
    text = (await get(hall, f"/admin/decisions{query}")).text
    return [piece.partition('"')[0] for piece in text.split('id="d-')[1:]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["ID3", "ID2", "ID1"]),
        ("?action=refuse", ["ID1"]),
        ("?action=allow", ["ID3", "ID2"]),
        ("?rule=rude-words", ["ID3", "ID1"]),
        ("?surface=embeddings", ["ID2"]),
        ("?stage=output", ["ID3", "ID1"]),
        ("?stage=input", []),
        ("?would=1", ["ID3"]),
        ("?rule=marmalade", []),
        ("/rows?action=refuse", ["ID1"]),
    ],
)
async def test_filters(hall, rows, query, expected):
    assert await shown(hall, query) == expected


async def test_a_row_names_what_stands_for_the_exchange(hall, monkeypatch):
    """A warning at the input stays in front of a mere log entry at the output."""
    asked = Decided("input", "warn", "heron-shop", "custom", "warn", "scanned")
    said = Decided("output", "log", "unspecified", "unspecified", "log", "scanned")
    monkeypatch.setattr(hall.recorder, "recent", Ring([replace(ROW, outcome="warn", why=(), stages=(asked, said))]))
    text = (await get(hall, "/admin/decisions/rows")).text
    assert "<td>heron-shop</td>" in text
    assert "<td>input</td>" in text
    assert "unspecified" not in text


async def test_the_rows_ask_again_only_when_followed(hall, rows):
    assert "every 2s" in (await get(hall, "/admin/decisions/rows?live=1")).text
    assert "every 2s" not in (await get(hall, "/admin/decisions/rows")).text
    assert (await get(hall, "/admin/decisions/rows?live=1&latest=ID3")).status_code == 204


async def test_an_empty_ring(hall):
    assert "Nothing was decided yet." in (await get(hall, "/admin/decisions")).text


async def test_a_browser_gets_the_page(hall, rows):
    page = await get(hall, "/admin/decisions/ID1", accept="text/html")
    for words in ("insults aimed at a person", "demo.yaml:7", "withheld", "scanned"):
        assert words in page.text
    gone = await get(hall, "/admin/decisions/marmalade", accept="text/html")
    assert gone.status_code == 404
    assert "marmalade" not in gone.text


async def test_a_written_place_leads_to_the_file(hall, rows):
    source = next(iter(hall.shelf.files.values()))
    ROWS[2] = replace(ROW, why=(replace(WHY, source=f"{source}:7"),))
    assert 'href="/admin/policies/demo#L7"' in (await get(hall, "/admin/decisions/ID1", accept="text/html")).text
