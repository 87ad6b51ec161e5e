"""What the strict parser takes, every parser takes alike; what it gives out is what it took."""

import json

import orjson
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, parse, serialise

TEXT = st.text(max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT, inner, max_size=4).filter(lambda d: len({k.casefold() for k in d}) == len(d))
    ),
    max_leaves=20,
)
BODIES = st.dictionaries(TEXT, VALUES, max_size=4).filter(lambda d: len({k.casefold() for k in d}) == len(d))
PIECES = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", '"', "\\", '"a"', '"A"', "1", "-0", "1e400", "NaN", " ", "null", "\\u", "d800", "é"]
)


@seed(20251124)
@settings(max_examples=300, deadline=None)
@given(BODIES, st.booleans())
def test_round_trip(tree, escaped):
    raw = json.dumps(tree, ensure_ascii=escaped).encode()
    assert serialise(parse(raw)) == serialise(tree)
    assert json.loads(serialise(parse(raw))) == tree


@seed(20251124)
@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_nothing_is_taken_that_another_parser_refuses(text):
    """No crash, no RecursionError; and a body that is taken reads the same to json and orjson."""
    raw = ('{"x":' + text + "}").encode()
    try:
        tree = parse(raw)
    except BadRequest:
        return
    assert serialise(json.loads(raw)) == serialise(orjson.loads(raw))
    assert orjson.loads(serialise(tree)) == orjson.loads(raw)


def count(value):
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + (sum(map(count, value)) if isinstance(value, list) else 0)


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@seed(20251124)
@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_the_scan_counts_exactly(tree):
    raw = json.dumps(tree).encode()
    nodes, levels = count(tree), depth(tree)
    assert parse(raw, Limits(max_nodes=nodes, max_depth=levels)) == tree
    for tighter in (Limits(max_nodes=nodes - 1), Limits(max_depth=levels - 1)):
        with pytest.raises(BadRequest) as caught:
            parse(raw, tighter)
        assert caught.value.code == "too_complex"
