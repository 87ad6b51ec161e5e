"""The store of session numbers: keyed, bounded, forgetful."""

from guardproxy.core.cool_down import Mark, Pauses
from guardproxy.core.escalation import Level
from guardproxy.core.session import SessionState
from guardproxy.state.sessions import Kept, Sessions

RISKY = SessionState((Level("crime.fraud", 1.0, 1),), Pauses(), 5.0)


def test_what_was_put_comes_back_until_it_expires():
    sessions = Sessions(b"k")
    sessions.put("a", RISKY, expires=10.0)
    assert sessions.get("a", 9.9) is RISKY
    assert sessions.get("a", 10.0) == SessionState(at=10.0)
    assert len(sessions) == 0


def test_an_unknown_session_begins_now():
    assert Sessions(b"k").get("a", 3.0) == SessionState(at=3.0)


def test_what_says_nothing_is_not_kept():
    sessions = Sessions(b"k")
    sessions.put("a", RISKY, 10.0)
    sessions.put("a", SessionState(at=6.0), 10.0)
    assert len(sessions) == 0
    sessions.put("a", SessionState(pauses=Pauses((Mark("crime", 1.0),))), 10.0)
    assert len(sessions) == 1


def test_the_longest_unused_goes_first():
    sessions = Sessions(b"k", most=2)
    for name in ("a", "b"):
        sessions.put(name, RISKY, 10.0)
    sessions.get("a", 1.0)
    sessions.put("c", RISKY, 10.0)
    assert [bool(sessions.get(name, 1.0).levels) for name in ("a", "b", "c")] == [True, False, True]


def test_keys_tell_tenants_sources_and_names_apart_and_hold_none_of_them():
    sessions = Sessions(b"k")
    keys = {sessions.key(t, s, v) for t in ("t1", "t2") for s in ("header", "history") for v in ("u", "v")}
    assert len(keys) == 8
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)
    assert Sessions(b"other").key("t1", "header", "u") not in keys


async def test_a_turn_is_settled_upon_what_is_remembered_by_then():
    sessions = Sessions(b"k")
    seen = await sessions.recall("a", 3.0)
    assert seen.state == SessionState(at=3.0)
    met = []

    def settle(current):
        met.append(current)
        return Kept(RISKY, 10.0)

    await sessions.keep("a", seen, settle)
    await sessions.keep("a", seen, settle)
    assert met == [seen.state, RISKY]
    assert sessions.get("a", 4.0) is RISKY
