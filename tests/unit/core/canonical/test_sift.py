"""What is turned away beforehand would not have decoded: each run says the same with and without the sift."""

from __future__ import annotations

import base64
import codecs
import random
import string

import pytest

from guardproxy.core.canonical.codecs import Budget, decodings
from guardproxy.core.canonical.sift import turn_away

SIGNS = "".join(map(chr, range(33, 127)))
BASE64 = string.ascii_letters + string.digits + "+/=-_"


def noise(chance: random.Random) -> str:
    return "".join(chance.choice(chance.choice((SIGNS, BASE64))) for _ in range(chance.randint(3, 60)))


def text(chance: random.Random) -> bytes:
    """Bytes that are text in some way, cut and broken here and there."""
    letters = "".join(chance.choice("abc XYZ.\n\x7fé日б😀") for _ in range(chance.randint(1, 20)))
    data = letters.encode(chance.choice(("utf-8", "utf-8", "utf-16-le", "utf-16-be", "utf-16", "utf-32-le")))
    data = bytearray(data[chance.randint(0, 2) :][:40] or b"a")
    for _ in range(chance.randint(0, 3)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def encoded(chance: random.Random) -> str:
    encode = chance.choice((base64.b85encode, base64.a85encode, base64.b64encode, base64.urlsafe_b64encode))
    run = encode(text(chance)).decode()
    run = run[::-1] if chance.random() < 0.3 else run
    run = codecs.encode(run, "rot13") if chance.random() < 0.2 else run
    return f"<~{run}~>" if chance.random() < 0.1 else run


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_decodes_is_turned_away(seed):
    chance = random.Random(seed)
    runs = {noise(chance) if chance.random() < 0.4 else encoded(chance) for _ in range(1500)}
    sifted, plain = Budget(10**8), Budget(10**8)
    turn_away(runs, sifted)
    differing = [r for r in runs if decodings(r, sifted) != decodings(r, plain)]
    assert not differing
    assert sum(bool(decodings(r, plain)) for r in runs) > 100


def test_noise_is_turned_away():
    chance = random.Random(9)
    runs = [base64.b85encode(chance.randbytes(6)).decode() for _ in range(2000)]
    budget = Budget(10**6)
    turn_away(runs, budget)
    assert sum(budget.known.get(r) == [] for r in runs) > 1200


def test_few_runs_are_left_alone():
    budget = Budget(1000)
    turn_away(["&pK^L3zq"], budget)
    assert not budget.known
    assert not budget.hopeless
