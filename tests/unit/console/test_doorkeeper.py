"""Who is let in: names, sites and tokens; and what every page carries."""

from base64 import b64encode

import httpx
import pytest
from starlette.responses import PlainTextResponse

from guardproxy.console.doorkeeper import SECURITY_HEADERS, Doorkeeper


async def inside(scope, receive, send):
    await PlainTextResponse("inside")(scope, receive, send)


async def knock(path="/admin/x", *, listens_on="127.0.0.1", token="", **headers):
    app = Doorkeeper(inside, listens_on=listens_on, token=token)
    given = {"host": "127.0.0.1:8081", **{k.replace("_", "-"): v for k, v in headers.items()}}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        return await http.get(path, headers=given)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8081", "localhost:8081", "[::1]:8081", "LOCALHOST"])
async def test_loopback_names_are_let_in(host):
    assert (await knock(host=host)).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8081", "10.0.0.7", ""])
async def test_other_names_are_not(host):
    assert (await knock(host=host)).status_code == 421


async def test_a_public_listener_has_names_of_its_own():
    assert (await knock(host="admin.example", listens_on="10.0.0.7")).status_code == 200


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)]
)
async def test_other_sites_are_turned_away(site, status):
    assert (await knock(sec_fetch_site=site)).status_code == status


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("/admin/x", "", 401),
        ("/admin/x", "Bearer wrong", 401),
        ("/admin/x", "Bearer tölpel", 401),
        ("/admin/x", "Bearer right", 200),
        ("/", "", 200),
    ],
)
async def test_the_token(path, given, status):
    answer = await knock(path, token="right", authorization=given.encode())
    assert answer.status_code == status


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
async def test_every_answer_is_sealed(host):
    answer = await knock(host=host)
    assert {n.decode(): v.decode() for n, v in SECURITY_HEADERS}.items() <= dict(answer.headers).items()
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8081", 200),
        ("http://127.0.0.1:9999", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
async def test_a_foreign_origin_is_turned_away_where_no_site_is_told(origin, status):
    assert (await knock(origin=origin)).status_code == status


@pytest.mark.parametrize(
    ("given", "status"),
    [("ada:right", 200), (":right", 200), ("ada:wrong", 401), ("right:", 401), ("ada", 401)],
)
async def test_a_browser_signs_in_with_the_token(given, status):
    answer = await knock(token="right", authorization="Basic " + b64encode(given.encode()).decode())
    assert answer.status_code == status
    assert answer.headers.get("www-authenticate", "").startswith("Basic realm=") == (status == 401)


@pytest.mark.parametrize("given", ["Basic", "Basic !", "Basic /w==", "Basic right"])
async def test_a_broken_sign_in(given):
    assert (await knock(token="right", authorization=given)).status_code == 401
