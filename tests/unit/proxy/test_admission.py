"""What a tenant and its keys may take, and what they are told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from guardproxy.errors import LimitReached
from guardproxy.proxy.admission import Admission
from guardproxy.proxy.app import DOORS, DataApp
from guardproxy.proxy.auth import Keys
from guardproxy.proxy.keyring import fresh, write_keys
from guardproxy.proxy.routes import Routes
from guardproxy.proxy.target import Target
from guardproxy.proxy.tenants import Allowance, Caller, Tenant, TenantSettings
from guardproxy.proxy.upstream_httpx import HttpxUpstream
from guardproxy.state.limits import LocalLimits


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def admission(clock):
    return Admission(LocalLimits(), None, clock)


def caller(name="acme", key="k1", per_key=None, **more):
    settings = TenantSettings(per_key=Allowance(**per_key or {}), **more)
    return Caller(Tenant(name, settings, Routes()), key)


async def enters(admission, who, times=1):
    """How many of so many got in; each leaves at once."""
    inside = 0
    for _ in range(times):
        try:
            await admission.enter(who)
        except LimitReached:
            continue
        inside += 1
        admission.leave(who)
    return inside


async def test_without_limits_nobody_is_told_anything(admission):
    assert await admission.enter(caller()) == ()


async def test_requests_a_minute(admission, clock):
    who = caller(requests_per_minute=60, burst=3)
    assert await enters(admission, who, 5) == 3
    with pytest.raises(LimitReached) as caught:
        await admission.enter(who)
    assert (caught.value.limit, caught.value.retry_after, caught.value.status) == ("requests", 1, 429)
    assert "this tenant may send 60 requests a minute" in str(caught.value)
    (quota,) = caught.value.quotas
    assert (quota.of, quota.limit, quota.remaining) == ("requests", 60, 0)
    clock.now += 1
    assert await enters(admission, who, 5) == 1


async def test_no_tenant_takes_from_another_nor_a_key_by_another_name(admission):
    """TN-09."""
    one, other = caller(requests_per_minute=60, burst=1), caller("other", "k2", requests_per_minute=60, burst=1)
    assert await enters(admission, one, 50) == 1
    assert await enters(admission, other, 50) == 1
    assert await enters(admission, replace(one, key="k9")) == 0


async def test_a_key_has_its_own_share(admission):
    per_key = {"requests_per_minute": 60, "burst": 2}
    first = caller(key="k1", requests_per_minute=60, burst=3, per_key=per_key)
    second = replace(first, key="k2")
    assert await enters(admission, first, 50) == 2
    assert await enters(admission, second, 50) == 1  # the tenant has three in all
    with pytest.raises(LimitReached, match="this tenant"):
        await admission.enter(replace(first, key="k3"))


async def test_a_key_over_its_limit_takes_nothing_from_the_others(admission):
    limits = {"per_key": {"requests_per_minute": 60, "burst": 1}, "requests_per_minute": 60, "burst": 2}
    assert await enters(admission, caller(**limits), 50) == 1
    assert await enters(admission, caller(key="k2", **limits)) == 1


async def test_the_tightest_is_told(admission):
    who = caller(requests_per_minute=60, burst=9, tokens_per_day=1000, per_key={"requests_per_minute": 30, "burst": 2})
    told = {quota.of: (quota.limit, quota.remaining) for quota in await admission.enter(who)}
    assert told == {"requests": (30, 1), "tokens": (1000, 999)}


async def test_tokens_are_paid_when_they_are_known(admission, clock):
    who = caller(tokens_per_day=1440)
    assert await enters(admission, who) == 1
    await admission.spend(who, 1500)
    with pytest.raises(LimitReached) as caught:
        await admission.enter(who)
    assert (caught.value.limit, caught.value.retry_after) == ("tokens", 61 * 60)  # one comes back a minute
    assert "1440 tokens of the day" in str(caught.value)
    clock.now += 61 * 60
    assert await enters(admission, who) == 1


@pytest.mark.parametrize("tokens", [0, 1])
async def test_a_request_that_used_nothing_costs_one_token(admission, tokens):
    who = caller(tokens_per_day=1000)
    await admission.enter(who)
    await admission.spend(who, tokens)
    assert [quota.remaining for quota in await admission.enter(who)] == [998]


async def test_places(admission):
    who = caller(concurrent=2)
    await admission.enter(who)
    await admission.enter(who)
    with pytest.raises(LimitReached, match="has 2 requests running") as caught:
        await admission.enter(who)
    assert (caught.value.limit, caught.value.quotas) == ("concurrent", ())
    assert await enters(admission, caller("other")) == 1
    admission.leave(who)
    await admission.enter(who)


async def test_a_key_has_its_own_places(admission):
    who = caller(concurrent=3, per_key={"concurrent": 1})
    await admission.enter(who)
    with pytest.raises(LimitReached, match="this key has 1 requests running"):
        await admission.enter(who)
    await admission.enter(replace(who, key="k2"))
    assert admission._inside == {"key:k1": 1, "key:k2": 1, "tenant:acme": 2}


async def test_nobody_takes_all_places_when_nothing_is_set(clock):
    admission = Admission(LocalLimits(), lambda: 2, clock)
    for _ in range(2):
        await admission.enter(caller())
    with pytest.raises(LimitReached):
        await admission.enter(caller(key="k2"))
    assert await enters(admission, caller("other")) == 1


async def test_who_is_turned_away_or_gives_up_holds_no_place(admission):
    who = caller(requests_per_minute=60, burst=1)
    assert await enters(admission, who, 20) == 1

    class Slow(LocalLimits):
        async def take(self, *given):
            await asyncio.Event().wait()

    waiting = Admission(Slow(), None, Clock())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting.enter(who), 0.001)
    assert not admission._inside
    assert not waiting._inside


# ── through the data listener

ANSWER = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100},
}  # fmt: skip
MADE = fresh("acme", 1.0)
SENT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def served(hall, tmp_path, outcomes):
    """The listener for one tenant with these limits; the upstream has limits of its own."""
    del outcomes

    def made(answer=ANSWER, **limits):
        file = tmp_path / "keys.json"
        write_keys(file, [MADE.stored])
        theirs = {
            "x-ratelimit-remaining-requests": "9999",
            "anthropic-ratelimit-tokens-limit": "5",
            "x-request-id": "u1",
        }
        upstream = HttpxUpstream(
            Target("main", "http://model/v1"),
            httpx.MockTransport(lambda _request: httpx.Response(200, json=answer, headers=theirs)),
        )
        settings = hall.settings.model_copy(update={"tenants": {"acme": TenantSettings(**limits)}})
        return DataApp(replace(hall, upstream=upstream, settings=settings, keys=Keys(file, ("acme",))))

    return made


async def ask(send, app, path="/v1/chat/completions", body=SENT):
    return await send(app, path, headers={"authorization": f"Bearer {MADE.text}"}, json=body)


def limits_of(answer):
    return {name: value for name, value in answer.headers.items() if "ratelimit" in name}


async def test_ours_take_the_place_of_the_upstreams(send, served):
    app = served(requests_per_minute=60, burst=5)
    answer = await ask(send, app)
    assert limits_of(answer) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-reset-requests": "1s",
    }
    assert answer.headers["x-request-id"] == "u1"
    assert limits_of(await ask(send, served()))["x-ratelimit-remaining-requests"] == "9999"


@pytest.mark.parametrize("path", DOORS)
async def test_too_many_requests_in_the_surfaces_own_shape(send, served, outcomes, path):
    app = served(requests_per_minute=6, burst=1)
    await ask(send, app)
    answer = await ask(send, app, path)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    tree = answer.json()
    if path == "/v1/messages":
        assert (tree["type"], tree["error"]["type"]) == ("error", "rate_limit_error")
        assert answer.headers["anthropic-ratelimit-requests-remaining"] == "0"
    else:
        assert answer.headers["x-ratelimit-remaining-requests"] == "0"
        found = tree.get("error", tree)
        assert found["code"] in ("rate_limit_exceeded", 429)
        assert "6 requests a minute" in found["message"]
    last = outcomes[-1]
    assert (last.outcome, last.limit, last.error_code, last.status) == (
        "overload",
        "requests",
        "rate_limit_exceeded",
        429,
    )


async def test_the_list_of_models_counts_as_well(send, served):
    app = served(requests_per_minute=6, burst=1)
    headers = {"x-api-key": MADE.text}
    await ask(send, app)
    answer = await send(app, "/v1/models", "GET", headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    assert answer.headers["x-ratelimit-limit-requests"] == "6"


async def test_the_upstreams_count_is_what_is_paid(send, served, outcomes, hall):
    app = served(tokens_per_day=150)
    assert [(await ask(send, app)).status_code for _ in range(3)] == [200, 200, 429]
    assert [o.tokens for o in outcomes] == [100, 100, 0]
    text = hall.recorder.metrics.render(None)[0].decode()
    assert 'guardproxy_limited_total{limit="tokens"} 1.0' in text


async def test_where_the_upstream_does_not_count_characters_do(send, served, outcomes):
    uncounted = {name: value for name, value in ANSWER.items() if name != "usage"}
    await ask(send, served(uncounted, tokens_per_day=1000))
    assert [o.tokens for o in outcomes] == [2]  # "hi" and "Hello.", four characters a token


async def test_a_refused_request_uses_no_tokens(send, served, outcomes):
    body = {**SENT, "messages": [{"role": "user", "content": "the bluefinch"}]}
    await ask(send, served(tokens_per_day=1000), body=body)
    assert [(o.outcome, o.tokens) for o in outcomes] == [("refuse", 0)]


async def test_a_place_is_free_again_however_the_exchange_ended(send, served):
    app = served(concurrent=1)
    for body in (SENT, {"model": "m"}, {**SENT, "messages": [{"role": "user", "content": "the bluefinch"}]}, SENT):
        assert (await ask(send, app, body=body)).status_code in (200, 400)
    assert not app._admission._inside
