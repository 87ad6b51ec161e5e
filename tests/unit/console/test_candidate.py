"""The candidate over the admin port."""

import httpx
import pytest

from guardproxy.cli.demo import POLICY
from guardproxy.console.app import console_app
from guardproxy.proxy.settings import (
    AuditSettings,
    DetectorSettings,
    ListenSettings,
    PolicySettings,
    Settings,
    UpstreamSettings,
)
from guardproxy.proxy.start import open_hall

PATH = "/admin/candidate"


@pytest.fixture
def own_hall(tmp_path):
    """Not the shared one: its policies change."""
    settings = Settings(
        upstream=UpstreamSettings(url="http://127.0.0.1:9"),
        policies=PolicySettings(path=str(POLICY), changes=str(tmp_path / "changes.jsonl")),
        audit=AuditSettings(mode="off", path=str(tmp_path / "decisions.jsonl")),
        detectors=DetectorSettings(embedded=False),
    )
    hall = open_hall(settings, lambda: 0.0)
    yield hall
    hall.office.changes.close()


@pytest.fixture
def next_set(tmp_path):
    file = tmp_path / "next" / POLICY.name
    file.parent.mkdir()
    text = POLICY.read_text(encoding="utf-8")
    file.write_text(text.replace("revision: 1", "revision: 99", 1), encoding="utf-8")
    return file


async def ask(hall, method, path=PATH, **more):
    transport = httpx.ASGITransport(console_app(hall))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.request(method, path, **more)


async def test_from_nothing_to_promotion_and_back(own_hall, next_set):
    first = (await ask(own_hall, "GET")).json()
    assert (first["candidate"], first["rollback"], first["comparison"]["pairs"]) == (None, None, [])
    begun = await ask(own_hall, "POST", json={"actor": "ana", "path": str(next_set)})
    assert begun.status_code == 200, begun.text
    [wanted] = begun.json()["candidate"]["policies"]
    assert wanted["revision"] == 99
    promoted = await ask(own_hall, "POST", f"{PATH}/promote", json={"actor": "ana", "hash": wanted["hash"]})
    assert promoted.json()["live"]["policies"] == [wanted]
    assert "change policies.path" in promoted.json()["hint"]
    back = (await ask(own_hall, "POST", f"{PATH}/rollback", json={"actor": "ben"})).json()
    assert back["live"] == first["live"]
    assert back["candidate"]["policies"] == [wanted]
    gone = await ask(own_hall, "POST", f"{PATH}/withdraw", json={"actor": "ben"})
    assert gone.json()["candidate"] is None


@pytest.mark.parametrize("act", ["promote", "rollback", "withdraw"])
async def test_too_early(own_hall, act):
    answer = await ask(own_hall, "POST", f"{PATH}/{act}", json={"actor": "ana"})
    assert answer.status_code == 409
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [{}, {"actor": 1}, {"actor": "ana", "hush": "x"}, [], "ana"],
)
async def test_bodies_that_are_none(own_hall, body):
    assert (await ask(own_hall, "POST", f"{PATH}/promote", json=body)).status_code == 422


async def test_a_name_is_needed(own_hall, next_set):
    answer = await ask(own_hall, "POST", json={"actor": " ", "path": str(next_set)})
    assert (answer.status_code, answer.json()["param"]) == (400, "actor")


async def test_a_bad_set_answers_with_every_problem_and_no_source_line(own_hall, next_set):
    next_set.write_text(next_set.read_text(encoding="utf-8") + "\nhush: quiet\nmore: noise\n", encoding="utf-8")
    answer = await ask(own_hall, "POST", json={"actor": "ana", "path": str(next_set)})
    assert answer.status_code == 422
    assert [row["code"] for row in answer.json()["problems"]] == ["GP104", "GP104"]
    assert "quiet" not in answer.text


async def test_the_token_is_asked_for_and_other_sites_are_turned_away(own_hall, monkeypatch):
    monkeypatch.setenv("GP_TOKEN", "open sesame")
    listen = ListenSettings(admin_token_env="GP_TOKEN")
    object.__setattr__(own_hall, "settings", own_hall.settings.model_copy(update={"listen": listen}))
    assert (await ask(own_hall, "GET")).status_code == 401
    assert (await ask(own_hall, "POST", f"{PATH}/promote", json={"actor": "ana"})).status_code == 401
    allowed = {"authorization": "Bearer open sesame"}
    assert (await ask(own_hall, "GET", headers=allowed)).status_code == 200
    foreign = {**allowed, "sec-fetch-site": "cross-site"}
    assert (await ask(own_hall, "POST", f"{PATH}/promote", headers=foreign, json={"actor": "a"})).status_code == 403
