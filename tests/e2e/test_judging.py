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
    assert "finch" not in json.dumps(record).replace('"finch"', "")


def test_bad_moderations_have_openais_error(proxy):
    with (
        openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none") as client,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.moderations.create(input=[])
    assert (caught.value.code, caught.value.param) == ("invalid_type", "input")
