"""The demo's routes: the page and its files, the relays' limits, the switch."""

import httpx
import pytest

from guardproxy.cli.demo import POLICY, _showing
from guardproxy.console.app import console_app
from guardproxy.console.demo_page import PAGES, Stage

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def http(hall, tmp_path):
    policy = tmp_path / POLICY.name
    policy.write_bytes(POLICY.read_bytes())
    stage = Stage(hall, _showing(policy), NOBODY, NOBODY)
    transport = httpx.ASGITransport(console_app(hall, stage))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    await stage.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/admin/demo", "text/html; charset=utf-8"),
        ("/admin/assets/demo.js", "text/javascript; charset=utf-8"),
        ("/admin/assets/demo.css", "text/css; charset=utf-8"),
    ],
)
async def test_the_page_and_its_files(http, path, kind):
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize("name", ["demo.html", "..%2Fapp.py", "nothing"])
async def test_no_other_file_is_served(http, name):
    assert (await http.get(f"/admin/assets/{name}")).status_code == 404


def test_nothing_is_loaded_from_outside_and_nothing_is_inline():
    text = "".join((PAGES / name).read_text(encoding="utf-8") for name in ("demo.html", "demo.css", "demo.js"))
    assert "http://" not in text
    assert "https://" not in text
    page = (PAGES / "demo.html").read_text(encoding="utf-8")
    assert "<style" not in page
    assert 'style="' not in page
    assert "innerHTML" not in text


async def test_the_set_up(http):
    tree = (await http.get("/admin/demo/setup")).json()
    assert len(tree["tasks"]) == 14
    assert tree["policies"][0]["policy"] == "demo@1"
    assert tree["strict"] is False


@pytest.mark.parametrize("side", ["raw", "guarded"])
@pytest.mark.parametrize(
    "body",
    [
        {"model": "raw-base"},
        {"model": "raw-base", "prompt": ""},
        {"model": "raw-base", "prompt": "x" * 4001},
        {"model": "raw-base", "prompt": "x", "more": 1},
        {"model": "raw-base", "prompt": "x", "language": "de\r\nx: y"},
        ["x"],
    ],
)
async def test_a_wrong_question(http, side, body):
    assert (await http.post(f"/admin/demo/{side}", json=body)).status_code == 400


async def test_a_form_of_another_page_is_no_question(http):
    plain = {"content-type": "text/plain"}
    answer = await http.post("/admin/demo/raw", content='{"model":"raw-base","prompt":"x"}', headers=plain)
    assert answer.status_code == 400


async def test_nobody_at_the_other_end(http):
    answer = await http.post("/admin/demo/raw", json={"model": "raw-base", "prompt": "x"})
    assert answer.status_code == 502
    assert answer.json()["error"]


@pytest.mark.parametrize("body", [{}, {"strict": "yes"}, {"strict": True, "x": 1}])
async def test_a_wrong_switch(http, body):
    assert (await http.post("/admin/demo/policy", json=body)).status_code == 400


def test_both_states_of_the_policy_are_policies(hall, tmp_path):
    policy = tmp_path / POLICY.name
    policy.write_bytes(POLICY.read_bytes())
    showing = _showing(policy)
    assert showing.usual != showing.strict
    assert b"revision: 2" in showing.strict
    assert showing.strict.count(b"on_match: warn") == showing.usual.count(b"on_match: warn") - 1
