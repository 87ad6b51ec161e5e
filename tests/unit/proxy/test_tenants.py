"""What a tenant may use, what it sees of the others, and what the settings may say."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context
from guardproxy.detectors.bench import Toolbox
from guardproxy.detectors.verdicts import VerdictCache
from guardproxy.errors import BadRequest, PolicyError, SettingsError
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.auth import Keys
from guardproxy.proxy.hall import Benches
from guardproxy.proxy.keyring import fresh, write_keys
from guardproxy.proxy.routes import Routes
from guardproxy.proxy.settings import load
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.target import Target
from guardproxy.proxy.tenants import Allowance, Tenants, TenantSettings
from guardproxy.proxy.upstream_httpx import HttpxUpstream
from guardproxy.proxy.wording import Wording

ROUTES = """\
routes:
  chat: {models: [big, small]}
  tasks: {models: [titles], upstream_model: small}
"""
REST = ROUTES + "  rest: {}\n"


def settings(tmp_path, text):
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, {}, {})


def tenants(tmp_path, text):
    read = settings(tmp_path, text)
    return Tenants(read.tenants, Routes(read.routes))


def test_there_is_always_a_default_tenant_that_may_use_everything(tmp_path):
    found = tenants(tmp_path, ROUTES + "tenants: {acme: {}}\n")
    assert found.names == ("default", "acme")
    for tenant in found:
        assert tenant.routes.names == ("default", "chat", "tasks")
        assert tenant.routes.of_model("titles").name == "tasks"


def test_the_default_tenant_can_be_limited_too(tmp_path):
    found = tenants(tmp_path, ROUTES + "tenants: {default: {routes: [tasks]}}\n")
    assert found.names == ("default",)
    assert found.anybody.tenant.routes.listed == ("titles",)


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("{routes: [chat]}", ("big", "small")),
        ("{models: [small]}", ("small",)),
        ("{models: [small, titles]}", ("small", "titles")),
        ("{routes: [chat, tasks], models: [titles, big]}", ("big", "titles")),
    ],
)
def test_routes_and_models_narrow_what_is_served(tmp_path, text, listed):
    routes = tenants(tmp_path, f"{ROUTES}tenants: {{acme: {text}}}\n").of("acme").routes
    assert routes.listed == listed
    assert routes.default.name == routes.of_model(listed[0]).name
    for model in {"big", "small", "titles"} - set(listed):
        with pytest.raises(BadRequest) as hidden:
            routes.of_model(model)
        with pytest.raises(BadRequest) as missing:
            routes.of_model("no-such-thing")
        assert str(hidden.value) == str(missing.value)
        assert model not in str(hidden.value).partition("(")[2]


@pytest.mark.parametrize("model", ["titles", "TITLES", " titles", "big"])
def test_where_a_route_takes_the_rest_it_takes_no_model_of_others(tmp_path, model):
    routes = tenants(tmp_path, REST + "tenants: {acme: {routes: [rest]}}\n").of("acme").routes
    assert routes.of_model("anything").name == "rest"
    with pytest.raises(BadRequest) as caught:
        routes.of_model(model)
    assert caught.value.code == "model_not_found"
    assert model.strip() not in str(caught.value)
    assert routes.hides(model.strip())


def test_models_of_the_rest_can_be_named(tmp_path):
    routes = tenants(tmp_path, REST + "tenants: {acme: {models: [huge]}}\n").of("acme").routes
    assert (routes.listed, routes.of_model("huge").name) == (("huge",), "rest")
    with pytest.raises(BadRequest):
        routes.of_model("anything")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("acme: {routes: [chats]}", 'tenants.acme.routes: there is no route "chats"; did you mean "chat"?'),
        ("acme: {models: [biggest]}", "tenants.acme: none of its models is in one of its routes"),
        ("acme: {models: [big, biggest]}", 'tenants.acme.models: no route of this tenant takes "biggest"'),
        ("acme: {routes: [tasks], models: [big]}", "tenants.acme: none of its models is in one of its routes"),
        ("acme: {burst: 5}", "tenants.acme.burst: needs requests_per_minute beside it"),
        ("acme: {per_key: {burst: 5}}", "tenants.acme.per_key.burst: needs requests_per_minute beside it"),
        (
            "acme: {requests_per_minutes: 5}",
            'unknown key "tenants.acme.requests_per_minutes"; did you mean "requests_per_minute"?',
        ),
        ("acme: {concurrent: -1}", "tenants.acme.concurrent: "),
        ("acme: {country: fr}", "tenants.acme.country: "),
        ("Acme: {}", "tenants.Acme"),
        ("acme: {key: gp_x}", 'unknown key "tenants.acme.key"'),
    ],
)
def test_what_the_settings_may_not_say(tmp_path, text, says):
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, f"{ROUTES}tenants:\n  {text}\n")
    assert says in str(caught.value)


def test_an_environment_variable_makes_no_tenant():
    with pytest.raises(SettingsError, match="GUARDPROXY_TENANTS_ACME is not a setting"):
        load(None, {"GUARDPROXY_TENANTS_ACME": "x"}, {})


@pytest.mark.parametrize(("rate", "burst", "at_once"), [(60, 0, 10), (60, 3, 3), (1, 0, 1), (600, 0, 100)])
def test_the_burst_is_ten_seconds_worth(rate, burst, at_once):
    assert Allowance(requests_per_minute=rate, burst=burst).at_once == at_once


LAX, STRICT = fresh("lax", 1.0), fresh("strict", 1.0, scopes=["scores", "trusted_system"])
KINDS = """\
guardproxy: policy/v1
policy: {name}
revision: 1
owner: tests@example.org
about: What a tenant has.
applies_to: {{tenants: [{tenants}]}}
rules:
  - {{id: {name}-rule, about: The code name of a project., words: [{word}], on_match: refuse}}
tests:
  - {{name: it is refused, user: the {word}, expect: {{refuse: {name}-rule}}}}
"""


class Counting:
    """A model detector that says of every text the same, and counts."""

    def __init__(self, info):
        self.info, self.asked = info, []

    async def inspect(self, segments):
        self.asked += [s.text for s in segments]
        return [Finding(self.info.id, "hate.threat", 0.37, s) for s in segments]


HATE = "  - {id: contempt, about: Contempt for people., hazard: hate, thresholds: {refuse: 0.9}}\n"


@pytest.fixture
def two(tmp_path, hall, policy_file, model, outcomes):
    """Two tenants, each with a policy of its own, over one counting model detector and its cache."""
    del outcomes
    counting = Counting(model.info)
    toolbox = Toolbox(models=(counting,), cache=VerdictCache())
    for name, tenants, word in (("lax", "lax, default", "redrobin"), ("strict", "strict", "bluefinch")):
        text = KINDS.format(name=name, tenants=tenants, word=word).replace("tests:\n", HATE + "tests:\n")
        (policy_file.parent / f"{name}.yaml").write_text(text, encoding="utf-8")
    policy_file.unlink()
    hall.shelf._detectors = toolbox.infos
    hall.shelf.path = policy_file.parent
    hall.shelf._asked.clear()
    assert hall.shelf.reload().ok, hall.shelf.last.report
    file = tmp_path / "keys.json"
    write_keys(file, [LAX.stored, STRICT.stored])
    known = {"lax": TenantSettings(models=["m"]), "strict": TenantSettings(country="FR")}
    read = hall.settings.model_copy(update={"tenants": known})
    answer = {"data": [{"id": "m"}, {"id": "n"}]}
    upstream = HttpxUpstream(
        Target("main", "http://model/v1"), httpx.MockTransport(lambda _r: httpx.Response(200, json=answer))
    )
    keys = Keys(file, ("default", "lax", "strict"))
    hall = replace(hall, settings=read, keys=keys, benches=Benches(toolbox), upstream=upstream)
    return DataApp(hall), counting


def by(made):
    return {"x-api-key": made.text}


async def check(send, app, made, text="the bluefinch", **more):
    return await send(app, "/v1/guard/check", headers=by(made), json={"text": text, **more})


async def test_each_tenant_has_its_policy_and_no_verdict_of_the_other(send, two):
    """TN-03: the same text, a strict and a lax tenant, in any order."""
    app, counting = two
    said = {}
    for made in (STRICT, LAX, STRICT, LAX):
        answer = await check(send, app, made)
        said.setdefault(made.stored.tenant, set()).add(
            (answer.headers["x-guardproxy-policy"], answer.headers["x-guardproxy-decision"])
        )
    assert said == {"strict": {("strict@1", "refuse")}, "lax": {("lax@1", "allow")}}
    assert counting.asked == ["the bluefinch"] * 2  # once for each tenant: the second look of each is remembered


async def test_another_tenants_policy_is_one_that_does_not_exist(send, two):
    """TN-01."""
    app, _ = two
    answers = [await check(send, app, LAX, policy=name) for name in ("strict", "no-such-policy")]
    assert [a.status_code for a in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    for name in ("strict", "no-such-policy"):
        asked = {"headers": {**by(LAX), "detector-id": f"policy:{name}"}, "json": {"contents": ["hi"]}}
        assert (await send(app, "/api/v1/text/contents", **asked)).status_code == 403


async def test_another_tenants_model_is_one_that_does_not_exist(send, two):
    app, _ = two
    seen = {}
    for made in (LAX, STRICT):
        listed = await send(app, "/v1/models", "GET", headers=by(made))
        seen[made.stored.tenant] = [entry["id"] for entry in listed.json()["data"]]
    assert seen == {"lax": ["m"], "strict": ["m", "n"]}
    body = {"messages": [{"role": "user", "content": "hi"}]}
    answers = []
    for model in ("n", "no-such-model"):
        answers.append(await send(app, "/v1/chat/completions", headers=by(LAX), json={"model": model, **body}))
        answers.append(await send(app, f"/v1/models/{model}", "GET", headers=by(LAX)))
    assert [(a.status_code, a.json()["error"]["code"]) for a in answers] == [(404, "model_not_found")] * 4
    assert answers[0].json() == answers[2].json()
    assert answers[1].json() == answers[3].json()


@pytest.mark.parametrize(("made", "score"), [(LAX, 0.25), (STRICT, 0.37)])
async def test_exact_scores_are_for_keys_with_their_scope(send, two, made, score):
    answer = await send(two[0], "/v1/moderations", headers=by(made), json={"input": "hi"})
    assert answer.json()["results"][0]["category_scores"]["hate/threatening"] == score


@pytest.mark.parametrize(("made", "country"), [(LAX, ""), (STRICT, "FR")])
async def test_a_tenants_country_is_that_of_its_texts(send, two, monkeypatch, made, country):
    used = []
    monkeypatch.setattr(
        "guardproxy.proxy.exchange.Wording", lambda **given: used.append(given["service"]) or Wording(**given)
    )
    await check(send, two[0], made)
    assert [service.country for service in used] == [country]


@pytest.mark.parametrize(("made", "trusted"), [(LAX, False), (STRICT, True)])
async def test_trusted_system_is_for_keys_with_their_scope(send, two, monkeypatch, made, trusted):
    used = []
    monkeypatch.setattr("guardproxy.proxy.exchange.Context", lambda **given: used.append(given) or Context(**given))
    await check(send, two[0], made)
    assert {given["trusted_system"] for given in used} == {trusted}


def test_a_key_file_that_is_not_there_stops_the_start(tmp_path, policy_file):
    read = load(
        None,
        {"GUARDPROXY_KEYS_FILE": str(tmp_path / "none.json")},
        {"upstream.url": "http://127.0.0.1:9", "policies.path": str(policy_file), "detectors.embedded": False},
    )
    with pytest.raises(SettingsError, match=r"none.json: cannot be read"):
        open_hall(read, lambda: 1_800_000_000.0)


def test_a_tenant_without_a_policy_stops_the_start(tmp_path, policy_file):
    file = tmp_path / "settings.yaml"
    file.write_text("tenants: {acme: {}}\ndetectors: {embedded: false}\naudit: {mode: 'off'}\n", encoding="utf-8")
    text = policy_file.read_text(encoding="utf-8").replace('tenants: ["*"]', "tenants: [default]")
    policy_file.write_text(text, encoding="utf-8")
    read = load(file, {}, {"upstream.url": "http://127.0.0.1:9", "policies.path": str(policy_file)})
    with pytest.raises(PolicyError, match='GP308 error: no policy applies to tenant "acme"'):
        open_hall(read, lambda: 1_800_000_000.0)
