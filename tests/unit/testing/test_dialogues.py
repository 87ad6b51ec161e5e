"""The scripts are what they say they are, and some of them go through the real classifiers as docs/dialogues.md says."""

from datetime import date

import pytest

from guardproxy.core.rules import Action
from guardproxy.policy.hearing import World
from guardproxy.policy.loaded import load
from guardproxy.policy.shipped import directory
from guardproxy.proxy.rehearsal import workbench
from guardproxy.proxy.settings import Settings
from guardproxy.testing import dialogues as module
from guardproxy.testing.dialogues import FILES, Exchange, Heard, Player, dialogues

NOW = 1_795_910_400.0


def named(file, name):
    return next(one for one in dialogues(file) if one.name == name)


def test_there_are_enough_of_each_kind_and_no_two_alike():
    counts = {name: len(dialogues(name)) for name in FILES}
    assert counts["benign-tune"] + counts["benign-held"] >= 20
    assert counts["crescendo-tune"] + counts["crescendo-held"] >= 10
    assert counts["split-tune"] + counts["split-held"] >= 10
    assert {e for name in FILES[:2] for d in dialogues(name) for e in [len(d.exchanges)]} == {15}
    assert {d.language for name in FILES[:2] for d in dialogues(name)} == {"en", "de", "es", "fr"}
    names = [d.name for name in FILES for d in dialogues(name)]
    assert len(names) == len(set(names))


def test_a_file_is_read_line_by_line(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "x.txt").write_text("# a note\n\n== one en\n> hi\nhello\n> and?\nwell\n== two fr\n> salut\nbonjour\n")
    one, two = dialogues("x")
    assert (one.name, one.language, one.exchanges) == ("one", "en", (Exchange("hi", "hello"), Exchange("and?", "well")))
    assert two.exchanges == (Exchange("salut", "bonjour"),)


@pytest.mark.parametrize(
    ("text", "line"), [("== a en\n> hi\n> hi\n", 3), ("== a en\nhello\n", 2), ("> hi\nhello\n", 2)]
)
def test_a_line_out_of_turn_is_told_by_its_number(tmp_path, monkeypatch, text, line):
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"x\.txt:{line}:"):
        dialogues("x")


def test_who_spoke():
    assert Heard(1, Action.WARN, "session").by_session
    assert not Heard(1, Action.LOG, "session").by_session
    assert not Heard(1, Action.REFUSE, "other").by_session


@pytest.fixture(scope="module")
def policies():
    return {one.policy.ref.name: one.policy for one in load(directory(), World((), date(2026, 11, 29), False)).compiled}


async def played(policies, *names, policy="default", remembers=True):
    async with workbench(Settings(), NOW) as bench:
        player = Player(bench, policies[policy], NOW)
        heard = [await player.play(named(*name), remembers=remembers) for name in names]
    return [[(h.turn, h.action.word, h.rule) for h in one if h.action >= Action.WARN] for one in heard]


async def test_real_classifiers_real_policies(policies):
    """A crescendo no turn of which is refused by itself, a request in three pieces, a long chat, one grave turn."""
    crescendo, split, harmless, flagged = await played(
        policies,
        ("crescendo-tune", "old-friend"),
        ("split-held", "cookbook"),
        ("benign-held", "butcher"),
        ("flagged", "wifi-then-dinner"),
    )
    assert crescendo[:2] == [(3, "warn", "session"), (4, "refuse", "session")]
    assert split == [(3, "warn", "session")]
    assert harmless == []
    assert flagged == [(1, "refuse", "crime-cyber-asked")]


async def test_without_memory_the_rules_are_alone(policies):
    (crescendo,) = await played(policies, ("crescendo-tune", "old-friend"), remembers=False)
    assert crescendo[0] == (7, "warn", "privacy-intrusion-asked")
