"""The page of all trials."""

from guardproxy.testing.mutations.fault import Excluded, Fault
from guardproxy.testing.mutations.page import line_of, markdown
from guardproxy.testing.mutations.trial import Catcher, Outcome


def fault(name, why=""):
    return Fault(name, "sample", "example.yaml", "wrote a | b", str.upper, why)


OUTCOMES = [
    Outcome(fault("one"), Catcher.ERROR, ("GP104", "GP105")),
    Outcome(fault("two"), Catcher.TEST, (), 3),
    Outcome(fault("three"), Catcher.WARNING, ("GP702",)),
    Outcome(fault("four", "nobody can know"), Catcher.NOBODY),
]


def test_counts_and_survivors():
    page = markdown(OUTCOMES, [Excluded(fault("five"), "nothing differs")], OUTCOMES[:1])
    assert "| sample | 4 | 1 | 1 | 1 | 1 |\n| **all** | **4** | **1** | **1** | **1** | **1** |" in page
    assert "Caught: 1 of 1. Refused before they could serve: 1." in page.partition("## The same slips")[2]
    assert "Caught: 3 of 4. Refused before they could serve: 2." in page
    assert "| four | `example.yaml` | wrote a \\| b | nobody can know |" in page
    assert "| five | `example.yaml` | wrote a \\| b | nothing differs |" in page


def test_a_line_says_who_caught_it_and_how():
    assert [line_of(outcome).split(" | ")[-1] for outcome in OUTCOMES] == [
        "lint, error: GP104, GP105 |\n",
        "test: 3 tests |\n",
        "lint, warning: GP702 |\n",
        "nobody |\n",
    ]
