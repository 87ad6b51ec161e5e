"""Who asks: the key in the head, the file behind it, and what a stranger is told on every surface."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from guardproxy.errors import SettingsError, Unauthorized
from guardproxy.proxy import auth
from guardproxy.proxy.app import DOORS, DataApp
from guardproxy.proxy.auth import Access, Keys, offered
from guardproxy.proxy.keyring import fresh, write_keys
from guardproxy.proxy.routes import Routes
from guardproxy.proxy.tasks import spawn
from guardproxy.proxy.tenants import Tenants, TenantSettings

NOW = 1_800_000_000.0
ACME, OTHER = fresh("acme", 1.0, scopes=["detector"]), fresh("other", 1.0)


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "keys.json"
    write_keys(file, [ACME.stored, OTHER.stored])
    return file


@pytest.fixture
def keys(file):
    return Keys(file, ("acme", "other"))


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer K")],
        [("authorization", "bearer K")],
        [("authorization", "BEARER K")],
        [("x-api-key", "K")],
        [("api-key", "K")],
        [("x-api-key", "K"), ("api-key", "K"), ("authorization", "Bearer K")],
        [("api-key", "K"), ("api-key", "K")],
        [("authorization", "Bearer "), ("x-api-key", "K"), ("api-key", "")],
        [("x-api-key", "K"), ("cookie", "api-key=other; x-api-key=other")],
        [("x-api-key", "K"), ("x-tenant", "other"), ("x-guardproxy-tenant", "other")],
    ],
)
def test_one_key_under_three_names(headers):
    assert offered(tuple(headers)) == "K"


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer K"), ("x-api-key", "L")],
        [("authorization", "Bearer K"), ("api-key", "L")],
        [("x-api-key", "K"), ("api-key", "L")],
        [("x-api-key", "K"), ("x-api-key", "L")],
        [("authorization", "Bearer K"), ("authorization", "Bearer L")],
        [("x-api-key", "K"), ("authorization", "Basic Sw==")],
        [("x-api-key", "K"), ("authorization", "K")],
        [("x-api-key", "K"), ("api-key", "k")],
        [("x-api-key", "K"), ("api-key", "K ")],
    ],
)
def test_two_different_keys_are_nobodys(headers):
    for order in (headers, headers[::-1]):
        with pytest.raises(Unauthorized, match="two different keys"):
            offered(tuple(order))


@pytest.mark.parametrize(
    "headers", [[], [("authorization", "Bearer ")], [("x-api-key", "")], [("cookie", "api-key=K")]]
)
def test_no_key(headers):
    with pytest.raises(Unauthorized, match="a key is needed: send it as `Authorization"):
        offered(tuple(headers))


@pytest.mark.parametrize(
    "query", [b"key=K", b"api_key=K", b"a=b&API-KEY=K", b"api%5Fkey=K", b"access_token=", b"x-api-key=K"]
)
@pytest.mark.parametrize("headers", [(), (("x-api-key", "K"),)])
def test_no_key_is_taken_from_the_address(query, headers):
    with pytest.raises(Unauthorized, match="from the address"):
        offered(headers, query)


@pytest.mark.parametrize("value", ["K", "Basic K", "Token K", "BearerK"])
def test_another_scheme_is_no_key_of_ours(value):
    assert offered((("authorization", value),)) not in ("K", value)


def test_other_parameters_are_nobodys_business():
    assert offered((("x-api-key", "K"),), b"api-version=2024-10-21&stream=1") == "K"


def test_a_caller_is_the_keys_tenant(keys):
    tenants = Tenants({"acme": TenantSettings(country="FR"), "other": TenantSettings()}, Routes())
    caller = Access(tenants, keys, lambda: NOW).caller((("x-api-key", ACME.text),))
    assert (caller.tenant.name, caller.key, caller.scopes) == ("acme", ACME.stored.id, {"detector"})
    assert caller.tenant.settings.country == "FR"
    with pytest.raises(Unauthorized, match="not known here, or no longer") as unknown:
        Access(tenants, keys, lambda: NOW).caller((("x-api-key", "gp_x_y"),))
    assert "gp_x_y" not in str(unknown.value)


def test_without_keys_everybody_is_the_default_tenant():
    caller = Access(Tenants({}, Routes()), None, lambda: NOW).caller((("x-api-key", "K"), ("api-key", "L")))
    assert (caller.tenant.name, caller.key, caller.scopes) == ("default", "", frozenset())


def revoked(made):
    return made.stored.model_copy(update={"revoked": 2.0})


def test_a_change_of_the_file_is_seen_at_the_next_look(keys, file):
    assert not keys.look()
    write_keys(file, [revoked(ACME), OTHER.stored])
    assert keys.look()
    assert keys.holder(ACME.text, NOW) is None
    assert keys.holder(OTHER.text, NOW) is not None
    assert not keys.look()


def test_a_file_written_twice_within_one_tick_of_the_clock(keys, file, monkeypatch):
    """The second write shows in no time and no size."""
    write_keys(file, [OTHER.stored, ACME.stored])
    seen = auth._state(file)
    monkeypatch.setattr(auth, "_state", lambda _file: seen)
    assert keys.look()
    write_keys(file, [OTHER.stored])
    assert keys.look()
    assert keys.holder(ACME.text, NOW) is None


def test_a_quiet_file_is_not_read_again(keys, monkeypatch):
    monkeypatch.setattr(auth, "read_ring", lambda _file: pytest.fail("read"))
    assert not keys.look()


def swapped(link, target):
    beside = link.with_name("beside")
    beside.symlink_to(target)
    beside.replace(link)


def test_a_link_that_is_swapped_is_seen(tmp_path, file):
    """As Kubernetes does it: `keys.json -> ..data/keys.json`, and `..data` is a link."""
    data, link = tmp_path / "..data", tmp_path / "mounted.json"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    write_keys(tmp_path / "one" / "keys.json", [ACME.stored])
    write_keys(tmp_path / "two" / "keys.json", [OTHER.stored])
    data.symlink_to("one")
    link.symlink_to("..data/keys.json")
    keys = Keys(link, ("acme", "other"))
    swapped(data, "two")
    assert keys.look()
    assert (keys.holder(ACME.text, NOW), keys.holder(OTHER.text, NOW)) == (None, OTHER.stored)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_text("{", encoding="ascii"),
        lambda file: file.unlink(),
        lambda file: write_keys(file, [ACME.stored.model_copy(update={"tenant": "nobody-knows"})]),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing_and_says_so(keys, file, spoil):
    spoil(file)
    assert keys.look()
    assert str(file) in keys.problem
    assert keys.holder(ACME.text, NOW) is not None
    assert not keys.look()
    write_keys(file, [OTHER.stored])
    assert keys.look()
    assert (keys.problem, keys.holder(ACME.text, NOW)) == ("", None)


def test_at_the_start_it_must_be_usable(tmp_path, file):
    with pytest.raises(SettingsError, match='there is no tenant "acme"'):
        Keys(file, ("other",))
    with pytest.raises(SettingsError, match="the admin token is one of these keys"):
        Keys(file, ("acme", "other"), never=ACME.text)
    with pytest.raises(SettingsError, match="cannot be read"):
        Keys(tmp_path / "none.json", ())


async def test_the_watch_tells_of_each_change(keys, file, monkeypatch):
    monkeypatch.setattr(auth, "LOOK_EVERY_S", 0.001)
    told = asyncio.Event()
    watch = spawn(keys.watch(told.set))
    write_keys(file, [OTHER.stored])
    await asyncio.wait_for(told.wait(), 5)
    assert keys.holder(ACME.text, NOW) is None
    watch.cancel()


POLICY_HEADERS = ("x-guardproxy-policy", "x-guardproxy-rule")


@pytest.fixture
def keyed(hall, keys):
    settings = hall.settings.model_copy(update={"tenants": {"acme": TenantSettings(), "other": TenantSettings()}})
    return DataApp(replace(hall, keys=keys, settings=settings))


def message_of(answer):
    tree = answer.json()
    return tree["error"]["message"] if "error" in tree else tree["message"]


SHAPES = {
    "/v1/messages": lambda tree: tree["type"] == "error" and tree["error"]["type"] == "authentication_error",
    "/api/v1/text/contents": lambda tree: tree.keys() == {"code", "message"} and tree["code"] == 401,
}


@pytest.mark.parametrize("path", [*DOORS, "/v1/models", "/v1/models/m"])
@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "a key is needed"),
        ({"x-api-key": "gp_a_b"}, "not known here"),
        ({"x-api-key": ACME.text, "authorization": f"Bearer {OTHER.text}"}, "two different keys"),
    ],
)
async def test_a_stranger_is_told_why_in_the_surfaces_own_shape(send, keyed, outcomes, path, headers, says):
    with capture_logs() as logs:
        answer = await send(
            keyed, path, "GET" if "models" in path else "POST", headers=headers, content=b'{"secret": "walrus"'
        )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="guardproxy"'
    assert not any(name in answer.headers for name in POLICY_HEADERS)
    known = SHAPES.get(path, lambda tree: tree["error"]["code"] == "invalid_api_key" and tree["error"]["param"] is None)
    assert known(answer.json())
    assert message_of(answer).startswith(says) or says in message_of(answer)
    assert [o.outcome for o in outcomes] == ([] if "models" in path else ["unauthorized"])
    for made in (ACME, OTHER):
        assert made.text.split("_", 2)[2] not in answer.text + str(logs)


async def test_a_stranger_fills_no_log(send, keyed, hall):
    for _ in range(3):
        assert (await send(keyed, "/v1/chat/completions", json={})).status_code == 401
    assert len(hall.recorder.recent) == 0


async def test_a_key_tells_the_tenant_and_no_header_does(send, keyed, outcomes):
    headers = {
        "x-api-key": ACME.text,
        "x-tenant": "other",
        "x-guardproxy-tenant": "other",
        "openai-organization": "other",
    }
    body = {"text": "hi", "tenant": "other", "user": "other"}
    answer = await send(keyed, "/v1/guard/check", headers=headers, json=body)
    assert answer.status_code in (200, 400)
    assert [(o.tenant, o.key) for o in outcomes] == [("acme", ACME.stored.id)]


async def test_the_detector_api_needs_its_scope(send, keyed):
    asked = {"json": {"contents": ["hi"]}}
    for made, status in ((ACME, 200), (OTHER, 403)):
        headers = {"x-api-key": made.text, "detector-id": "policy:sample"}
        assert (await send(keyed, "/api/v1/text/contents", headers=headers, **asked)).status_code == status


async def test_probes_and_unknown_paths_need_no_key(send, keyed):
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/", 200), ("/v1/files", 404)):
        assert (await send(keyed, path, "GET")).status_code == status
