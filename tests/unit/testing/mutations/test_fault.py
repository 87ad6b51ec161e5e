"""Edits as people make them: exactly where they are meant, or not at all."""

import pytest

from guardproxy.testing.mutations.fault import (
    MisplacedError,
    both,
    ends_before,
    inside,
    item,
    longer,
    put,
    top,
    twice,
    without,
)

TEXT = """\
policy: example
rules:
  # Kites
  - id: kites
    words: [paper kite]
    on_match: refuse

  - id: herons
    words: [copper heron]
    on_match: refuse
tests:
  - {name: a kite, user: a paper kite, expect: {refuse: kites}}
  - {name: a heron, user: copper heron, expect: {refuse: herons}}
"""


def test_an_item_ends_where_the_next_begins():
    start, end = item(TEXT, "id: kites")
    assert TEXT[start:end] == "  - id: kites\n    words: [paper kite]\n    on_match: refuse\n\n"
    start, end = item(TEXT, "id: herons")
    assert TEXT[start:end].endswith("on_match: refuse\n")
    start, end = item(TEXT, "name: a kite")
    assert TEXT[start:end].count("\n") == 1


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (put("copper heron]", "copper crane]"), "[copper heron]", "[copper crane]"),
        (inside("id: herons", "refuse", "warn"), "[copper heron]\n    on_match: refuse", "[copper heron]\n    on_match: warn"),
        (top("mode: shadow"), "rules:\n", "mode: shadow\nrules:\n"),
        (longer("id: kites", "level: 2"), "refuse\n\n", "refuse\n    level: 2\n\n"),
        (longer("id: herons", "level: 2"), "refuse\ntests", "refuse\n    level: 2\ntests"),
        (without("name: a kite"), "  - {name: a kite, user: a paper kite, expect: {refuse: kites}}\n", ""),
        (both(put("policy: example", "policy: other"), put("other", "third")), "policy: example", "policy: third"),
    ],
)  # fmt: skip
def test_edits(edit, old, new):
    assert TEXT.count(old) == 1
    assert edit(TEXT) == TEXT.replace(old, new)


def test_twice_and_ends_before():
    assert twice("id: kites")(TEXT).count("id: kites\n") == 2
    assert ends_before("tests:\n")(TEXT).endswith("refuse\n")


@pytest.mark.parametrize(
    "edit",
    [
        put("refuse", "warn"),
        put("silver swan", "x"),
        inside("id: swans", "a", "b"),
        inside("id: kites", "copper", "silver"),
        without("id: kite"),
        ends_before("exceptions:"),
    ],
)
def test_an_edit_that_does_not_fit_is_no_edit(edit):
    with pytest.raises(MisplacedError):
        edit(TEXT)
