"""The command `guardproxy keys`: a key is shown once, the file holds none."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from guardproxy.cli.keys import _changing
from guardproxy.cli.main import app
from guardproxy.errors import SettingsError, UsageError
from guardproxy.proxy.keyring import fresh, read_ring


@pytest.fixture
def file(tmp_path):
    return tmp_path / "var" / "keys.json"


@pytest.fixture
def keys(file):
    def run(*words, ask=True):
        command = ["keys", *words, *(["--file", str(file)] if ask else [])]
        return CliRunner().invoke(app, command, catch_exceptions=False)

    return run


def ring(file):
    return read_ring(file)


def test_a_key_is_printed_alone_and_once(keys, file):
    made = keys("make", "acme", "--scope", "scores", "--scope", "detector", "--note", "the wiki", "--expires", "90d")
    text = made.stdout.strip()
    (stored,) = ring(file).stored
    assert ring(file).holder(text, stored.made) == stored
    assert (stored.tenant, stored.scopes, stored.note) == ("acme", ["scores", "detector"], "the wiki")
    assert stored.expires == stored.made + 90 * 86400
    assert "shown this once" in made.stderr
    assert text not in made.stderr
    assert text.split("_", 2)[2] not in file.read_text(encoding="ascii")


def test_the_list_shows_no_key_no_salt_and_no_hash(keys, file):
    made = keys("make", "acme", "--note", "the wiki").stdout.strip()
    (stored,) = ring(file).stored
    told = keys("list").stdout
    assert [stored.id, "acme", "active"] == told.split()[:3]
    assert told.rstrip().endswith("the wiki")
    (row,) = json.loads(keys("list", "--format", "json").stdout)
    assert (row["id"], row["state"]) == (stored.id, "active")
    for secret in (made, stored.salt, stored.sha256):
        assert secret not in told + json.dumps(row)


def test_a_revoked_key_stays_in_the_list_and_opens_nothing(keys, file):
    text = keys("make").stdout.strip()
    (stored,) = ring(file).stored
    assert keys("revoke", stored.id).exit_code == 0
    assert ring(file).holder(text, stored.made + 1) is None
    assert "revoked" in keys("list").stdout
    first = ring(file).stored[0].revoked
    keys("revoke", stored.id)
    assert ring(file).stored[0].revoked == first


def test_rotation_with_overlap(keys, file):
    old = keys("make").stdout.strip()
    keys("make")
    stored = ring(file).stored[0]
    told = keys("revoke", stored.id, "--after", "24h").stdout
    assert "is good until 20" in told
    end = ring(file).stored[0].expires
    assert ring(file).holder(old, end - 1) is not None
    assert ring(file).holder(old, end) is None
    keys("revoke", stored.id, "--after", "90d")
    assert ring(file).stored[0].expires == end


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["make", "A b"], "a tenant is a-z"),
        (["make", "--note", "x" * 201], "at most 200"),
        (["make", "--scope", "admin"], "no such scope; there are scores, detector, trusted_system"),
        (["make", "--expires", "soon"], "a time is a number and a unit"),
        (["make", "--expires", "٣d"], "a time is a number and a unit"),
        (["revoke", "nobody"], "there is no key with this id"),
        (["list", "--format", "xml"], "text or json"),
    ],
)
def test_wrong_usage_changes_nothing(keys, file, words, says):
    keys("make")
    before = file.read_bytes()
    with pytest.raises(UsageError, match=says):
        keys(*words)
    assert file.read_bytes() == before


def test_the_settings_say_where_and_whose(keys, file, tmp_path, monkeypatch):
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"keys: {{file: {file}}}\ntenants: {{acme: {{}}}}\n", encoding="utf-8")
    assert keys("make", "acme", "--settings", str(settings), ask=False).exit_code == 0
    assert keys("make", "default", "--settings", str(settings), ask=False).exit_code == 0
    with pytest.raises(UsageError, match=r'no tenant "acne" in the settings \(there: default, acme\)'):
        keys("make", "acne", "--settings", str(settings), ask=False)
    monkeypatch.setenv("GUARDPROXY_KEYS_FILE", str(file))
    assert len(keys("list", ask=False).stdout.splitlines()) == 2
    monkeypatch.setenv("GUARDPROXY_KEYS_FILE", "")
    with pytest.raises(UsageError, match="which key file"):
        keys("list", ask=False)


def test_a_file_that_cannot_be_used_is_not_replaced(keys, file):
    file.parent.mkdir()
    file.write_text("{", encoding="ascii")
    with pytest.raises(SettingsError, match="is not JSON"):
        keys("make")
    assert file.read_text(encoding="ascii") == "{"


def test_a_place_that_cannot_be_written(keys, file):
    file.parent.write_text("a file", encoding="ascii")
    with pytest.raises(SettingsError, match="cannot be written"):
        keys("make")


def test_two_at_once_lose_no_key(file):
    def one(_number):
        with _changing(file) as stored:
            stored.append(fresh("acme", 1.0).stored)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(40)))
    assert len(ring(file).stored) == 40
