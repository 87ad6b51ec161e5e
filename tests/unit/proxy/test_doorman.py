"""At the door: who is sent away, in which words, and what is looked at for that."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from guardproxy.proxy.app import DOORS, DataApp
from guardproxy.proxy.auth import Keys
from guardproxy.proxy.crowd import ROOM
from guardproxy.proxy.keyring import fresh, write_keys
from guardproxy.proxy.tenants import TenantSettings
from guardproxy.wire.http_head import parse_fields, parse_line

CHAT = "/v1/chat/completions"
LOUD, QUIET = fresh("loud", 1.0), fresh("quiet", 1.0)


def head(path=CHAT, key="", **more):
    fields = {"host": "a", **({"x-api-key": key} if key else {}), **more}
    raw = "\r\n".join(f"{name}: {value}" for name, value in fields.items())
    return parse_fields(parse_line(f"POST {path} HTTP/1.1".encode()), raw.encode())


@pytest.fixture
def doorman_of(hall, tmp_path):
    """Of a listener with these settings; with keys it has two tenants."""

    def made(pool=None, keyed=False, listen=None, **limits):
        changed = {"limits": hall.settings.limits.model_copy(update=limits)}
        if listen:
            changed["listen"] = hall.settings.listen.model_copy(update=listen)
        keys = None
        if keyed:
            file = tmp_path / "keys.json"
            write_keys(file, [LOUD.stored, QUIET.stored])
            changed["tenants"] = {"loud": TenantSettings(), "quiet": TenantSettings()}
            keys = Keys(file, ("loud", "quiet"))
        settings = hall.settings.model_copy(update=changed)
        return DataApp(replace(hall, settings=settings, keys=keys, pool=pool))._doorman

    return made


def press(doorman, tenant="default", inside=ROOM):
    """A late loop with so many inside, and nothing left of the turn."""
    for _ in range(inside):
        doorman.crowd.enter(tenant)
    doorman.crowd.turn(1.0)
    while doorman.crowd.lets_in("somebody", known=False):
        pass


def told(answer):
    return answer.status, dict(answer.headers).get("retry-after"), json.loads(answer.body)


async def test_everybody_is_let_in_as_a_rule(doorman_of):
    doorman = doorman_of()
    assert [doorman.meet(head(path)) for path in (*DOORS, "/healthz", "/v1/models", "/nowhere")] == [None] * (
        len(DOORS) + 3
    )


@pytest.mark.parametrize("path", DOORS)
async def test_in_the_words_of_the_surface(doorman_of, path):
    doorman = doorman_of(inflight=1)
    doorman.crowd.enter("default")
    status, after, tree = told(doorman.meet(head(path)))
    assert (status, after) == (429, "1")
    if path == "/v1/messages":
        assert (tree["type"], tree["error"]["type"]) == ("error", "rate_limit_error")
    else:
        assert tree.get("error", tree)["code"] in ("rate_limit_exceeded", 429)
    assert "too many requests at once" in str(tree)


async def test_each_answer_has_an_id_of_its_own_and_is_counted(doorman_of, hall):
    doorman = doorman_of(inflight=1)
    doorman.crowd.enter("default")
    headers = [dict(doorman.meet(head()).headers) for _ in range(3)]
    assert len({one["x-guardproxy-decision-id"] for one in headers}) == 3
    assert {one["x-guardproxy-decision"] for one in headers} == {"error"}
    page = hall.recorder.metrics.render(None)[0].decode()
    assert 'guardproxy_requests_total{outcome="overload",route="default",surface="chat_completions"} 3.0' in page


async def test_the_service_ends(doorman_of):
    doorman = doorman_of()
    doorman.draining = True
    status, after, tree = told(doorman.meet(head()))
    assert (status, after, tree["error"]["code"]) == (503, "1", "shutting_down")
    assert doorman.meet(head("/healthz")) is None


async def test_a_late_loop(doorman_of):
    doorman = doorman_of()
    press(doorman)
    status, after, tree = told(doorman.meet(head()))
    assert (status, after, tree["error"]["code"]) == (429, "1", "rate_limit_exceeded")
    assert "than can be answered in time" in tree["error"]["message"]
    assert doorman.meet(head("/readyz")) is None


async def test_a_late_loop_is_no_matter_where_the_operator_says_so(doorman_of):
    doorman = doorman_of(lag_ms=0)
    press(doorman, inside=ROOM * 2) if doorman.crowd.pressed else doorman.crowd.turn(1.0)
    assert doorman.meet(head()) is None


async def test_the_tenant_with_most_inside_is_sent_away_and_the_other_is_not(doorman_of):
    doorman = doorman_of(keyed=True)
    press(doorman, "loud")
    assert doorman.meet(head(key=LOUD.text)).status == 429
    assert doorman.meet(head(key=QUIET.text)) is None
    assert doorman.meet(head(key="gp_nobody")).status == 429
    assert doorman.meet(head()).status == 429


async def test_whose_key_is_in_two_headers_is_nobody(doorman_of):
    doorman = doorman_of(keyed=True)
    press(doorman, "loud")
    assert doorman.meet(head(key=QUIET.text, **{"api-key": LOUD.text})).status == 429


class Pool:
    """Classifiers with so much to do."""

    wait_s = 0.0


async def test_classifiers_that_are_behind(doorman_of):
    pool = Pool()
    doorman = doorman_of(pool, keyed=True)
    doorman.crowd.enter("loud")
    pool.wait_s = 0.49
    assert doorman.meet(head(key=LOUD.text)) is None
    pool.wait_s = 0.51
    assert doorman.meet(head(key=LOUD.text)).status == 429
    assert doorman.meet(head(key=QUIET.text)) is None
    assert doorman_of(pool, lag_ms=0).meet(head()) is None


async def test_a_page_of_a_named_origin_may_read_why(doorman_of):
    origin = "https://chat.example.org"
    doorman = doorman_of(inflight=1, listen={"cors_origins": [origin]})
    doorman.crowd.enter("default")
    marks = dict(doorman.meet(head(origin=origin)).headers)
    assert marks["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in dict(doorman.meet(head(origin="https://other.example")).headers)


async def test_the_loop_is_watched_while_somebody_is_inside(doorman_of, hall):
    doorman = doorman_of()
    doorman.meet(head())
    doorman.crowd.enter("default")
    turns = []
    turn = doorman.crowd.turn
    doorman.crowd.turn = lambda *late: turns.append(late) or turn(*late)
    async with asyncio.timeout(10):
        while len(turns) < 3:
            await asyncio.sleep(0.005)
    assert all(ours >= 0 and lost >= 0 for ours, lost in turns)
    assert "guardproxy_event_loop_lag_seconds" in hall.recorder.metrics.render(None)[0].decode()
    doorman.crowd.leave("default")
    doorman.crowd.pressed = False
    async with asyncio.timeout(10):
        while doorman._beat is not None:
            await asyncio.sleep(0.005)
