"""The pages of policies: the list, one file, loading, history."""

import httpx
import pytest

from guardproxy.console.app import console_app


@pytest.fixture
async def http(hall):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_the_list(http):
    text = (await http.get("/admin/policies")).text
    for words in ("demo@1", "the same", "clean", "passed", "Attempts to load", "start"):
        assert words in text


async def test_one_file_with_its_lines(http):
    text = (await http.get("/admin/policies/demo")).text
    assert 'id="L4"' in text
    assert "policy: demo" in text
    assert "passed, 0 failed" in text


@pytest.mark.parametrize("name", ["marmalade", "..%2Fdemo"])
async def test_no_such_file(http, name):
    answer = await http.get(f"/admin/policies/{name}")
    assert answer.status_code == 404
    assert "marmalade" not in answer.text


async def test_loading_is_recorded_with_its_actor(http, hall):
    answer = await http.post("/admin/policies/load", auth=("ada", ""))
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/policies#history")
    assert hall.shelf.attempts[0].actor == "console (ada)"
    assert "console (ada)" in (await http.get("/admin/policies")).text


async def test_other_sites_cannot_load(http, hall):
    before = len(hall.shelf.attempts)
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert (await http.post("/admin/policies/load", headers=headers)).status_code == 403
    assert len(hall.shelf.attempts) == before
