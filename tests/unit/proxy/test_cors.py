"""Which web pages may use the data listener."""

import pytest

from guardproxy.errors import SettingsError
from guardproxy.proxy.cors import Cors
from guardproxy.proxy.settings import load

HOME = "https://chat.example.org"


def named(headers):
    return dict(headers or ())


@pytest.mark.parametrize(
    "origin", ["", "null", "https://chat.example.org.evil.org", "http://chat.example.org", "HTTPS://CHAT.EXAMPLE.ORG"]
)
def test_no_other_origin(origin):
    headers = (("origin", origin),) if origin else ()
    cors = Cors([HOME])
    assert cors.preflight(headers) is None
    assert cors.answering(headers, send := object()) is send


@pytest.mark.parametrize(
    ("asked", "allowed"), [("X-Stainless-OS, authorization", "x-stainless-os, authorization"), ("a\r\nb: c", "content-type"), ("", "content-type")]
)  # fmt: skip
def test_what_a_page_may_send(asked, allowed):
    found = named(Cors([HOME]).preflight((("origin", HOME), ("access-control-request-headers", asked))))
    assert found["access-control-allow-headers"] == allowed
    assert found["vary"] == "Origin"


async def test_only_the_head_of_an_answer_is_changed():
    sent = []

    async def send(message):
        sent.append(message)

    sending = Cors([HOME]).answering((("origin", HOME),), send)
    await sending({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await sending({"type": "http.response.body", "body": b"x"})
    assert sent[0]["headers"][:2] == [(b"a", b"b"), (b"access-control-allow-origin", HOME.encode())]
    assert sent[1] == {"type": "http.response.body", "body": b"x"}


@pytest.mark.parametrize("origin", ["*", "chat.example.org", "https://chat.example.org/", "null"])
def test_an_origin_is_a_scheme_and_a_host(origin):
    with pytest.raises(SettingsError, match="cors_origins"):
        load(None, {"GUARDPROXY_LISTEN_CORS_ORIGINS": origin}, {})


def test_origins_come_from_the_environment_too():
    assert load(None, {"GUARDPROXY_LISTEN_CORS_ORIGINS": f"{HOME}, http://localhost:3000"}, {}).listen.cors_origins == [
        HOME,
        "http://localhost:3000",
    ]
