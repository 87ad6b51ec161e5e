"""How things are written, forms, and what every page has."""

import httpx
import pytest
from starlette.requests import Request

from guardproxy.console.app import console_app
from guardproxy.console.paper import ASSETS, MOST_BYTES, PAGES, actor, age, clock, form, ms, page


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (90_000, "1 d")]
)
def test_ages(seconds, said):
    assert age(seconds) == said


def test_times():
    assert clock(0) == "1970-01-01 00:00:00"
    assert ms(0.01234) == "12.3 ms"


def test_everything_is_escaped():
    assert b"<b>" not in page("missing.html", here="", what="<b>").body


def posted(body, kind="application/x-www-form-urlencoded", **scope):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "headers": [(b"content-type", kind.encode())], **scope}, receive)


async def test_a_form():
    assert await form(posted(b"text=a%20b%C3%A9&role=user&role=system&x=")) == {
        "text": "a bé",
        "role": "system",
        "x": "",
    }


@pytest.mark.parametrize(
    "request_",
    [posted(b"{}", "application/json"), posted(b"a=" + b"x" * MOST_BYTES), posted(b"&".join([b"a=1"] * 40))],
    ids=["json", "long", "many"],
)
async def test_no_form(request_):
    with pytest.raises(ValueError):
        await form(request_)


def test_who_asks():
    assert actor(posted(b"")) == "console"
    assert actor(posted(b"", **{"guardproxy.actor": "ada"})) == "console (ada)"


def test_no_template_has_anything_inline_or_from_outside():
    for path in PAGES.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        for banned in (
            "<style",
            " style=",
            "javascript:",
            "onclick",
            "http://",
            "https://",
            "| safe",
            "hx-on",
            "hx-vals",
        ):
            assert banned not in text, (path.name, banned)
        assert text.count("<script") == text.count("<script src=")


async def test_assets(hall):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for name, kind in ASSETS.items():
            answer = await http.get(f"/admin/console/{name}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        for name in ("layout.html", "..%2Fapp.py", "x"):
            assert (await http.get(f"/admin/console/{name}")).status_code == 404


@pytest.mark.parametrize("path", ["overview", "playground", "policies", "policies/demo", "policies/x", "decisions"])
async def test_every_page_is_sealed(hall, path):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.get(f"/admin/{path}", headers={"accept": "text/html"})
    rules = answer.headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert "script-src 'self'" in rules
    assert "unsafe" not in rules
    assert answer.headers["cache-control"] == "no-store"
