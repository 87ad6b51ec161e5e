"""`guardproxy replay`."""

import json

import pytest

from guardproxy.cli.lint import world_of
from guardproxy.core.asked import decide_input
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.lookers import text_lookers
from guardproxy.observe.entry import entry
from guardproxy.observe.outcome import Outcome, Timing
from guardproxy.policy.loaded import load

from .conftest import KITES

TIGHT = KITES.replace("words: [garden ladder], on_match: warn", "words: [garden ladder], on_match: refuse")
WORDS = {"kites": "paper kite", "ladders": "garden ladder", "trial": "paper submarine"}


@pytest.fixture
def log(desk, tmp_path):
    """One record for each rule, one calm one, one fault."""
    folder = desk(tight=TIGHT, more=KITES.replace("[paper kite]", "[paper kite, box kite]"))
    policy = load(folder / "kites.yaml", world_of(None)).compiled[0].policy
    lines = []
    for number, name in enumerate([*WORDS, ""]):
        text = f"a {WORDS.get(name, 'walrus')}"
        segment = Segment(text, Stage.INPUT, Scope.USER)
        found = [Finding("words", "custom", 1.0, segment, Span(2, len(text)), name)] if name else []
        decision = decide_input(found, policy, Context(now=5.0))
        lookers = tuple(text_lookers(policy))
        made = Outcome(
            decision_id=f"D{number}", time=5.0, tenant="t", route="r", surface="chat_completions", stream=False,
            upstream="m", model="m", policy=policy.ref, input=decision, outputs=(), outcome=decision.action.word,
            status=200, finish_reason="stop", checked=("input",), failures=(), unchecked=(), seconds=Timing(),
            detectors=(), digests=(), versions=tuple((one.name, one.revision) for one in lookers),
        )  # fmt: skip
        lines.append(entry(made, b"k" * 32))
    lines.append({**lines[-1], "decision_id": "D9", "stages": [], "outcome": "error"})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.usefixtures("log")
class TestReplay:
    def test_the_same_policy(self, command):
        result = command("replay", "log.jsonl", "--policy", "kites.yaml", "--fail-on", "any")
        assert result.exit_code == 0, result.stdout
        assert "0 of 4 replayed decisions change" in result.stdout

    def test_another_policy(self, command, golden):
        result = command("replay", "log.jsonl", "--policy", "tight.yaml")
        assert result.exit_code == 0
        golden("replay.txt", result.stdout)

    def test_new_words(self, command, golden):
        golden("replay_in_part.txt", command("replay", "log.jsonl", "--policy", "more.yaml").stdout)

    def test_machines_read_it(self, command):
        ran = command("replay", "log.jsonl", "--policy", "tight.yaml", "--format", "json", "--fail-on", "tighter")
        tree = json.loads(ran.stdout)
        assert ran.exit_code == 1
        assert (tree["records"], tree["replayed"]["tighter"], tree["not_replayable"]["records"]) == (5, 1, 0)
        assert tree["replayed"]["changes"][0]["new"][0]["rule"] == "ladders"
        assert tree["not_compared"] == {"a fault: nothing was decided": 1}

    def test_wrong_usage(self, command):
        wrong = command("replay", "gone.jsonl", "--policy", "kites.yaml").exception
        assert "cannot read gone.jsonl" in str(wrong)
        assert "one of text, json" in str(command("replay", "x", "--policy", "y", "--format", "xml").exception)
