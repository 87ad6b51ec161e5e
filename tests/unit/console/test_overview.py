"""The overview: numbers, policies, what failed, and its changing part alone."""

from dataclasses import replace

import httpx
import pytest

from guardproxy.console.app import console_app
from guardproxy.policy.shelf import LoadReport


async def get(hall, path):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.get(path, headers={"accept": "text/html"})


async def test_the_page(hall):
    answer = await get(hall, "/admin/overview")
    assert answer.status_code == 200
    for words in ("Unchecked", "as it must be", "Added latency, p95", "demo@1", "Refused"):
        assert words in answer.text


async def test_the_part_is_no_whole_page(hall):
    part = (await get(hall, "/admin/overview/now")).text
    assert "<html" not in part
    assert 'hx-get="/admin/overview/now"' in part


async def test_the_front_leads_browsers_here(hall):
    answer = await get(hall, "/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/overview")


async def test_the_demo_is_named_only_where_there_is_one(hall):
    assert "/admin/demo" not in (await get(hall, "/admin/overview")).text


async def test_unchecked_text_is_an_alarm(hall):
    hall.recorder.metrics.count("unchecked_total", "output", "overload")
    assert "must be 0" in (await get(hall, "/admin/overview")).text


@pytest.fixture
def refused(hall, monkeypatch):
    report = LoadReport(ok=False, report="demo.yaml:7:1: GP104 error: <unknown>", place="demo.yaml:7:1", actor="start")
    monkeypatch.setattr(hall.shelf, "last", replace(report, at=1.0))


async def test_a_failed_load_is_a_banner(hall, refused):
    text = (await get(hall, "/admin/overview")).text
    assert "the last good set stays in force" in text
    assert "&lt;unknown&gt;" in text
