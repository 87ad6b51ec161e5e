"""The pages of policies: the list, one file, loading, history."""

import httpx
import pytest

from guardproxy.cli.demo import POLICY
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


async def press(http, act, **fields):
    return await http.post(f"/admin/policies/trial/{act}", data={"because": "a test", **fields})


async def test_a_candidate_is_tried_promoted_and_rolled_back(http, hall, tmp_path):
    file = tmp_path / "demo.yaml"
    file.write_text(POLICY.read_text().replace("revision: 1", "revision: 7", 1))
    began = await press(http, "begin", path=str(file))
    assert (began.status_code, began.headers["location"]) == (303, "/admin/policies#candidate")
    text = (await http.get("/admin/policies")).text
    assert "demo@7" in text
    assert "No exchange was compared yet." in text
    assert (await press(http, "promote", hash="another")).status_code == 409
    digest = text.partition('name="hash" value="')[2].partition('"')[0]
    assert (await press(http, "promote", hash=digest)).status_code == 303
    assert str(hall.shelf.policies[0].ref) == "demo@7"
    assert hall.shelf.attempts[0].actor == "promote by console"
    assert (await http.get("/admin/policies/demo")).status_code == 200
    assert (await press(http, "rollback")).status_code == 303
    assert str(hall.shelf.policies[0].ref) == "demo@1"
    assert (await press(http, "withdraw")).status_code == 303


async def test_a_candidate_that_does_not_load_is_shown_with_its_errors(http, tmp_path):
    file = tmp_path / "demo.yaml"
    file.write_text(POLICY.read_text().replace("on_match", "on_mach", 1))
    answer = await press(http, "begin", path=str(file))
    assert answer.status_code == 422
    assert "GP104" in answer.text
    assert "nothing was changed" in answer.text


@pytest.mark.parametrize(
    ("act", "fields", "status"),
    [
        ("begin", {"path": "here"}, 400),
        ("withdraw", {}, 409),
        ("promote", {}, 409),
        ("rollback", {}, 409),
        ("x", {}, 404),
    ],
)
async def test_what_cannot_be_done_now(http, act, fields, status):
    answer = await press(http, act, **fields)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


async def test_json_presses_no_button(http):
    assert (await http.post("/admin/policies/trial/withdraw", json={})).status_code == 400


async def test_the_difference_is_shown_by_rule(http, hall, monkeypatch):
    share = {"count": 1, "share": 0.25, "low": 0.0456, "high": 0.6994}
    none = {"count": 0, "share": 0.0, "low": 0.0, "high": 0.49}
    row = {"rule": "rude-words", "stage": "output", "live": 0, "candidate": 1, "tighter": share, "looser": none}
    pair = {"live": "demo@1", "live_hash": "aa", "candidate": "demo@7", "candidate_hash": "bb", "exchanges": 4}
    pair |= {"stages": {"output": {"decided": 4, "changed": share}}, "rules": [{**row, "examples": ["ID1"]}]}
    held = {"path": "/x", "policies": [{"policy": "demo", "revision": 7, "hash": "bb"}]}
    comparison = {"pairs": [pair], "waiting": 0, "dropped": {"full": 2}, "not_covered": ["answers drafted again"]}
    status = {"live": held, "candidate": held, "rollback": None, "hint": "", "comparison": comparison}
    monkeypatch.setattr(type(hall.office), "status", lambda _office: status)
    text = (await http.get("/admin/policies")).text
    for words in ("25.0 %", "[4.6, 69.9]", "/admin/decisions/ID1", "2 exchanges were left out"):
        assert words in text
