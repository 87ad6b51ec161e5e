"""Real traffic through a real proxy, then its decision log decided again: no difference under the same policy."""

import json
import subprocess
import sys

import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import completion, stream_of

from .conftest import POLICY, start

ASKED = (
    "hello",
    "tell me about b l u e f i n c h",
    "how tall is a garden ladder?",
    "captain turnip pays with 4242 4242 4242 4242 for HX-2031-ABCD",
    "a paper submarine, a garden ladder and a bluefinch",
)
ANSWERS = (
    "A calm answer.",
    "I met captain turnip about HX-2031-ABCD. Nice.",
    "The plan is called bluefinch and it starts soon. The garden ladder is two metres tall.",
    "Two metres of garden ladder. Then a bluefinch.",
    "Pay with 4242 4242 4242 4242, paper submarine.",
)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Every question with every answer, plain and in pieces, and what else writes records."""
    folder = tmp_path_factory.mktemp("replayed")
    with FakeUpstream() as upstream:
        proxy = start(folder, POLICY, upstream, GUARDPROXY_AUDIT_MODE="required", GUARDPROXY_DETECTORS_EMBEDDED="false")
        for asked in ASKED:
            for answer in ANSWERS:
                body = {"model": "m", "messages": [{"role": "user", "content": asked}]}
                upstream.answer_with(completion(answer))
                proxy.chat(body)
                upstream.answer_with(stream_of([answer[at : at + 5] for at in range(0, len(answer), 5)]))
                proxy.chat({**body, "stream": True})
        block = {"model": "m", "policy": {"input": {"mode": "block"}, "output": {"mode": "block"}}}
        upstream.answer_with(completion(ANSWERS[3]))
        for asked in ASKED:
            proxy.chat({"model": "m", "messages": [{"role": "user", "content": asked}], "moderation": block})
        post = proxy.post
        post("/v1/moderations", {"input": "bluefinch"})
        post(
            "/v1/guard/check",
            {"messages": [{"role": "user", "content": ASKED[3]}, {"role": "assistant", "content": ANSWERS[2]}]},
        )
        post("/v1/chat/completions", {"model": "m", "messages": []})
        proxy.process.terminate()
        assert proxy.process.wait(15) == 0
    return folder / "decisions.jsonl"


def replay(log, policy, *options):
    command = [sys.executable, "-m", "guardproxy", "replay", str(log), "--policy", str(policy), *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_the_same_policy_decides_the_same(log):
    ran = replay(log, POLICY, "--format", "json", "--fail-on", "any")
    assert ran.returncode == 0, ran.stdout
    report = json.loads(ran.stdout)
    assert report["replayed"]["changed"] == 0
    assert report["replayed"]["compared"] == len(ASKED) * len(ANSWERS) * 2 + len(ASKED) + 1
    assert report["not_replayable"] == {"records": 0, "reasons": {}}
    assert report["not_compared"] == {"the surface only reports": 1, "a fault: nothing was decided": 1}


def test_the_log_holds_what_was_seen_and_no_word(log):
    text = log.read_text()
    for word in ("bluefinch", "turnip", "4242", "HX-2031", "submarine "):
        assert word not in text
    last = json.loads(text.splitlines()[2])
    assert last["versions"]["rule:finch"]
    assert last["versions"]["pii.card_number"]


def test_another_policy_changes_what_its_rules_change(log, tmp_path):
    policy = tmp_path / "canary.yaml"
    source = POLICY.read_text()
    policy.write_text(
        source.replace("revision: 1", "revision: 2")
        .replace("words: [garden ladder], on_match: warn", "words: [garden ladder], on_match: refuse")
        .replace("words: [paper submarine], mode: shadow", "words: [paper submarine]")
        .partition("tests:")[0]
    )
    ran = replay(log, policy, "--format", "json", "--fail-on", "looser")
    assert ran.returncode == 0, ran.stdout
    report = json.loads(ran.stdout)
    moved = {row["rule"]: row for row in report["replayed"]["by_rule"]}
    assert moved["ladders"]["tighter"] > 0
    assert moved["submarine"]["tighter"] > 0
    assert report["replayed"]["looser"] == 0
    assert replay(log, policy, "--fail-on", "tighter").returncode == 1


def test_new_words_need_the_text(log, tmp_path):
    policy = tmp_path / "canary.yaml"
    policy.write_text(POLICY.read_text().replace("[bluefinch]", "[bluefinch, goldfinch]").partition("tests:")[0])
    ran = replay(log, policy)
    assert ran.returncode == 0
    assert "rule finch is new or changed" in ran.stdout


def test_a_wrong_log_is_wrong_usage(tmp_path):
    for name, content in (("gone.jsonl", None), ("bad.jsonl", "no record\n")):
        if content is not None:
            (tmp_path / name).write_text(content)
        ran = replay(tmp_path / name, POLICY)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert name in ran.stderr


def test_replay_and_diff_agree(log, tmp_path):
    """The numbers alone say what the texts say: each row twice, plain and streamed."""
    policy, corpus, part = (tmp_path / name for name in ("canary.yaml", "corpus.jsonl", "part.jsonl"))
    policy.write_text(
        POLICY.read_text()
        .replace("words: [garden ladder], on_match: warn", "words: [garden ladder], on_match: refuse")
        .replace("words: [paper submarine], mode: shadow", "words: [paper submarine]")
        .partition("tests:")[0]
    )
    rows = [{"text": asked, "assistant": answer} for asked in ASKED for answer in ANSWERS]
    corpus.write_text("\n".join(map(json.dumps, rows)))
    part.write_text("".join(log.read_text().splitlines(keepends=True)[: 1 + 2 * len(rows)]))
    settings = tmp_path / "settings.yaml"
    settings.write_text("detectors:\n  embedded: false\n")
    command = [sys.executable, "-m", "guardproxy", "diff", str(POLICY), str(policy), "--corpus", str(corpus)]
    command += ["--settings", str(settings), "--format", "json"]
    by_text = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    by_number = json.loads(replay(part, policy, "--format", "json").stdout)
    assert by_number["replayed"]["compared"] == 2 * by_text["compared"]
    assert by_text["tighter"] > 0
    for way in ("tighter", "looser", "other"):
        assert by_number["replayed"][way] == 2 * by_text[way]


RUDE, KIND = "You blazing turnip.", "Good morning to you."


def replayed(folder, policy, say):
    """The report on a log under the policy that wrote it."""
    with FakeUpstream() as upstream:
        proxy = start(folder, policy, upstream, GUARDPROXY_DETECTORS_EMBEDDED="false", GUARDPROXY_AUDIT_MODE="required")
        say(proxy)
        proxy.process.terminate()
        assert proxy.process.wait(15) == 0
    ran = replay(folder / "decisions.jsonl", policy, "--format", "json", "--fail-on", "any")
    assert ran.returncode == 0, ran.stdout
    return json.loads(ran.stdout)


def test_drafts_are_replayed(tmp_path):
    """What was written again keeps its name; what had begun to leave was refused."""
    policy = tmp_path / "tone.yaml"
    policy.write_text(POLICY.with_name("tone.yaml").read_text().replace("{release: buffer}", "{release: after_check}"))

    def say(proxy):
        for drafts in ([RUDE, KIND], [RUDE], [KIND], ["It is fine. " * 90 + RUDE, KIND]):
            for stream in (False, True):
                left = list(drafts)

                def answer(request, left=left):
                    draft = left.pop(0) if len(left) > 1 else left[0]
                    pieces = [draft[at : at + 9] for at in range(0, len(draft), 9)]
                    return stream_of(pieces) if request.json.get("stream") else completion(draft)

                proxy.upstream.answer_with(answer)
                proxy.chat({"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": stream})

    report = replayed(tmp_path, policy, say)
    assert report["replayed"]["compared"] == 8
    assert report["open_ends"] == {}
    outcomes = [json.loads(line).get("outcome") for line in (tmp_path / "decisions.jsonl").read_text().splitlines()[1:]]
    assert {"regenerate", "refuse", "allow"} <= set(outcomes)


def test_what_a_session_decided_stands(tmp_path):
    def say(proxy):
        proxy.upstream.answer_with(completion("Yes."))
        for text in ["the grey heron of Marker Pond"] * 4 + ["a bluefinch"] * 4 + ["a paper kite"]:
            body = {"model": "m", "messages": [{"role": "user", "content": text}]}
            proxy.chat(body, headers={"x-guardproxy-session": "one"})

    report = replayed(tmp_path, POLICY.with_name("session.yaml"), say)
    assert report["replayed"]["compared"] == 9
    assert '"rule":"session"' in (tmp_path / "decisions.jsonl").read_text()
