"""Tenants and keys over real sockets: the example of docs/tenants.md, stock clients, and what a stranger can do."""

import json
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import perf_counter

import httpx
import openai
import pytest
from typer.testing import CliRunner

from guardproxy.cli.main import app
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import completion, stream_of

from .conftest import POLICY, start

EXAMPLE = Path(__file__).parents[2] / "docs" / "tenants.yaml"
CHAT, BATCH = "llama-3.1-8b-instruct", "qwen3-4b"
ADMIN = "the-admin-token-of-the-tests"


def keys(folder, *words):
    """The command in this process: another one takes seconds to start."""
    done = CliRunner().invoke(app, ["keys", *words, "--file", str(folder / "keys.json")], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.strip()


def made(folder, tenant, *words):
    return keys(folder, "make", tenant, *words)


@pytest.fixture(scope="module")
def tenanted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tenanted")
    policies = folder / "policies"
    policies.mkdir()
    for name in ("canary.yaml", "school.yaml"):
        shutil.copy(POLICY.parent / name, policies)
    made(folder, "lab")
    settings = {"GUARDPROXY_AUDIT_MODE": "required", "GUARDPROXY_LISTEN_ADMIN_TOKEN_ENV": "ADMIN", "ADMIN": ADMIN}
    with FakeUpstream() as upstream:
        upstream.answer_with(completion("Fine."))
        running = start(folder, policies, upstream, file=EXAMPLE, **settings)
        yield running
        running.process.terminate()
        assert running.process.wait(15) == 0


@pytest.fixture
def school(tenanted):
    """A key of its own for each test: one may ask five times at once."""
    return usable(tenanted, made(tenanted.folder, "school"))


@pytest.fixture(scope="module")
def lab(tenanted):
    return usable(tenanted, made(tenanted.folder, "lab", "--scope", "detector"))


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def ask(text="hi", model=CHAT, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def status_of(proxy, key):
    return httpx.get(f"{proxy.base}/v1/models", headers=bearer(key), trust_env=False).status_code


def until(holds, seconds=5.0):
    """How long it took, asking included."""
    began = perf_counter()
    while not holds():
        assert perf_counter() - began < seconds
    return perf_counter() - began


def usable(proxy, key):
    until(lambda: status_of(proxy, key) != 401)
    return key


def test_stock_clients_in_their_own_ways(tenanted, school, lab):
    with openai.OpenAI(base_url=f"{tenanted.base}/v1", api_key=lab, max_retries=0) as client:
        answer = client.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": "hi"}])
    assert answer.choices[0].message.content == "Fine."
    for headers in ({"x-api-key": lab}, {"api-key": lab}, {"x-api-key": lab, **bearer(lab)}):
        assert tenanted.chat(ask(), headers=headers).status_code == 200
    sent = tenanted.upstream.requests[-1]
    assert not {"authorization", "x-api-key", "api-key"} & {name.lower() for name in sent.headers}
    line = tenanted.record(tenanted.chat(ask(), headers=bearer(school)))
    assert (line["tenant"], line["key"], line["tokens"]) == ("school", school.split("_")[1], 8)


def test_each_tenant_has_its_own_policy_and_models(tenanted, school, lab):
    for key, word, other in ((school, "redrobin", "bluefinch"), (lab, "bluefinch", "redrobin")):
        words = {
            w: tenanted.chat(ask(f"the {w}"), headers=bearer(key)).headers["x-guardproxy-decision"]
            for w in (word, other)
        }
        assert words == {word: "refuse", other: "allow"}
    assert tenanted.chat(ask(model=BATCH), headers=bearer(lab)).status_code == 200
    answers = [tenanted.chat(ask(model=model), headers=bearer(school)) for model in (BATCH, "no-such-model")]
    assert [a.status_code for a in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("stream", [False, True])
def test_a_strangers_error_reads_well_in_stock_clients(tenanted, school, lab, stream):
    hits = tenanted.upstream.hits
    with (
        openai.OpenAI(base_url=f"{tenanted.base}/v1", api_key="sk-wrong", max_retries=3) as client,
        pytest.raises(openai.AuthenticationError, match="not known here, or no longer"),
    ):
        client.chat.completions.create(model=CHAT, stream=stream, messages=[{"role": "user", "content": "hi"}])
    body = {"model": CHAT, "max_tokens": 5, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    answer = tenanted.post("/v1/messages", body, headers={"x-api-key": school, **bearer(lab)})
    assert (answer.status_code, answer.json()["type"]) == (401, "error")
    assert answer.json()["error"]["type"] == "authentication_error"
    assert "two different keys" in answer.json()["error"]["message"]
    assert tenanted.upstream.hits == hits
    log = (tenanted.folder / "decisions.jsonl").read_text(encoding="utf-8")
    assert answer.headers["x-guardproxy-decision-id"] not in log


def test_a_limit_reads_well_in_stock_clients(tenanted):
    key = usable(tenanted, made(tenanted.folder, "school"))
    with (
        openai.OpenAI(base_url=f"{tenanted.base}/v1", api_key=key, max_retries=0) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        asked = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}
        asking = [pool.submit(client.chat.completions.create, **asked) for _ in range(24)]
        errors = [error for one in asking if (error := one.exception()) is not None]
    assert {type(error) for error in errors} == {openai.RateLimitError}
    assert "this key may send 30 requests a minute" in str(errors[0])
    headers = errors[0].response.headers
    assert 1 <= int(headers["retry-after"]) <= 2
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("30", "0")
    assert headers["x-guardproxy-decision-id"] not in (tenanted.folder / "decisions.jsonl").read_text(encoding="utf-8")


def test_a_revoked_key_is_nobodys_soon_and_its_stream_ends_as_it_began(tenanted):
    key = usable(tenanted, made(tenanted.folder, "lab"))
    pieces = [f"Piece {number} of a calm answer. " for number in range(40)]
    tenanted.upstream.answer_with(replace(stream_of(pieces), pause=0.05))
    with httpx.stream(
        "POST",
        f"{tenanted.base}/v1/chat/completions",
        json=ask(stream=True),
        headers=bearer(key),
        timeout=20,
        trust_env=False,
    ) as live:
        lines = live.iter_lines()
        assert "data" in next(lines)
        keys(tenanted.folder, "revoke", key.split("_")[1])
        until(lambda: status_of(tenanted, key) == 401)
        rest = [line for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    assert pieces[-1].strip() in "".join(rest)
    tenanted.upstream.answer_with(completion("Fine."))


def loaded_since(proxy, moment):
    """When the proxy said that it has read the keys again, by its own clock (POSIX seconds)."""
    lines = (proxy.folder / "stderr.log").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line)["time"] for line in lines if '"keys_loaded"' in line and line.endswith("}")]
    return [at for at in (datetime.fromisoformat(time).timestamp() for time in told) if at >= moment]


def test_a_revoked_key_is_nobodys_within_a_second(tenanted):
    """From the last write to the word that the new keys are in force, both by the proxy's machine and not by ours, which
    may be late to ask. The best of three: the second is ours, what others do with the processor is not.
    """
    took = []
    while len(took) < 3 and min(took, default=9.0) > 1.0:
        key = usable(tenanted, made(tenanted.folder, "lab"))
        keys(tenanted.folder, "revoke", key.split("_")[1])
        written = (tenanted.folder / "keys.json").stat().st_mtime
        until(lambda written=written: loaded_since(tenanted, written), 10)
        assert status_of(tenanted, key) == 401
        took.append(loaded_since(tenanted, written)[0] - written)
    assert min(took) <= 1.0


def test_a_broken_key_file_keeps_the_last_good_one_and_says_so(tenanted, lab):
    file = tenanted.folder / "keys.json"
    good = file.read_bytes()
    file.write_bytes(b'{"v": 1')
    until(lambda: metric(tenanted, "guardproxy_keys_load_failed") == 1, 5)
    assert status_of(tenanted, lab) != 401
    file.write_bytes(good)
    until(lambda: metric(tenanted, "guardproxy_keys_load_failed") == 0, 5)
    assert "keys_load_failed" in (tenanted.folder / "stderr.log").read_text(encoding="utf-8")


def page(proxy):
    return httpx.get(f"{proxy.admin}/metrics", headers=bearer(ADMIN), trust_env=False).text


def metric(proxy, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in page(proxy).splitlines() if line.startswith(name))


def test_the_admin_token_and_the_keys_are_different_things(tenanted, lab):
    for path in ("/metrics", "/admin/overview", "/admin/policies"):
        wrong = [
            httpx.get(tenanted.admin + path, headers=h, trust_env=False).status_code
            for h in (bearer(lab), {"x-api-key": lab})
        ]
        assert wrong == [401, 401]
        assert httpx.get(tenanted.admin + path, headers=bearer(ADMIN), trust_env=False).status_code == 200
    assert (
        httpx.post(f"{tenanted.admin}/admin/policies/reload", headers=bearer(lab), trust_env=False).status_code == 401
    )
    for headers in (bearer(ADMIN), {"x-api-key": ADMIN}, {**bearer(ADMIN), "x-api-key": lab}):
        assert tenanted.chat(ask(), headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path", ["/v1/keys", "/v1/guard/keys", "/admin/keys", "/admin/policies/reload", "/metrics", "/v1/tenants"]
)
def test_nothing_on_the_data_port_makes_keys_or_settings(tenanted, lab, path):
    """TN-14: there is no such request, so there is nothing in it to forge."""
    body = {"tenant": "school", "role": "admin", "allowed_routes": ["*"]}
    answers = [
        tenanted.post(path, body, headers=bearer(lab)),
        httpx.get(tenanted.base + path, headers=bearer(lab), trust_env=False),
    ]
    assert [(a.status_code, a.json()["error"]["code"]) for a in answers] == [(404, "unknown_path")] * 2


def opened(proxy, head, text="hi"):
    """A connection on which a request was sent byte by byte as it stands."""
    host, port = proxy.base.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    body = json.dumps(ask(text)).encode()
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
    connection.sendall(head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    return connection


def raw(proxy, head):
    """The status of such a request; 0 when the connection is closed without one."""
    try:
        with opened(proxy, head) as connection:
            answer = connection.recv(64)
    except ConnectionError:
        answer = b""
    return int(answer.split(b" ")[1]) if answer else 0


def test_odd_keys_in_raw_bytes(tenanted, lab):
    """TN-05: never a 500, and never in, unless HTTP itself says that the bytes mean the key."""
    key = lab.encode()
    assert raw(tenanted, b"x-api-key: " + key) == 200
    odd = {
        b"x-api-key: \t" + key: 200,
        b"x-api-key: " + key + b" ": 200,  # blanks around a value are not part of it (RFC 9110, 5.5)
        b"x-api-key: " + key[:-1]: 401,
        b"x-api-key: " + key + b"\xc2\xa0": 401,
        b"x-api-key: " + key.upper(): 401,
        b"x-api-key: " + "٣".encode() + key: 401,
        b"x-api-key: ' OR 1=1 --": 401,
        b"x-api-key: %s, %s" % (key, key): 401,
        b"authorization: bearer  " + key: 401,
        b"authorization: " + key: 401,
        b"x-api-key: " + key + b"\r\nx-api-key: " + key + b"x": 401,
        b"cookie: x-api-key=" + key: 401,
    }
    assert {head: raw(tenanted, head) for head in odd} == odd
    for head in (b"x-api-key: " + key + b"\0", b"x-api-key: " + b"k" * 2**20):
        assert raw(tenanted, head) in (0, 400, 401, 431)


def test_labels_come_from_the_settings_alone(tenanted, lab):
    """TN-10, TN-11."""
    tenanted.chat(ask(), headers=bearer(lab))
    before = {line.rsplit(" ", 1)[0] for line in page(tenanted).splitlines()}
    odd = ['x"} 1\nguardproxy_fake 1', "back\\slash", *(f"model-{number}" for number in range(8))]
    for name in odd:
        more = {"user": name, "metadata": {"tenant": name}}
        assert tenanted.chat(ask(model=name, **more), headers={**bearer(lab), "x-tenant": "other"}).status_code == 404
        tenanted.post(f"/v1/{len(name)}", {}, headers=bearer(lab))
    after = {line.rsplit(" ", 1)[0] for line in page(tenanted).splitlines()}
    assert {line for line in after - before if "_created" not in line} == set()
    assert metric(tenanted, 'guardproxy_tenant_requests_total{result="answered",tenant="lab"}') > 0


def test_a_tenant_that_floods_takes_no_place_of_another(tenanted, school, lab):
    """TN-12 in its simplest form: all places of one are taken, the other is served; who leaves makes room."""
    stuck = replace(completion("Never."), delay=60.0)
    tenanted.upstream.answer_with(lambda request: stuck if b"stuck" in request.body else completion("Fine."))
    floods = [usable(tenanted, made(tenanted.folder, "school")) for _ in range(5)]
    hits = tenanted.upstream.hits
    connections = [opened(tenanted, b"x-api-key: " + floods[at % 5].encode(), "stuck") for at in range(20)]
    assert tenanted.upstream.until(lambda: tenanted.upstream.hits == hits + 20, 30)
    last = usable(tenanted, made(tenanted.folder, "school"))
    turned_away = tenanted.chat(ask(), headers=bearer(last))
    assert (turned_away.status_code, turned_away.headers["retry-after"]) == (429, "1")
    assert "this tenant has 20 requests running" in turned_away.json()["error"]["message"]
    assert tenanted.chat(ask(), headers=bearer(lab)).status_code == 200
    for connection in connections:
        connection.close()
    until(lambda: tenanted.chat(ask(), headers=bearer(last)).status_code == 200, 20)
    tenanted.upstream.answer_with(completion("Fine."))


def test_no_key_is_anywhere_but_with_its_holder(tenanted, school, lab):
    """The marker sweep: logs, decision log, metrics, pages, key file, upstream."""
    tenanted.chat(ask(f"my key is {lab}"), headers=bearer(lab))
    tenanted.chat(ask(), headers={"x-api-key": lab, "api-key": school})
    httpx.get(f"{tenanted.base}/v1/models?key={lab}", headers=bearer(lab), trust_env=False)
    pages = [
        httpx.get(tenanted.admin + p, headers=bearer(ADMIN), trust_env=False).text
        for p in ("/metrics", "/admin/decisions", "/admin/overview")
    ]
    files = [
        (tenanted.folder / name).read_text(encoding="utf-8") for name in ("stderr.log", "decisions.jsonl", "keys.json")
    ]
    heads = [str(request.headers) for request in tenanted.upstream.requests]
    for key in (school, lab, ADMIN):
        secret = key.split("_", 2)[-1]
        assert not [where for where in (*pages, *files, *heads) if secret in where]
