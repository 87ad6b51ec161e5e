"""Metrics and the reload, behind a token where one is named."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from guardproxy.errors import SettingsError
from guardproxy.proxy.admin import admin_app
from guardproxy.proxy.settings import ListenSettings


def locked(hall):
    return replace(
        hall, settings=hall.settings.model_copy(update={"listen": ListenSettings(admin_token_env="GP_TOKEN")})
    )


async def ask(hall, method, path, **headers):
    transport = httpx.ASGITransport(admin_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.request(method, path, headers=headers)


async def test_metrics_in_the_format_that_is_asked_for(hall):
    plain = await ask(hall, "GET", "/metrics")
    assert plain.status_code == 200
    assert "guardproxy_requests_total{" in plain.text
    opened = await ask(hall, "GET", "/metrics", accept="application/openmetrics-text")
    assert opened.headers["content-type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")


async def test_reload_says_how_it_went(hall, policy_file):
    good = await ask(hall, "POST", "/admin/policies/reload")
    assert (good.status_code, good.json()["ok"]) == (200, True)
    policy_file.write_text("nonsense", encoding="utf-8")
    bad = await ask(hall, "POST", "/admin/policies/reload")
    assert (bad.status_code, bad.json()["ok"]) == (409, False)
    assert "sample.yaml" in bad.json()["report"]


PATHS = [("GET", "/metrics"), ("POST", "/admin/policies/reload")]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("given", "status"),
    [({}, 401), ({"authorization": "Bearer wrong"}, 401), ({"authorization": "Bearer"}, 401),
     ({"authorization": b"Bearer \xff"}, 401), ({"authorization": "Bearer open sesame"}, 200)],
)  # fmt: skip
async def test_a_token_that_is_named_is_asked_for(hall, monkeypatch, method, path, given, status):
    monkeypatch.setenv("GP_TOKEN", "open sesame")
    assert (await ask(locked(hall), method, path, **given)).status_code == status


@pytest.mark.parametrize("value", [None, ""])
def test_a_token_that_is_named_but_missing_opens_no_door(hall, monkeypatch, value):
    monkeypatch.delenv("GP_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("GP_TOKEN", value)
    with pytest.raises(SettingsError, match="GP_TOKEN is empty or missing"):
        admin_app(locked(hall))


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/v1/models", "/v1/chat/completions"])
async def test_nothing_of_the_data_port_is_here(hall, path):
    assert (await ask(hall, "GET", path)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_client_on_the_wrong_port_hears_of_the_right_one(hall, method):
    answer = await ask(hall, method, "/v1/chat/completions")
    assert answer.json()["error"]["code"] == "unknown_path"
    assert "data port" in answer.json()["error"]["message"]
