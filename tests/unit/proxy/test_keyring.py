"""Client keys: what is kept of them opens nothing, and what is offered is right or it is not."""

from __future__ import annotations

import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardproxy.errors import SettingsError
from guardproxy.proxy import keyring
from guardproxy.proxy.keyring import KeyRing, fresh, read_ring, write_keys

MADE = fresh("acme", 100.0, scopes=["scores", "scores"], expires=200.0, note="a test")
RING = KeyRing([MADE.stored, fresh("other", 100.0).stored])


def test_a_key_opens_what_it_was_made_for():
    holder = RING.holder(MADE.text, 150.0)
    assert holder is MADE.stored
    assert (holder.tenant, holder.scopes, holder.note) == ("acme", ["scores"], "a test")


def test_two_keys_have_nothing_in_common():
    made = [fresh("acme", 1.0) for _ in range(50)]
    for part in ("id", "salt", "sha256"):
        assert len({getattr(one.stored, part) for one in made}) == 50
    assert len({one.text for one in made}) == 50
    assert all(len(one.text.split("_", 2)[2]) == 43 for one in made)


def test_nothing_that_is_kept_or_shown_holds_the_key():
    secret = MADE.text.split("_", 2)[2]
    assert secret not in repr(MADE) + repr(MADE.stored) + MADE.stored.model_dump_json()
    assert RING.holder(f"gp_{MADE.stored.id}_{MADE.stored.sha256}", 150.0) is None


@pytest.mark.parametrize("now", [200.0, 1e12])
def test_an_expired_key_opens_nothing(now):
    assert MADE.stored.state(now) == "expired"
    assert RING.holder(MADE.text, now) is None


@pytest.mark.parametrize("revoked", [0.0, 120.0, 1e12])
def test_a_revoked_key_opens_nothing_whatever_the_clock_says(revoked):
    stored = MADE.stored.model_copy(update={"revoked": revoked})
    assert stored.state(150.0) == "revoked"
    assert KeyRing([stored]).holder(MADE.text, 150.0) is None


SECRET = MADE.text.split("_", 2)[2]
WRONG = [
    "",
    "gp",
    "gp_",
    "gp__",
    f"gp_{MADE.stored.id}",
    f"gp_{MADE.stored.id}_",
    f"gp_{MADE.stored.id}_{SECRET[:-1]}",
    f"gp_{MADE.stored.id}_{SECRET}x",
    f"gp_{MADE.stored.id}_{SECRET}" + "x" * 1_000_000,
    f"{MADE.text} ",
    f" {MADE.text}",
    f"{MADE.text}\n",
    f"{MADE.text}\0",
    MADE.text.upper(),
    MADE.text.swapcase(),
    f"GP_{MADE.stored.id}_{SECRET}",
    f"sk_{MADE.stored.id}_{SECRET}",
    f"gp_{RING.stored[1].id}_{SECRET}",
    f"gp_nobody_{SECRET}",
    "gp_nobody_",
    "gp_' OR '1'='1_x",
    f"gp_{MADE.stored.id}_٣٤٥",
    f"gp_{MADE.stored.id}_\udcff",
    "🗝" * 1000,
]


@pytest.mark.parametrize("offered", WRONG, ids=range(len(WRONG)))
def test_whatever_else_is_offered_opens_nothing(offered):
    assert RING.holder(offered, 150.0) is None


@given(st.text(max_size=80) | st.text(alphabet=MADE.text, max_size=80))
def test_no_text_but_the_key_opens_anything(text):
    assert (RING.holder(text, 150.0) is None) is (text != MADE.text)


@pytest.mark.parametrize("offered", [MADE.text, *WRONG], ids=range(len(WRONG) + 1))
def test_each_offer_costs_one_digest_and_one_comparison(monkeypatch, offered):
    digests, comparisons = [], []
    digest, compare = keyring._digest, keyring.hmac.compare_digest
    monkeypatch.setattr(keyring, "_digest", lambda *given: digests.append(given) or digest(*given))
    monkeypatch.setattr(keyring.hmac, "compare_digest", lambda *given: comparisons.append(given) or compare(*given))
    RING.holder(offered, 150.0)
    assert (len(digests), len(comparisons)) == (1, 1)
    assert {len(side) for side in comparisons[0]} == {64}


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "keys.json"
    write_keys(file, RING.stored)
    assert read_ring(file).stored == RING.stored
    write_keys(file, [])
    assert read_ring(file).stored == ()


def test_a_new_file_is_the_owners_and_an_old_one_keeps_its_mode(tmp_path):
    file = tmp_path / "keys.json"
    write_keys(file, [])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    write_keys(file, RING.stored)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "keys.json"
    write_keys(file, RING.stored)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_keys(file, [])
    assert read_ring(file).stored == RING.stored
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


ENTRY = MADE.stored.model_dump()


def whole(**more):
    return {"v": 1, "keys": [{**ENTRY, **more}]}


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (b"\xff", "is not JSON"),
        ('{"v": 1, "v": 1, "keys": []}', "is not JSON"),
        (json.dumps(whole()).replace('"note"', '"revoked": null, "note"'), "is not JSON"),
        ([], "the file: "),
        ({}, "v: is missing"),
        ({"v": 2, "keys": []}, "v: "),
        ({"v": 1}, "keys: is missing"),
        ({"v": 1, "keys": [], "more": 1}, "more: nobody knows this name"),
        (whole(admin=True), "keys[0].admin: nobody knows this name"),
        (whole(id="UPPER"), "keys[0].id: "),
        (whole(tenant="A b"), "keys[0].tenant: "),
        (whole(salt="zz"), "keys[0].salt: "),
        (whole(sha256=ENTRY["sha256"].upper()), "keys[0].sha256: "),
        (whole(made="today"), "keys[0].made: "),
        (whole(expires=True), "keys[0].expires: "),
        (whole(scopes=["everything"]), "keys[0].scopes[0]: "),
        ({"v": 1, "keys": [ENTRY, ENTRY]}, "keys[1].id: another key has this id"),
    ],
)
def test_a_bad_file_is_refused_at_its_place(tmp_path, tree, says):
    file = tmp_path / "keys.json"
    raw = tree if isinstance(tree, str | bytes) else json.dumps(tree)
    file.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    with pytest.raises(SettingsError) as caught:
        read_ring(file)
    assert str(caught.value).startswith(f"{file}: {says}")
    assert ENTRY["sha256"] not in str(caught.value)


def test_a_file_that_is_not_there_or_too_long(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match=r"cannot be read .*guardproxy keys make"):
        read_ring(tmp_path / "none.json")
    monkeypatch.setattr(keyring, "MOST_BYTES", 10)
    write_keys(tmp_path / "keys.json", RING.stored)
    with pytest.raises(SettingsError, match="longer than 10 bytes"):
        read_ring(tmp_path / "keys.json")
