"""Which policy applies: the most specific one, never by file order."""

import pytest

from guardproxy.core.rules import Policy, PolicyRef, Source
from guardproxy.policy.problems import Problems
from guardproxy.policy.selection import Applies, best, check_equal, in_force

ANY = ("*",)


def applies(name, routes=ANY, tenants=ANY, *, written=True, parent=None):
    policy = Policy(PolicyRef(name, 1, "0" * 16), ())
    return Applies(policy, written, routes, tenants, parent, Source(f"{name}.yaml", 1, 1))


SET = [
    applies("everyone"),
    applies("support", routes=("support",)),
    applies("acme", tenants=("acme",)),
    applies("acme-support", routes=("support",), tenants=("acme",)),
    applies("parent", written=False),
]


@pytest.mark.parametrize(
    ("tenant", "route", "name"),
    [
        ("other", "other", "everyone"),
        ("other", "support", "support"),
        ("acme", "other", "acme"),
        ("acme", "support", "acme-support"),
    ],
)
def test_the_most_specific(tenant, route, name):
    for candidates in (SET, SET[::-1]):
        assert best(candidates, tenant, route).ref.name == name


def test_no_match():
    assert best([applies("support", routes=("support",))], "acme", "other") is None


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (applies("a"), applies("b"), True),
        (applies("a", routes=("x",)), applies("b", routes=("x",)), True),
        (applies("a", routes=("x",)), applies("b", routes=("y",)), False),
        (applies("a", routes=("x", "y")), applies("b", routes=("y", "z")), True),
        (applies("a", routes=("x",)), applies("b", tenants=("t",)), False),
        (applies("a", routes=("x",)), applies("b"), False),
        (applies("a", routes=("x", "*")), applies("b"), True),
        (applies("a", tenants=("t",)), applies("b", tenants=("t",), routes=("x",)), False),
        (applies("a"), applies("b", written=False), False),
    ],
)
def test_equally_specific(one, other, equal):
    for pair in ([one, other], [other, one]):
        problems = Problems()
        check_equal(pair, problems)
        assert [row.code for row in problems] == (["GP307"] if equal else [])


def test_without_applies_to_the_only_leaf_applies_everywhere():
    parent, child = applies("parent", written=False), applies("child", written=False, parent="parent")
    assert best(in_force([parent, child]), "any", "any").ref.name == "child"
    assert in_force([parent, child, applies("other", written=False)]) == ()
    assert [c.policy.ref.name for c in in_force(SET)] == ["everyone", "support", "acme", "acme-support"]
