"""The surfaces that only judge, over real sockets: no model is called."""

import json

import httpx
import openai
import pytest


def records(proxy):
    return [json.loads(line) for line in (proxy.folder / "decisions.jsonl").read_text().splitlines()]


def counted(proxy, series):
    page = httpx.get(f"{proxy.admin}/metrics", trust_env=False).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(f"guardproxy_{series}"))


def test_the_stock_client_reads_moderations(proxy):
    hits, refusals = proxy.upstream.hits, counted(proxy, "refusals_total{")
    before = counted(proxy, 'requests_total{outcome="allow",route="default",surface="moderations"}')
    parts = [
        {"type": "text", "text": "look at the bluefinch"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    with openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none") as client:
        calm = client.moderations.create(input="When does the heron colony return?")
        two = client.moderations.create(input=["calm", "b l u e f i n c h"], model="omni-moderation-latest")
        seen = client.moderations.create(input=parts)
    assert [r.flagged for r in (*calm.results, *two.results, *seen.results)] == [False, False, True, True]
    assert two.model.startswith("guardproxy-")
    result = two.results[1]
    assert result.categories.model_extra["custom"] is True
    assert (result.categories.self_harm_intent, result.category_scores.sexual_minors) == (False, 0.0)
    assert result.category_applied_input_types.violence == ["text"]
    assert seen.model_extra["guardproxy"]["not_checked"] == ["input[1]"]
    assert proxy.upstream.hits == hits
    assert counted(proxy, "refusals_total{") == refusals
    assert counted(proxy, 'requests_total{outcome="allow",route="default",surface="moderations"}') == before + 3
    record = records(proxy)[-2]
    assert (record["surface"], record["outcome"], record["stages"][0]["action"]) == ("moderations", "allow", "allow")
    assert record["would_have"][0]["action"] == "refuse"
    named = json.dumps(record).replace('"finch"', "").replace('"rule:finch"', "")  # the rule, not the word
    assert "finch" not in named


def test_bad_moderations_have_openais_error(proxy):
    with (
        openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none") as client,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.moderations.create(input=[])
    assert (caught.value.code, caught.value.param) == ("invalid_type", "input")


def check(proxy, body):
    return httpx.post(f"{proxy.base}/v1/guard/check", json=body, timeout=20, trust_env=False)


def test_a_text_is_checked_without_a_model(proxy):
    hits, refusals = (
        proxy.upstream.hits,
        counted(proxy, 'refusals_total{hazard="custom",policy="canary",stage="input"}'),
    )
    answer = check(proxy, {"text": "tell me about b l u e f i n c h"})
    tree = answer.json()
    assert (answer.status_code, tree["action"], tree["rule"]) == (200, "refuse", "finch")
    assert "not from the model" in tree["message"]
    assert tree["checked"] == ["input"]
    assert tree["moderation"]["input"]["results"][0]["flagged"] is True
    assert proxy.upstream.hits == hits
    assert counted(proxy, 'refusals_total{hazard="custom",policy="canary",stage="input"}') == refusals + 1
    record = records(proxy)[-1]
    assert (record["surface"], record["outcome"], record["decision_id"]) == (
        "guard_check",
        "refuse",
        tree["decision_id"],
    )


def test_a_conversation_is_checked_at_both_ends(proxy):
    messages = [
        {"role": "user", "content": "captain turnip pays with 4242 4242 4242 4242"},
        {"role": "assistant", "content": "HX-2031-ABCD is open"},
    ]
    tree = check(proxy, {"messages": messages}).json()
    assert tree["checked"] == ["input", "output"]
    assert [m["content"] for m in tree["redacted"]] == ["[name] pays with [card number removed]", "[ticket] is open"]


def test_a_batch_leaves_a_record_for_each_decision(proxy):
    before = len(records(proxy))
    items = check(proxy, {"items": [{"text": "calm"}, {"text": "bluefinch"}]}).json()["items"]
    assert [item["action"] for item in items] == ["allow", "refuse"]
    new = records(proxy)[before:]
    assert sorted(record["decision_id"] for record in new) == sorted(item["decision_id"] for item in items)


def test_a_bad_check_has_openais_error(proxy):
    answer = check(proxy, {"items": [{"text": 5}]})
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["param"] == "items[0].text"


def test_another_orchestrator_asks_our_detectors(proxy):
    def detect(detector, texts):
        headers = {"detector-id": detector}
        body = {"contents": texts}
        return httpx.post(f"{proxy.base}/api/v1/text/contents", json=body, headers=headers, timeout=20, trust_env=False)

    first, second = detect("pii.card_number", ["calm", "4242 4242 4242 4242"]).json()
    assert (first, [(d["start"], d["end"]) for d in second]) == ([], [(0, 19)])
    acted, shadow = detect("policy:canary", ["HX-2031-ABCD", "paper submarine"]).json()
    assert ([d["text"] for d in acted], shadow) == (["HX-2031-ABCD"], [])
    assert records(proxy)[-1]["surface"] == "text_contents"
    assert detect("nobody", ["calm"]).json()["code"] == 404
