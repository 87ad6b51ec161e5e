"""The table counts what was played; a text never stands in it."""

import pytest

from guardproxy.core.rules import Action
from guardproxy.testing import dialogue_report as module
from guardproxy.testing.dialogue_report import HEAD, Outcome, details, main, row
from guardproxy.testing.dialogues import Dialogue, Exchange, Heard

SCRIPT = Dialogue("one", "en", (Exchange("secret words", "x"),) * 3)


def heard(*acts):
    return tuple(Heard(turn, action, rule, "crime.cyber") for turn, (action, rule) in enumerate(acts, 1))


QUIET = ((Action.ALLOW, ""),) * 3
CAUGHT = Outcome(
    SCRIPT,
    heard((Action.LOG, "cyber"), (Action.WARN, "cyber"), (Action.REFUSE, "cyber")),
    heard((Action.LOG, "cyber"), (Action.WARN, "session"), (Action.REFUSE, "session")),
)
EARLIER = Outcome(
    SCRIPT, heard(*QUIET), heard((Action.ALLOW, ""), (Action.WARN, "session"), (Action.REFUSE, "session"))
)
PAUSED = Outcome(
    SCRIPT, heard(*QUIET), (*heard(*QUIET[:2]), Heard(3, Action.REFUSE, "session", "crime.fraud", paused=True))
)


def test_a_line_of_the_table():
    cells = row("x", [CAUGHT, EARLIER, PAUSED]).split(" | ")
    assert cells == ["| x", "3 (9)", "1 of 3", "3 of 3", "1", "3", "2 of 3", "2 of 3", "1 |"]
    assert HEAD.splitlines()[0].count("|") == len(cells) + 1


def test_a_line_for_each_turn_that_acted():
    told = "\n".join(details([CAUGHT, PAUSED]))
    assert "rules alone: 2 warn cyber, 3 refuse cyber\n    with memory: 2 warn session, 3 refuse session" in told
    assert "rules alone: nothing\n    with memory: 3 refuse session (pause)" in told
    assert "secret" not in told


def test_what_the_session_earned_is_what_the_rules_let_pass():
    assert CAUGHT.earned == ()
    assert [h.turn for h in EARLIER.earned] == [3]


@pytest.mark.parametrize("each", [False, True])
def test_the_command_plays_the_sets_that_are_asked_for(monkeypatch, capsys, each):
    async def outcomes(bench, policy, name):
        assert (policy.ref.name, name) == ("strict", "split-tune")
        return [EARLIER]

    monkeypatch.setattr(module, "outcomes", outcomes)
    assert main(["--policies", "strict", "--sets", "split-tune", *(["--each"] if each else [])]) == 0
    told = capsys.readouterr().out
    assert told.startswith("\nstrict@1\n\n| set |")
    assert "| split-tune | 1 (3) | 0 of 1 | 1 of 1 | 0 | 1 | 1 of 1 | 1 of 1 | 0 |\n" in told
    assert ("one (en, 3 turns)" in told) == each
