"""A language that no classifier of the policy reads: said in the log, and refused or noted where the policy wants it."""

import json
import time
from pathlib import Path

import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import completion
from tests.e2e.conftest import POLICY, start

LANGUAGES = Path(__file__).parent / "policies" / "languages.yaml"


def ask(proxy, text):
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return proxy.chat(body).json()


def until_languages_are_loaded(proxy):
    """The model of languages is read beside the start, and no answer waits for it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ask(proxy, "This is an English sentence about gardens and rain.")
        if logged(proxy)[-1]["tag"] == "en":
            return
    raise AssertionError("no language after 20 s")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """How to start a proxy; all are ended at the end."""
    running = []
    with FakeUpstream() as upstream:
        upstream.answer_with(completion("A calm answer."))

        def open_with(policy):
            running.append(
                start(tmp_path_factory.mktemp("languages"), policy, upstream, GUARDPROXY_AUDIT_MODE="required")
            )
            until_languages_are_loaded(running[-1])
            return running[-1]

        yield open_with
        for one in running:
            one.process.terminate()
            assert one.process.wait(15) == 0


def logged(proxy):
    lines = (proxy.folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    return [e["language"] for line in lines if "decision_id" in (e := json.loads(line))]


def test_it_is_refused_in_its_own_words_and_english_passes(opened):
    proxy = opened(LANGUAGES)
    refused = ask(proxy, "Wie schärfe ich ein Küchenmesser am besten?")
    assert refused["guardproxy"]["rule"] == "language"
    assert "Sie können stattdessen auf Englisch schreiben" in refused["choices"][0]["message"]["content"]
    assert ask(proxy, "How do I sharpen a kitchen knife?")["guardproxy"]["action"] == "allow"
    assert {"tag": "de", "covered": False} in logged(proxy)


def test_a_warning_is_a_notice_beside_the_answer(opened, tmp_path):
    policy = tmp_path / "languages.yaml"
    policy.write_text(LANGUAGES.read_text().partition("tests:")[0].replace("language: refuse", "language: warn"))
    said = ask(opened(policy), "Comment aiguiser un couteau de cuisine sans pierre ?")
    assert said["guardproxy"]["action"] == "warn"
    assert said["choices"][0]["message"]["content"].startswith("A calm answer.\n\nLe contrôle de sécurité")


def test_where_no_hazard_rule_listens_every_language_is_covered(opened):
    proxy = opened(POLICY)
    ask(proxy, "Wie schärfe ich ein Küchenmesser am besten?")
    assert logged(proxy)[-1:] == [{"tag": "de", "covered": True}]
