"""Answers that are written again: the client sees the draft that was kept, and is told; nobody sees the others."""

import json
from pathlib import Path

import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import completion, continuation, stream_of
from tests.e2e.conftest import start

POLICIES = Path(__file__).parent / "policies"
RUDE, KIND, WORSE = "You blazing turnip.", "Good morning to you.", "It is the bluefinch."


def serving(tmp_path_factory, policy, name):
    folder = tmp_path_factory.mktemp(name)
    with FakeUpstream() as upstream:
        running = start(folder, policy, upstream, GUARDPROXY_AUDIT_MODE="required")
        yield running
        running.process.terminate()
        assert running.process.wait(15) == 0


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    yield from serving(tmp_path_factory, POLICIES / "tone.yaml", "tone")


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """Released as it is checked, with a warning as the last resort."""
    text = (POLICIES / "tone.yaml").read_text()
    text = text.replace("{release: buffer}", "{release: after_check}").replace(
        "{tries: 2, notice: true}", "{tries: 1, fallback: warn}"
    )
    policy = tmp_path_factory.mktemp("policy") / "tone.yaml"
    policy.write_text(text)
    yield from serving(tmp_path_factory, policy, "lenient")


def ask(proxy, *drafts, stream=False, text="hello", **more):
    """The answer to a question that the model answers with these drafts, one after the other; the last again and again."""
    left, before = list(drafts), proxy.upstream.hits

    def say(request):
        draft = left.pop(0) if len(left) > 1 else left[0]
        return stream_of([draft[:8], draft[8:]]) if request.json.get("stream") else completion(draft)

    proxy.upstream.answer_with(say)
    answered = proxy.chat({"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream, **more})
    return answered, proxy.upstream.hits - before


def content(answered, *, stream):
    if not stream:
        return answered.json()["choices"][0]["message"]["content"]
    events = [line[6:] for line in answered.text.splitlines() if line.startswith("data: {")]
    return "".join(c["delta"].get("content") or "" for e in map(json.loads, events) for c in e["choices"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("rude", [1, 2])
def test_a_rude_draft_is_written_again(proxy, stream, rude):
    answered, calls = ask(proxy, *[RUDE] * rude, KIND, stream=stream)
    text = content(answered, stream=stream)
    assert calls == rude + 1
    assert text.startswith(KIND)
    assert "written again" in text
    assert "turnip" not in answered.text
    assert answered.headers["x-guardproxy-decision"] == "regenerate"
    line = proxy.record(answered)
    assert (line["outcome"], line["attempts"], line["stages"][-1]["rule"]) == ("regenerate", rude + 1, "swearing")
    assert '"action":"regenerate"' in answered.text


@pytest.mark.parametrize("stream", [False, True])
def test_when_all_drafts_are_rude_it_is_refused(proxy, stream):
    answered, calls = ask(proxy, RUDE, stream=stream)
    assert calls == 3
    assert "turnip" not in answered.text
    assert answered.headers["x-guardproxy-decision"] == "refuse"
    assert '"finish_reason":"content_filter"' in answered.text.replace(" ", "")
    assert proxy.record(answered)["attempts"] == 3


def test_a_draft_that_another_rule_refuses_ends_it(proxy):
    answered, calls = ask(proxy, RUDE, WORSE)
    assert (calls, answered.headers["x-guardproxy-rule"]) == (2, "finch")
    assert "bluefinch" not in answered.text


def test_the_model_is_told_once_and_never_shown_the_draft(proxy):
    ask(proxy, RUDE, RUDE, KIND)
    bodies = [request.body.decode() for request in proxy.upstream.requests[-3:]]
    assert "Answer only the permissible part" not in bodies[0]
    assert [body.count("Answer only the permissible part") for body in bodies[1:]] == [1, 1]
    assert not any("turnip" in body for body in bodies)


def test_a_decent_first_answer_is_asked_for_once(proxy):
    answered, calls = ask(proxy, KIND)
    assert (calls, answered.headers["x-guardproxy-decision"], content(answered, stream=False)) == (1, "allow", KIND)


def test_notices_of_the_question_stay(proxy):
    answered, _ = ask(proxy, RUDE, KIND, text="a garden ladder")
    assert content(answered, stream=False).count("Note:") == 2


def test_the_last_resort_may_be_a_warning(lenient):
    answered, calls = ask(lenient, RUDE)
    assert calls == 2
    assert content(answered, stream=False).startswith(RUDE)
    assert answered.headers["x-guardproxy-decision"] == "regenerate"
    assert "Note:" in answered.text


def test_what_has_begun_cannot_be_written_again(lenient):
    def say(request):
        return stream_of(["This is how it began. " * 20, RUDE])

    lenient.upstream.answer_with(say)
    hits = lenient.upstream.hits
    answered = lenient.chat({"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": True})
    assert lenient.upstream.hits == hits + 1
    assert "turnip" not in answered.text
    assert '"finish_reason":"content_filter"' in answered.text
    line = lenient.record(answered)
    assert (line["outcome"], line["attempts"]) == ("refuse", 1)


def test_a_surface_without_a_place_for_instructions_refuses(proxy):
    proxy.upstream.answer_with(continuation(RUDE))
    hits = proxy.upstream.hits
    answered = proxy.post("/v1/completions", {"model": "m", "prompt": "hello"})
    assert proxy.upstream.hits == hits + 1
    assert answered.json()["choices"][0]["finish_reason"] == "content_filter"
