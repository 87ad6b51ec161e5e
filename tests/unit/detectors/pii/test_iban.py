"""Table of the IBAN recogniser. Numbers are the registry's examples."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from stdnum import numdb
from stdnum.iban import calc_check_digits

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.pii import Iban
from guardproxy.detectors.pii.iban import length_of

IBAN = Iban()


def found(text: str) -> list[str]:
    findings = IBAN.look(Segment(text, Stage.INPUT, Scope.USER))
    return [text[f.span.start : f.span.end] for f in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IBAN DE89 3704 0044 0532 0130 00 and then", ["DE89 3704 0044 0532 0130 00"]),
        ("DE89370400440532013000", ["DE89370400440532013000"]),
        ("de89370400440532013000", ["de89370400440532013000"]),
        ("GB29 NWBK 6016 1331 9268 19 BIC NWBKGB2L", ["GB29 NWBK 6016 1331 9268 19"]),
        ("to FR14-2004-1010-0505-0001-3M02-606.", ["FR14-2004-1010-0505-0001-3M02-606"]),
        ("NO93 8601 1117 947", ["NO93 8601 1117 947"]),
        ("ＤＥ89370400440532013000", ["ＤＥ89370400440532013000"]),
        ("DE89 3704 0044 0532 0130 01", []),  # check digits
        ("DE89 3704 0044 0532 0130", []),  # short
        ("ZZ89370400440532013000", []),  # no such country
        ("XDE89370400440532013000", []),
        ("AB12 CD34 EF56 GH78 IJ90", []),
        ("model RT65 0000 1111 2222 3333", []),
        ("DE893704004405320130001", []),  # goes on
    ],
)
def test_iban(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(("country", "length"), [("DE", 22), ("NO", 15), ("MT", 31), ("ZZ", 0)])
def test_length_of(country, length):
    assert length_of(country) == length


def made_up(country: str, structure: str, chance: random.Random) -> str:
    """A number of the country's structure with right check digits."""
    alphabets = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "c": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    body = "".join(
        "".join(chance.choices(alphabets[kind], k=int(size))) for size, kind in re.findall(r"(\d+)!(\w)", structure)
    )
    return country + calc_check_digits(f"{country}00{body}") + body


def test_every_country_in_two_spellings():
    chance = random.Random(20260701)
    countries = 0
    for first, second in itertools.product("ABCDEFGHIJKLMNOPQRSTUVWXYZ", repeat=2):
        (_, facts), *_ = numdb.get("iban").info(first + second)
        if "bban" not in facts:
            continue
        countries += 1
        value = made_up(first + second, facts["bban"], chance)
        groups = " ".join(value[at : at + 4] for at in range(0, len(value), 4))
        assert found(f"to {value}, please") == [value]
        assert found(f"to {groups}, please") == [groups]
    assert countries > 80
