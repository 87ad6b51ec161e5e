"""The door to "why": known ids, unknown ids, words for hazards."""

import httpx

from guardproxy.console.app import console_app
from guardproxy.console.decisions import labels
from guardproxy.observe.recent import Row, Why
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


async def get(hall, path):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.get(path)


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
