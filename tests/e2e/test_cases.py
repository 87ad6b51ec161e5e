"""The visible case kit through the running proxy: judged by what the client got and by what the upstream recorded.

Hidden rows of the same kinds exist; nothing here or in the program is keyed to a row.
"""

import gzip
import json

import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import case_script, completion

from .conftest import CASES, start

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the case kit is not part of a clone")


def rows(name):
    path = CASES / name
    if not path.exists():
        return []
    raw = path.read_bytes()
    text = gzip.decompress(raw) if name.endswith(".gz") else raw
    return [json.loads(line) for line in text.splitlines()]


CANARIES = {c["id"]: c["text"] for c in json.loads((CASES / "canaries.json").read_text())} if CASES.exists() else {}


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    with FakeUpstream() as upstream:
        running = start(folder, CASES / "canary-kit.yaml", upstream)
        yield running
        running.process.terminate()
        running.process.wait(15)


def ask(text):
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def text_of(answer):
    return answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("path", "name", "status"), [("/v1/completions", "prompt", 200), ("/v1/embeddings", "input", 400)]
)
def test_every_surface_judges_like_chat(kit, path, name, status):
    differing = []
    for row in rows("text_evasion.jsonl.gz")[::23]:
        hits = kit.upstream.hits
        answer = kit.post(path, {"model": "m", name: ["a calm text", row["text"]]})
        rule = answer.headers.get("x-guardproxy-rule", "")
        if row["expect"] == "flag":
            fine = rule in (f"canary-{row['canary'].lower()}", "unscannable") and answer.status_code == status
            fine = (fine and kit.upstream.hits == hits) or (row.get("or_400") and answer.status_code == 400)
        else:
            fine = rule == ""
        if not fine:
            differing.append((row["id"], answer.status_code, rule))
    assert differing == []


def test_disguised_inputs_are_refused(kit):
    missed = []
    for row in rows("text_evasion.jsonl.gz")[::7]:
        if row["expect"] != "flag":
            continue
        hits = kit.upstream.hits
        answer = kit.chat(ask(row["text"]))
        rule = answer.headers.get("x-guardproxy-rule", "")
        fine = rule in (f"canary-{row['canary'].lower()}", "unscannable") and kit.upstream.hits == hits
        if not (fine or (row.get("or_400") and answer.status_code == 400)):
            missed.append(row["id"])
    assert missed == []


def test_disguised_answers_are_withheld(kit):
    missed = []
    for row in rows("text_evasion.jsonl.gz")[3::23]:
        if row["expect"] != "flag":
            continue
        kit.upstream.answer_with(completion(row["text"]))
        answer = kit.chat(ask("what is it?"))
        if answer.json()["choices"][0]["finish_reason"] != "content_filter":
            missed.append(row["id"])
    assert missed == []


def test_benign_twins_pass_unchanged(kit):
    for row in rows("benign_twins.jsonl"):
        kit.upstream.answer_with(completion(row["text"]))
        answer = kit.chat(ask(row["text"]))
        assert answer.json()["guardproxy"]["action"] == "allow", row["id"]
        assert json.loads(kit.upstream.requests[-1].body) == ask(row["text"]), row["id"]
        assert text_of(answer) == row["text"], row["id"]


@pytest.mark.parametrize("row", rows("conversation_bodies.jsonl"), ids=lambda r: r["id"])
def test_conversation_bodies(kit, row):
    kit.upstream.answer_with(completion("Fine."))
    hits = kit.upstream.hits
    answer = kit.chat(row["body"])
    sent = [r.body.decode() for r in kit.upstream.requests[hits:]]
    refused = answer.status_code == 200 and answer.json()["choices"][0]["finish_reason"] == "content_filter"
    if row["expect"] == "blocked":
        assert refused or answer.status_code == 400
        assert not sent
    elif row["expect"] == "400":
        assert answer.status_code == 400
        assert answer.json()["error"]["param"]
        assert not sent
    elif row["expect"] == "not_upstream":
        assert CANARIES[row["canary"]] not in "".join(sent)
    elif row["expect"] == "pass":
        assert json.loads(sent[0]) == row["body"]
        assert text_of(answer) == "Fine."


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for v in value.values():
            yield from strings(v)
    elif isinstance(value, list):
        for v in value:
            yield from strings(v)


@pytest.mark.parametrize("row", rows("stream_cases.jsonl.gz"), ids=lambda r: r["id"])
def test_stream_cases(kit, row):
    kit.upstream.answer_with(case_script(row))
    answer = kit.chat(row["request"])
    if answer.status_code != 200:
        assert row["expect"] in ("upstream_error", "no_leak", "no_leak_or_stripped")
        assert answer.json()["error"]["code"].startswith("upstream_")
        return
    frames = [f.removeprefix("data: ") for f in answer.text.split("\n\n") if f.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    events = [json.loads(f) for f in frames[:-1]]
    choices = [c for e in events for c in e.get("choices", [])]
    text = "".join(c["delta"].get("content") or "" for c in choices if c["index"] == 0)
    finishes = [c["finish_reason"] for c in choices if c["finish_reason"]]
    assert finishes
    if row["canary"]:
        canary = CANARIES[row["canary"]]
        for part in [text, *(s for e in events for s in strings(e))]:
            assert canary not in part
        if row.get("safe_prefix") and row["expect"] == "no_leak":
            assert row["safe_prefix"].startswith(text.partition("\n\n")[0]) or text.startswith(row["safe_prefix"])
            released = text.partition("\n\n")[0]
            assert released in row["safe_prefix"] or "safety policy" in released
    if row["expect"] in ("clean", "no_leak_text_kept"):
        assert text == row["text"]
    if row["expect"] == "upstream_error":
        assert finishes[-1] == "length"
        assert any("error" in e for e in events)
