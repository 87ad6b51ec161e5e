from __future__ import annotations

import pytest

from guardproxy.training.leakage import Leak, leaks

KEPT = [("b:1", "Tell me how the old clock in the hall works"), ("b:2", "one two")]


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("tell me, how the OLD clock in the hall works?", "equal"),
        ("Tell me how the old clock in the hall runs", "near"),
        (
            "Be quick. Tell me how the old clock in the hall works, then go on: "
            + " ".join(f"w{n}" for n in range(60)),
            "contains",
        ),
        ("Tell me how clocks work", ""),
        ("I have one two three friends", ""),  # too short to say anything
        ("", ""),
    ],
)
def test_what_counts_as_a_leak(text, how):
    assert leaks([("a:1", text)], KEPT) == ([Leak("a:1", "b:1", how)] if how else [])


def test_long_texts_are_compared_by_their_beginnings_too():
    start = " ".join(f"word{n}" for n in range(40))
    assert leaks([("a:1", f"{start} and here it goes another way entirely")], [("b:1", f"{start} {'x ' * 200}")])
