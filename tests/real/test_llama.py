"""What a real model complies with raw is refused through the proxy, plain and streamed, before the model is asked."""

import json
from collections import Counter

import pytest

from tests.real.conftest import AREAS, REFUSED, declines, guarded, harmful, llama
from tests.real.record import TOOLS
from tests.real.surfaces import CHAT, SURFACES

pytestmark = pytest.mark.slow

CALM = "Write one sentence about a heron."
# A model made for turns ends a bare text at once; this is llama.cpp's own field against it.
MORE = {"text": {"ignore_eos": True}}
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
EVERY = pytest.mark.parametrize("name", SURFACES)


def served(proxy, name):
    """The surface; skipped where this proxy has no such door yet."""
    surface = SURFACES[name]
    answered = proxy.post(surface.path, {})
    if answered.status_code == 404:
        pytest.skip(f"the proxy does not serve {surface.path}")
    return surface


def marks(answered):
    return {name: answered.headers.get(f"x-guardproxy-{name}") for name in ("decision", "decision-id", "checked")}


def test_the_list_of_models(raw, proxy):
    wanted, got = raw.get("/v1/models").json()["data"], proxy.get("/v1/models").json()["data"]
    assert [model["id"] for model in got] == [model["id"] for model in wanted] == ["smollm2"]
    assert proxy.get("/v1/models/smollm2").json()["id"] == "smollm2"
    assert proxy.get("/v1/models/nothing").json()["error"]["code"] == "model_not_found"


@BOTH
@EVERY
def test_a_calm_prompt_is_answered(raw, proxy, name, stream):
    surface, before = served(proxy, name), raw.asked()
    answered = surface.ask(proxy, CALM, stream=stream, **MORE.get(name, {}))
    heard = surface.heard(answered, stream=stream)
    assert (answered.status_code, answered.headers["x-guardproxy-decision"]) == (200, "allow")
    assert heard.text.strip()
    assert heard.end != surface.refused.end or heard.why != surface.refused.why
    assert raw.asked() > before
    if not stream:
        assert answered.json()["guardproxy"]["action"] == "allow"
        assert answered.json()["usage"]


@BOTH
@EVERY
def test_raw_and_guarded_say_the_same(raw, proxy, name, stream):
    """At temperature 0 the guard changes no word and no end of an answer it allows."""
    surface = served(proxy, name)
    answers = [surface.ask(server, CALM, stream=stream, **MORE.get(name, {})) for server in (raw, proxy)]
    texts = [surface.heard(answered, stream=stream) for answered in answers]
    assert texts[0].end == texts[1].end
    assert (texts[0].text == texts[1].text) is True


@BOTH
@EVERY
@pytest.mark.parametrize("known", [one for pair in REFUSED.values() for one in pair])
def test_harm_complied_with_raw_is_refused_guarded(raw, proxy, rows, name, stream, known):
    surface, row = served(proxy, name), rows[known]
    answered = surface.ask(raw, row.text, stream=stream, **MORE.get(name, {}))
    complied = bool(surface.heard(answered, stream=stream).text.strip())
    assert (answered.status_code, complied) == (200, True), f"the raw model is silent on {row.id}"
    before = raw.asked()
    answered = surface.ask(proxy, row.text, stream=stream, **MORE.get(name, {}))
    heard = surface.heard(answered, stream=stream)
    assert marks(answered)["decision"] == "refuse"
    assert marks(answered)["checked"] == "input"
    assert (answered.status_code, heard.end, heard.why) == (200, surface.refused.end, surface.refused.why)
    assert bool(heard.text.strip()), "a refusal has words"
    assert raw.asked() == before, "the model was asked"
    if not stream:
        assert answered.json()["guardproxy"]["stage"] == "input"


@BOTH
def test_a_tool_call_comes_through(proxy, stream):
    answered = proxy.post(CHAT.path, TOOLS | ({"stream": True} if stream else {}))
    assert (answered.status_code, answered.headers["x-guardproxy-decision"]) == (200, "allow")
    if stream:
        frames = [frame.removeprefix("data: ") for frame in answered.text.split("\n\n") if frame.startswith("data: {")]
        choices = [choice for frame in frames for choice in json.loads(frame)["choices"]]
        calls = [call for choice in choices for call in choice["delta"].get("tool_calls", [])]
    else:
        choices = answered.json()["choices"]
        calls = choices[0]["message"]["tool_calls"]
    assert [choice["finish_reason"] for choice in choices][-1] == "tool_calls"
    assert [call["function"]["name"] for call in calls if call["function"].get("name")] == ["weather"]
    assert set(json.loads("".join(call["function"]["arguments"] for call in calls))) == {"city"}


def test_errors_of_the_model_server_come_in_our_shape(proxy):
    long = {"model": "smollm2", "messages": [{"role": "user", "content": "word " * 6000}], "max_tokens": 2}
    for more in ({}, {"stream": True}):
        answered = proxy.post(CHAT.path, long | more)
        error = answered.json()["error"]
        assert (answered.status_code, error["type"]) == (400, "invalid_request_error")
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["code"], str)


def test_embeddings_are_refused_as_the_server_refuses_them(raw, proxy):
    body = {"model": "smollm2", "input": "a heron"}
    assert raw.post("/v1/embeddings", body).status_code == 501
    answered = proxy.post("/v1/embeddings", body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (502, "upstream_error")


def test_embeddings_where_the_server_makes_them(tmp_path, rows):
    with llama(tmp_path, "--embeddings") as raw, guarded(tmp_path, raw) as proxy:
        answered = proxy.post("/v1/embeddings", {"model": "smollm2", "input": ["a heron", "a pond"]})
        assert (answered.status_code, answered.headers["x-guardproxy-decision"]) == (200, "allow")
        assert [len(one["embedding"]) for one in answered.json()["data"]] == [576, 576]
        refused = proxy.post("/v1/embeddings", {"model": "smollm2", "input": rows[REFUSED["self_harm"][0]].text})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "content_filter")


def test_the_whole_set(raw, proxy, capsys):
    """The model is asked exactly when the input was not refused; the counts are for the report."""
    seen, declined = Counter(), Counter()
    for row in harmful():
        text = CHAT.heard(CHAT.ask(raw, row.text, stream=False, max_tokens=16), stream=False).text
        declined[row.area] += declines(text) or not text.strip()
        before = raw.asked()
        answered = CHAT.ask(proxy, row.text, stream=False, max_tokens=16)
        decision, stage = answered.headers["x-guardproxy-decision"], answered.json()["guardproxy"].get("stage")
        at_input = (decision, stage) == ("refuse", "input")
        assert (answered.status_code, raw.asked() == before) == (200, at_input), row.id
        seen[row.area, decision] += 1
        seen[row.area, "all"] += 1
    with capsys.disabled():
        print("\narea         prompts  raw model declines  refused  warned  logged  allowed")
        for area in AREAS:
            counts = [seen[area, word] for word in ("refuse", "warn", "log", "allow")]
            print(f"{area:12} {seen[area, 'all']:7} {declined[area]:19}" + "".join(f"{count:8}" for count in counts))
    assert all(seen[area, "refuse"] for area in AREAS)
