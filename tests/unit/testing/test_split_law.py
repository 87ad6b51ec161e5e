"""The command, and that its figures can be other than zero."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.rules import Mode
from guardproxy.testing import split_law
from guardproxy.testing.split_law import main, run
from guardproxy.testing.stand_ins import plan_of


def test_main(capsys):
    assert main(["--splits", "400", "--seed", "2", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "seed 2: 4" in said
    assert "leaked characters 0, lost characters 0, differing decisions 0" in said


@pytest.mark.parametrize("broken", ["no_zorp", "hide_1", "w_refuse"])
def test_a_rule_that_is_not_obeyed_is_seen(monkeypatch, broken):
    def careless(*, classifies):
        plan = plan_of(classifies=classifies)
        rules = tuple(replace(r, mode=Mode.SHADOW) if r.id == broken else r for r in plan.policy.rules)
        return replace(plan, policy=replace(plan.policy, rules=rules))

    monkeypatch.setattr(split_law, "plan_of", careless)
    counts = run(1500, seed=4)
    assert counts.leaked
    assert not counts.clean
