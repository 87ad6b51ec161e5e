"""What one trial says."""

import pytest

from guardproxy.policy.codes import completed
from guardproxy.testing.mutations.fault import Fault, put
from guardproxy.testing.mutations.trial import Catcher, Court

TESTS = """\
tests:
  - {name: good morning, user: Good morning, expect: allow}
  - {name: the kite, user: Where is the paper kite?, expect: {refuse: first-rule}}
"""


@pytest.fixture(scope="module")
def court(tmp_path_factory):
    return Court({"example.yaml": completed(TESTS, "example")}, tmp_path_factory.mktemp("court"))


def fault(old, new):
    return Fault("sample", "sample", "example.yaml", "did something", put(old, new))


@pytest.mark.parametrize(
    ("old", "new", "catcher", "codes", "failed"),
    [
        ("on_match: refuse", "on_match: refuze", Catcher.ERROR, ("GP208",), 0),
        ("on_match: refuse", "on_match: warn", Catcher.TEST, (), 1),
        ("- {name: the kite", "#- {name: the kite", Catcher.WARNING, ("GP706",), 0),
        ("revision: 1", "revision: 2", Catcher.NOBODY, (), 0),
    ],
)
def test_who_catches(court, old, new, catcher, codes, failed):
    found = court.trial(fault(old, new))
    assert (found.catcher, found.codes, found.failed, found.meant) == (catcher, codes, failed, True)


def test_what_differs_in_nothing_is_no_fault(court):
    assert not court.trial(fault("revision: 1", "revision: 1  # once more")).meant


def test_a_trial_leaves_no_trace(court):
    court.trial(fault("on_match: refuse", "on_match: warn"))
    assert court.trial(fault("revision: 1", "revision: 2")).catcher is Catcher.NOBODY


def test_what_was_said_before_counts_for_nothing(tmp_path):
    court = Court({"example.yaml": completed("levle: 1\n", "example")}, tmp_path)
    assert [row.code for row in court.before.errors] == ["GP104"]
    assert court.trial(fault("revision: 1", "revision: 2")).catcher is Catcher.NOBODY
    assert court.trial(fault("revision: 1", "revision: x")).codes == ("GP105",)
