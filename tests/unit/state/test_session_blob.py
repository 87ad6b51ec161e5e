"""What is written of a session: numbers under a seal, on the store's clock."""

import json

import pytest

from guardproxy.core.cool_down import Mark, Pause, Pauses
from guardproxy.core.escalation import Level
from guardproxy.core.session import SessionState
from guardproxy.state import session_blob
from guardproxy.state.session_blob import pack, unpack

SECRET = b"s" * 32
STATE = SessionState(
    (Level("crime.fraud", 1.5, 2),), Pauses((Mark("rule:kites", 90.0),), (Pause("crime", 400.0),)), 100.0
)


def sealed(body):
    return session_blob._seal(body, "k", SECRET) + body


def tree(**changed):
    return {"at": 1.0, "levels": [], "marks": [], "pauses": [], **changed}


def test_what_was_packed_comes_back():
    assert unpack(pack(STATE, 0.0, "k", SECRET), 0.0, "k", SECRET) == STATE


def test_times_cross_between_replicas_whose_clocks_differ():
    blob = pack(STATE, 50.0, "k", SECRET)  # the store is 50 s ahead of us, and an hour behind the other replica
    read = unpack(blob, -3600.0, "k", SECRET)
    assert read.at == 100.0 + 50.0 + 3600.0
    assert read.pauses == Pauses((Mark("rule:kites", 3740.0),), (Pause("crime", 4050.0),))
    assert read.levels == STATE.levels


def test_one_changed_bit_another_session_or_another_secret_is_missing():
    blob = pack(STATE, 0.0, "k", SECRET)
    changed = [blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :] for at in range(len(blob))]
    assert [unpack(one, 0.0, "k", SECRET) for one in changed] == [None] * len(blob)
    assert unpack(blob, 0.0, "other", SECRET) is None
    assert unpack(blob, 0.0, "k", b"t" * 32) is None
    assert unpack(b"", 0.0, "k", SECRET) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"null",
        json.dumps(tree(at="soon")).encode(),
        json.dumps(tree(levels=[["crime.fraud", float("nan"), 1]])).encode(),
        json.dumps(tree(levels=[["crime.fraud", 1.0]])).encode(),
        json.dumps(tree(marks=[["crime", float("inf")]])).encode(),
        json.dumps(tree(pauses=7)).encode(),
        json.dumps({"at": 1.0}).encode(),
    ],
)
def test_what_does_not_read_is_missing_even_under_a_seal(body):
    assert unpack(sealed(body), 0.0, "k", SECRET) is None


def test_a_leaf_that_only_a_newer_replica_knows_is_left_out():
    body = json.dumps(tree(levels=[["crime.fraud", 1.0, 1], ["tomorrow.new", 1.0, 1]])).encode()
    assert unpack(sealed(body), 0.0, "k", SECRET).levels == (Level("crime.fraud", 1.0, 1),)
