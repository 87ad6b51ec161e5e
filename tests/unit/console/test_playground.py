"""The playground over HTTP: the same decision as in the proxy, the words, what is refused as a form."""

import httpx
import pytest

from guardproxy.console.app import console_app
from guardproxy.console.playground import MOST_CHARACTERS


async def post(hall, part=True, **fields):
    transport = httpx.ASGITransport(console_app(hall))
    headers = {"hx-request": "true"} if part else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.post("/admin/playground", data=fields, headers=headers)


async def test_an_answer_that_is_refused(hall):
    text = (await post(hall, text="You are such a dummy", role="assistant")).text
    assert "<html" not in text
    for words in ("by rule <strong>rude-words</strong>", "held back by the safety policy", "1.00 reaches refuse"):
        assert words in text
    assert "demo.yaml:" in text


async def test_a_prompt_that_passes(hall):
    text = (await post(hall, text="Good morning", role="user")).text
    assert 'data-tone="allow"' in text
    assert "nothing of ours" in text
    assert "pii.card_number" in text  # looked and found nothing


async def test_in_the_readers_language(hall):
    text = (await post(hall, text="You are such a dummy", role="assistant", locale="de")).text
    assert "@de" in text


async def test_without_htmx_it_is_a_whole_page(hall):
    text = (await post(hall, part=False, text="You are such a <dummy>", role="assistant")).text
    assert "<html" in text
    assert "You are such a &lt;dummy&gt;</textarea>" in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"role": "user"}, "Write a text"),
        ({"text": "   "}, "Write a text"),
        ({"text": "x" * (MOST_CHARACTERS + 1)}, "Write a text"),
        ({"text": "x", "role": "root"}, "Choose one of the roles"),
        ({"text": "x", "role": "user", "locale": "xx"}, "Choose one of the roles"),
        ({"text": "x", "role": "user", "country": "FRA"}, "two letters"),
        ({"text": "x", "role": "user", "policy": "marmalade"}, "no longer there"),
        ({"text": "x", "role": "user", "policy": "disk:marmalade"}, "no longer there"),
    ],
)
async def test_a_wrong_form(hall, fields, said):
    answer = await post(hall, **fields)
    assert said in answer.text
    assert "marmalade" not in answer.text
    assert (await post(hall, part=False, **fields)).status_code == 400


async def test_json_is_no_form(hall):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.post("/admin/playground", json={"text": "x"})
    assert "could not be read" in answer.text


async def test_nothing_is_counted(hall):
    before = hall.recorder.metrics.render(None)[0]
    await post(hall, text="You are such a dummy", role="assistant")
    assert hall.recorder.metrics.render(None)[0] == before
    assert len(hall.recorder.recent) == 0


async def test_the_file_on_disk_can_be_chosen(hall):
    answer = await post(hall, text="You are such a dummy", role="assistant", policy="disk:demo")
    assert "(on disk, not loaded)" in answer.text
