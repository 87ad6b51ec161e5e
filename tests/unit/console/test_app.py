"""The admin application with and without a demo."""

import httpx
import pytest

from guardproxy.console.app import console_app


async def request(hall, method, path):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.request(method, path)


async def test_metrics_are_still_there_and_sealed(hall):
    answer = await request(hall, "GET", "/metrics")
    assert "guardproxy_requests_total" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/demo"),
        ("GET", "/admin/demo/setup"),
        ("POST", "/admin/demo/raw"),
        ("POST", "/admin/demo/guarded"),
        ("POST", "/admin/demo/policy"),
        ("GET", "/admin/assets/demo.js"),
    ],
)
async def test_without_a_demo_its_routes_do_not_exist(hall, method, path):
    assert (await request(hall, method, path)).status_code == 404
