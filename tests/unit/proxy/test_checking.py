"""`/v1/guard/check` without a socket: every action, both stages, batches, one record a decision."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardproxy.proxy.app import CHECK, CONTENTS, MODERATIONS


async def check(send, judging, body, **more):
    answer = await send(judging, CHECK, json=body, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    ("text", "action", "rule", "redacted"),
    [
        ("When does the heron colony return?", "allow", None, None),
        ("a garden ladder", "warn", "ladders", None),
        ("ask Captain Turnip", "redact", "nickname", "ask [name]"),
        ("about the bluefinch", "refuse", "finch", None),
        ("captain turnip and the bluefinch", "refuse", "finch", None),
        ("gloomp", "warn", "contempt", None),
    ],
)
@pytest.mark.parametrize("stage", ["input", "output"])
async def test_every_action_at_both_stages(send, judging, outcomes, text, action, rule, redacted, stage):
    tree = await check(send, judging, {"text": text, "stage": stage})
    assert (tree["action"], tree["rule"], tree["redacted"]) == (action, rule, redacted)
    assert tree["checked"] == [stage]
    assert tree["stage"] == (stage if rule else None)
    assert tree["policy"] == "sample@2"
    assert bool(tree["message"]) is (action in ("warn", "refuse"))
    (inside,) = tree["moderation"][stage]["results"]
    assert inside["flagged"] is (rule is not None)
    (outcome,) = outcomes
    assert (outcome.surface, outcome.outcome, outcome.decision_id) == ("guard_check", action, tree["decision_id"])


async def test_a_refusal_is_said_as_a_user_would_read_it(send, judging):
    tree = await check(send, judging, {"text": "bluefinch"}, headers={"x-guardproxy-locale": "de"})
    assert tree["decision_id"] in tree["message"]
    english = await check(send, judging, {"text": "bluefinch"})
    assert english["message"].partition(english["decision_id"])[0] != tree["message"].partition(tree["decision_id"])[0]


async def test_headers_say_the_same(send, judging):
    answer = await send(judging, CHECK, json={"text": "bluefinch"})
    assert answer.headers["x-guardproxy-decision"] == "refuse"
    assert answer.headers["x-guardproxy-rule"] == "finch"
    assert answer.headers["x-guardproxy-decision-id"] == answer.json()["decision_id"]


@pytest.mark.parametrize(
    ("messages", "action", "stage", "redacted"),
    [
        ([user("hi"), assistant("hello")], "allow", None, None),
        ([user("hi"), assistant("the bluefinch")], "refuse", "output", None),
        ([user("the bluefinch"), assistant("no")], "refuse", "input", None),
        (
            [user("captain turnip?"), assistant("Captain Turnip!")],
            "redact",
            "input",
            [user("[name]?"), assistant("[name]!")],
        ),
        ([user("who?"), assistant("Captain Turnip!")], "redact", "output", [user("who?"), assistant("[name]!")]),
        ([assistant("Captain Turnip!")], "redact", "output", [assistant("[name]!")]),
    ],
)
async def test_an_answered_conversation_is_checked_twice(send, judging, messages, action, stage, redacted):
    tree = await check(send, judging, {"messages": messages})
    assert (tree["action"], tree["stage"], tree["redacted"]) == (action, stage, redacted)
    assert tree["checked"] == (["input", "output"] if len(messages) > 1 else ["output"])
    assert list(tree["moderation"]) == tree["checked"]


async def test_a_tool_nobody_offered_is_refused(send, judging):
    call = {"id": "c", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    body = {"messages": [user("hi"), {"role": "assistant", "content": None, "tool_calls": [call]}]}
    assert (await check(send, judging, body))["action"] == "allow"
    offered = [{"type": "function", "function": {"name": "f"}}]
    assert (await check(send, judging, {**body, "tools": offered}))["action"] == "refuse"


async def test_each_item_of_a_batch_is_a_decision(send, judging, outcomes):
    answer = await send(judging, CHECK, json={"items": [{"text": "calm"}, {"text": "bluefinch"}, {"text": "calm"}]})
    items = answer.json()["items"]
    assert [item["action"] for item in items] == ["allow", "refuse", "allow"]
    assert sorted(o.decision_id for o in outcomes) == sorted(item["decision_id"] for item in items)
    assert {o.status for o in outcomes} == {200}
    assert answer.headers["x-guardproxy-decision-id"] == items[1]["decision_id"]
    assert items[1]["decision_id"] in items[1]["message"]


async def test_a_check_that_could_not_run_fails_the_batch_once(send, judging, model, outcomes):
    model.fails = True
    answer = await send(judging, CHECK, json={"items": [{"text": "calm"}, {"text": "bluefinch"}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "guard_unavailable")
    assert answer.headers["x-guardproxy-decision"] == "error"
    assert [o.outcome for o in outcomes] == ["error"]


async def test_a_policy_by_name(send, judging):
    assert (await check(send, judging, {"text": "hi", "policy": "sample"}))["policy"] == "sample@2"
    answer = await send(judging, CHECK, json={"text": "hi", "policy": "other"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unknown_policy", "policy")


PICTURE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}


ANSWERED = [{"role": "user", "content": "hi"}, {**PICTURE, "role": "assistant"}]


@pytest.mark.parametrize(("messages", "stage"), [([PICTURE], "input"), (ANSWERED, "output")])
async def test_a_picture_is_refused_like_on_chat(send, judging, outcomes, messages, stage):
    said = await check(send, judging, {"messages": messages})
    assert (said["action"], said["stage"], said["rule"]) == ("refuse", stage, "unscannable")
    assert said["hazards"] == ["unscannable.media"]
    assert "attachment" in said["message"]
    assert [(o.outcome, o.unchecked) for o in outcomes] == [("refuse", ())]


@pytest.mark.parametrize(
    ("body", "status", "named", "param"),
    [
        ({}, 400, "invalid_type", "text"),
        ({"text": "x" * 200_001, "stage": "output"}, 413, "request_too_large", None),
        ({"messages": [PICTURE], "x": [1] * 9}, 400, "unscannable_prompt", "x"),
        ({"items": [{"text": "a"}, {"messages": [PICTURE], "x": [1] * 9}]}, 400, "unscannable_prompt", "items[1].x"),
    ],
)
async def test_bad_input(send, judging, outcomes, body, status, named, param):
    answer = await send(judging, CHECK, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, named, param)
    assert [(o.outcome, o.surface) for o in outcomes] == [("bad_request", "guard_check")]


WORDS = st.sampled_from(["bluefinch", "captain turnip", "text", "image_url", "user", "output", "f", "sample", "{}"])
LEAF = st.none() | st.booleans() | st.integers(-3, 3) | WORDS | st.text(max_size=5)
NAMES = st.sampled_from(
    [
        "input",
        "text",
        "type",
        "image_url",
        "url",
        "messages",
        "role",
        "content",
        "stage",
        "policy",
        "items",
        "tools",
        "function",
        "name",
        "tool_calls",
        "arguments",
        "refusal",
        "audio",
        "error",
        "contents",
        "detector_params",
        "threshold",
        "model",
    ]
)
TREE = st.recursive(LEAF, lambda c: st.lists(c, max_size=3) | st.dictionaries(NAMES, c, max_size=4), max_leaves=12)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": TREE},
    optional={"tool_calls": TREE, "refusal": LEAF, "error": LEAF},
)
ASKED = st.fixed_dictionaries({"messages": st.lists(MESSAGE, max_size=3)}, optional={"tools": TREE})
BODY = ASKED | st.dictionaries(NAMES, TREE) | st.fixed_dictionaries({"items": st.lists(ASKED, max_size=3)})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODY, path=st.sampled_from([CHECK, MODERATIONS, CONTENTS]))
def test_whatever_comes_is_answered_and_recorded_once_a_decision(send, judging, outcomes, body, path):
    before = len(outcomes)
    answer = asyncio.run(send(judging, path, json=body, headers={"detector-id": "policy:sample"}))
    assert answer.status_code < 500
    batch = path == CHECK and answer.status_code == 200 and "items" in answer.json()
    assert len(outcomes) - before == (len(answer.json()["items"]) if batch else 1)
