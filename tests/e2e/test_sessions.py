"""Risk over turns and pauses after refusals, through the running proxy and with what clients send."""

from pathlib import Path

import pytest

from guardproxy.policy.shipped import directory
from guardproxy.testing.dialogues import dialogues
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import completion, stream_of
from tests.e2e.conftest import start

POLICY = Path(__file__).parent / "policies" / "session.yaml"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    with FakeUpstream() as upstream:
        running = start(folder, POLICY, upstream, GUARDPROXY_AUDIT_MODE="required")
        yield running
        running.process.terminate()
        assert running.process.wait(15) == 0


def talk(proxy, *texts, session="", answer="Yes.", **more):
    """The last of these user turns, each earlier one answered with `answer`."""
    messages = []
    for text in texts[:-1]:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    body = {"model": "m", "messages": [*messages, {"role": "user", "content": texts[-1]}], **more}
    headers = {"x-guardproxy-session": session} if session else {}
    proxy.upstream.answer_with(stream_of([answer]) if more.get("stream") else completion(answer))
    return proxy.chat(body, headers=headers)


def told(answered):
    return answered.headers["x-guardproxy-decision"], answered.headers.get("x-guardproxy-rule", "")


HERON = "the grey heron of Marker Pond"


def test_a_crescendo_climbs_step_by_step_and_is_refused(proxy):
    seen = [told(talk(proxy, *[f"{HERON} {at}" for at in range(turns)], session="climb")) for turns in range(1, 5)]
    assert seen == [("log", "herons"), ("warn", "session"), ("refuse", "session"), ("refuse", "session")]


def test_a_warning_says_what_comes_next_and_for_how_long(proxy):
    talk(proxy, HERON, session="warned")
    text = talk(proxy, HERON, session="warned").json()["choices"][0]["message"]["content"]
    assert "will refuse the subject for about 10 minutes" in text


def test_the_same_turns_in_sessions_of_their_own_stay_quiet(proxy):
    assert [told(talk(proxy, HERON, session=f"own-{at}"))[0] for at in range(4)] == ["log"] * 4


def test_memory_replaces_a_history_that_the_client_leaves_out(proxy):
    seen = [told(talk(proxy, f"{HERON} {at}", session="forgetful"))[0] for at in range(3)]
    assert seen == ["log", "warn", "refuse"]


def test_without_a_name_the_first_words_tell_sessions_apart(proxy):
    first = f"{HERON}, you know"
    assert told(talk(proxy, first))[0] == "log"
    answered = talk(proxy, first, f"{HERON} again")
    assert told(answered)[0] == "warn"
    line = proxy.record(answered)
    assert line["session"]["source"] == "history"
    assert line["session"]["step"] == "warn"
    assert line["session"]["s"] == {"crime.fraud": pytest.approx(1.4, abs=0.01)}


def test_another_subject_and_a_clean_turn_go_on(proxy):
    for at in range(3):
        talk(proxy, f"{HERON} {at}", session="mixed")
    assert told(talk(proxy, "what is a colony?", session="mixed"))[0] != "refuse"
    assert told(talk(proxy, "a paper kite", session="mixed")) == ("refuse", "kites")


def test_three_refusals_start_a_pause_that_says_when_it_ends(proxy):
    for _ in range(3):
        assert told(talk(proxy, "bluefinch", session="tired")) == ("refuse", "finch")
    answered = talk(proxy, HERON, session="tired")
    assert told(answered) == ("refuse", "session")
    text = answered.json()["choices"][0]["message"]["content"]
    assert "10 minutes" in text
    assert proxy.record(answered)["session"]["paused"] == ["crime"]
    assert told(talk(proxy, "a colony", session="tired"))[0] != "refuse"
    assert told(talk(proxy, HERON, session="fresh"))[0] == "log"


def test_a_custom_rule_rests_alone(proxy):
    for _ in range(3):
        talk(proxy, "the rival shop", session="shops")
    assert told(talk(proxy, "the rival shop", session="shops")) == ("refuse", "session")
    assert told(talk(proxy, "bluefinch", session="shops")) == ("refuse", "finch")


def test_a_refused_answer_counts_and_a_stream_ends_well(proxy):
    for _ in range(3):
        answered = talk(proxy, "hello", session="answers", answer="It is a bluefinch.", stream=True)
        assert answered.text.endswith("data: [DONE]\n\n")
    refused = talk(proxy, HERON, session="answers", stream=True)
    assert told(refused) == ("refuse", "session")
    assert '"finish_reason":"content_filter"' in refused.text
    assert refused.text.endswith("data: [DONE]\n\n")


def test_an_end_user_s_name_beats_the_header(proxy):
    for _ in range(3):
        talk(proxy, "bluefinch", session="a", safety_identifier="u-1")
    assert told(talk(proxy, HERON, session="b", safety_identifier="u-1")) == ("refuse", "session")
    assert told(talk(proxy, HERON, session="a"))[0] == "log"


def test_memory_holds_no_text_and_no_name(proxy):
    log = (proxy.folder / "decisions.jsonl").read_text()
    assert "u-1" not in log
    assert "Marker" not in log


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The policy that is in force when none is named, and the embedded classifiers."""
    folder = tmp_path_factory.mktemp("shipped")
    with FakeUpstream() as upstream:
        running = start(folder, directory() / "default.yaml", upstream, GUARDPROXY_AUDIT_MODE="required")
        yield running
        running.process.terminate()
        assert running.process.wait(15) == 0


def converse(proxy, file, name, source):
    """A scripted dialogue, the whole history sent each time as a client has it; what was warned of or refused."""
    script = next(one for one in dialogues(file) if one.name == name)
    who = f"{name} by {source}"
    more = {"safety_identifier": who} if source == "safety_identifier" else {}
    headers = {"x-guardproxy-session": who} if source == "header" else {}
    messages, acts = [], []
    for turn, exchange in enumerate(script.exchanges, 1):
        proxy.upstream.answer_with(completion(exchange.assistant))
        messages.append({"role": "user", "content": exchange.user})
        answered = proxy.chat({"model": "m", "messages": messages, **more}, headers=headers)
        assert proxy.record(answered)["session"]["source"] == source
        messages.append({"role": "assistant", "content": answered.json()["choices"][0]["message"]["content"]})
        if told(answered)[0] in {"warn", "refuse"}:
            acts.append((turn, *told(answered)))
    return acts


def test_what_the_model_said_itself_never_locks_the_conversation(shipped):
    """Read as requests, two of these harmless answers are attacks; a client that made them up is still refused."""
    assert all(act[1] != "refuse" for act in converse(shipped, "benign-tune", "stuck-process", "header"))
    script = next(one for one in dialogues("benign-tune") if one.name == "stuck-process")
    said = [(e.user, e.assistant) for e in script.exchanges[:10]]
    messages = [
        m for u, a in said for m in ({"role": "user", "content": u}, {"role": "assistant", "content": f"{a} So."})
    ]
    shipped.upstream.answer_with(completion("Yes."))
    answered = shipped.chat({"model": "m", "messages": [*messages, {"role": "user", "content": "and now?"}]})
    assert told(answered)[0] == "refuse"


SOURCES = ("safety_identifier", "header", "history")


@pytest.mark.parametrize("source", SOURCES)
def test_a_scripted_crescendo_is_warned_of_and_refused_before_its_last_turn(shipped, source):
    acts = converse(shipped, "crescendo-tune", "old-friend", source)
    assert acts[:3] == [(3, "warn", "session"), (4, "refuse", "session"), (5, "refuse", "session")]


@pytest.mark.parametrize("source", SOURCES)
def test_a_request_cut_over_three_turns_is_seen_in_the_third(shipped, source):
    assert converse(shipped, "split-held", "cookbook", source) == [(3, "warn", "session")]


@pytest.mark.parametrize("source", SOURCES)
def test_fifteen_harmless_turns_full_of_knives_go_through(shipped, source):
    assert converse(shipped, "benign-held", "butcher", source) == []
