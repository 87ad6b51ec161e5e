"""Routes through the running proxy: its own policy, its own label, its own form of a refusal, stock clients."""

import json
import shutil
from pathlib import Path

import httpx
import openai
import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import answer as scripted
from guardproxy.testing.scripts import completion, stream_of

from .conftest import POLICY, start

EXAMPLE = Path(__file__).parents[2] / "docs" / "routes.yaml"


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("routed")
    policies = folder / "policies"
    policies.mkdir()
    for name in ("canary.yaml", "tasks.yaml"):
        shutil.copy(POLICY.parent / name, policies)
    with FakeUpstream() as upstream:
        running = start(folder, policies, upstream, file=EXAMPLE, GUARDPROXY_AUDIT_MODE="required")
        yield running
        running.process.terminate()
        assert running.process.wait(15) == 0


def ask(text, model, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize(
    ("model", "text", "policy", "action"),
    [
        ("tasks", "the redrobin", "tasks@1", "refuse"),
        ("tasks", "the bluefinch", "tasks@1", "refuse"),
        ("agents", "the redrobin", "canary@1", "allow"),
        ("llama-3.1-8b-instruct", "the redrobin", "canary@1", "allow"),
    ],
)
def test_each_route_has_its_policy_and_its_label(routed, model, text, policy, action):
    name = {"llama-3.1-8b-instruct": "chat"}.get(model, model)
    before = routed.counted(route=name, outcome=action)
    routed.upstream.answer_with(completion("Fine."))
    answer = routed.chat(ask(text, model))
    assert (answer.headers["x-guardproxy-policy"], answer.headers["x-guardproxy-decision"]) == (policy, action)
    assert routed.record(answer)["route"] == name
    assert routed.counted(route=name, outcome=action) == before + 1
    if action == "allow":
        assert json.loads(routed.upstream.requests[-1].body)["model"] == "llama-3.1-8b-instruct"


def test_a_task_does_not_become_the_title(routed):
    answer = routed.chat(ask("A title for this chat, please: bluefinch and more", "tasks"))
    assert answer.json()["choices"][0]["message"]["content"] == "Not available"


SAID = {
    "/v1/embeddings": {"input": "hi"},
    "/v1/completions": {"prompt": "hi"},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
}


@pytest.mark.parametrize("path", SAID)
def test_a_model_of_no_route_on_every_surface(routed, path):
    hits = routed.upstream.hits
    answer = routed.post(path, {"model": "other", **SAID[path]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert "llama-3.1-8b-instruct, tasks, agents" in answer.json()["error"]["message"]
    assert routed.upstream.hits == hits
    assert routed.record(answer)["route"] == "default"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["bluefinch", "hi"])
def test_the_stock_client_of_an_error_route(routed, stream, text):
    routed.upstream.answer_with(stream_of(["bluefinch"]) if stream else completion("bluefinch"))
    hits = routed.upstream.hits
    with openai.OpenAI(base_url=f"{routed.base}/v1", api_key="none") as client:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**ask(text, "agents", stream=stream))
        assert caught.value.code == "content_policy_violation"
        assert "not from the model" in caught.value.message
    assert routed.upstream.hits == hits + (text == "hi")


def test_the_list_of_models(routed):
    listed = {"object": "list", "data": [{"id": "llama-3.1-8b-instruct"}, {"id": "secret"}]}
    routed.upstream.answer_with(scripted(listed))
    answer = httpx.get(f"{routed.base}/v1/models", trust_env=False).json()
    assert [entry["id"] for entry in answer["data"]] == ["llama-3.1-8b-instruct", "tasks", "agents"]
