"""What `diff` and `replay` print in common."""

import pytest

from guardproxy.cli.comparing import SHOWN, changed_lines, lines, loaded, one_of, tree
from guardproxy.core.change import Came, Change, Comparison
from guardproxy.core.rules import Action
from guardproxy.errors import PolicyError, UsageError

CALM, REFUSED = Came("input", Action.ALLOW), Came("input", Action.REFUSE, "kites", "custom")
MANY = Comparison.of(Change(f"r{n}", (CALM,), (REFUSED,)) for n in range(SHOWN + 3))


def test_counts_and_rules():
    first, second, *table = lines(MANY, "rows")
    assert first.startswith("23 of 23 rows change: 1.000 [0.857, 1.000]")
    assert second.startswith("  23 tighter, 0 looser, 0 other")
    assert table[-1].split() == ["kites", "23", "0", "0"]
    assert len(lines(Comparison.of([]), "rows")) == 2


def test_long_lists_are_cut():
    cut = changed_lines(MANY, {"r0": "two\nlines"}, all_of_them=False)
    assert cut[:3] == ["  r0  tighter: allow → refuse by kites at input", "      two", "      lines"]
    assert cut[-1] == "  and 3 more (--all, or --format json)"
    assert len(changed_lines(MANY, {}, all_of_them=True)) == SHOWN + 3


def test_for_machines():
    made = tree(MANY)
    assert (made["compared"], made["changed"], made["rate"], made["tighter"]) == (23, 23, 1.0, 23)
    assert made["interval_95"] == [pytest.approx(0.857, abs=0.001), 1.0]
    assert len(made["changes"]) == 23


def test_words_and_policies_that_are_wrong(desk):
    with pytest.raises(UsageError, match='did you mean "json"'):
        one_of("--format", "jsno", ("text", "json"))
    with pytest.raises(PolicyError, match="GP104"):
        loaded(desk(broken="levle: 2\n") / "broken.yaml", None)
