"""Generated requests: the same for the same seed, other ones for another, controls among them."""

from __future__ import annotations

from collections import Counter

from guardproxy.testing.protocol.families import MAKERS, generated


def test_a_seed_gives_the_same_requests_again():
    once, again = generated(3, 4), generated(3, 4)
    assert once == again
    assert len(once) == 4 * len(MAKERS)
    assert len({one.id for one in once}) == len(once)
    other = generated(4, 4)
    assert sum(a.raw == b.raw for a, b in zip(once, other, strict=True)) < len(once) / 2


def test_each_family_has_cases_and_what_may_pass_is_marked():
    many = generated(1, 12)
    families = Counter(one.family for one in many)
    assert len(families) > 15
    assert families["control"] >= 60
    for one in many:
        if one.family == "control":
            assert one.statuses == (frozenset({200}),)
            assert 1 in one.hits
        if one.family in ("framing-te", "framing-cl", "lines", "chunked", "host"):
            assert 1 not in one.hits
            assert 200 not in one.statuses[0]
            assert one.closes
