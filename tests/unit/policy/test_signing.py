"""Detached signatures: missing, wrong, of another file, of another key; lists too (threats.md PF-20)."""

import shutil
import subprocess
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from guardproxy.errors import PolicyError, SettingsError
from guardproxy.policy.codes import completed
from guardproxy.policy.problems import Problems
from guardproxy.policy.shelf import Shelf
from guardproxy.policy.signing import check_signature, read_signers

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
OPENSSL = shutil.which("openssl") or ""
pytestmark = pytest.mark.skipif(not OPENSSL, reason="openssl, with which officers sign, is not installed")


def openssl(*words, folder):
    subprocess.run([OPENSSL, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "bob"):
        openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.key", folder=folder)
        openssl("pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub", folder=folder)
    return folder


@pytest.fixture
def sign(keys):
    def signed(file, who="ada"):
        key = str(keys / f"{who}.key")
        openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", str(file), "-out", f"{file}.sig", folder=keys)

    return signed


@pytest.fixture
def policies(tmp_path, sign):
    (tmp_path / "lists").mkdir()
    names, one = tmp_path / "lists" / "names.txt", tmp_path / "one.yaml"
    names.write_text("velvet lighthouse\n")
    rule = "{id: names, about: Names of products., words: {list: names}, on_match: refuse}"
    one.write_text(completed(f"applies_to: {{routes: ['*']}}\nrules:\n  - {rule}\n", "one"))
    sign(names)
    sign(one)
    return tmp_path


def codes(file, signers):
    problems = Problems()
    check_signature(file, file.read_bytes(), signers, problems, file.parent)
    return [row.code for row in problems]


def test_a_signed_file_passes_in_both_forms(policies, keys):
    file, beside = policies / "one.yaml", policies / "one.yaml.sig"
    signers = read_signers(keys / "ada.pub")
    assert codes(file, signers) == []
    beside.write_bytes(b64encode(beside.read_bytes()) + b"\n")
    assert codes(file, signers) == []


def test_one_of_several_keys_is_enough(policies, keys, sign, tmp_path):
    both = tmp_path / "both.pub"
    both.write_text((keys / "ada.pub").read_text() + (keys / "bob.pub").read_text())
    sign(policies / "one.yaml", "bob")
    assert codes(policies / "one.yaml", read_signers(both)) == []
    assert codes(policies / "one.yaml", read_signers(keys / "ada.pub")) == ["GP012"]


@pytest.mark.parametrize("what", ["missing", "empty", "text", "other", "edited", "folder"])
def test_anything_else_does_not(policies, keys, what):
    file, beside = policies / "one.yaml", policies / "one.yaml.sig"
    if what == "edited":
        file.write_text(file.read_text() + "# one more line\n")
    elif what == "other":
        shutil.copy(policies / "lists" / "names.txt.sig", beside)
    elif what in {"empty", "text"}:
        beside.write_text({"empty": "", "text": "signed, Ada"}[what])
    else:
        beside.unlink()
        if what == "folder":
            beside.mkdir()
    assert codes(file, read_signers(keys / "ada.pub")) == ["GP012"]
    assert codes(file, ()) == []


def nothing(_policy):
    return lambda _segments: []


def test_a_reload_without_its_signature_keeps_the_set_in_force(policies, keys, sign):
    signers = read_signers(keys / "ada.pub")
    shelf = Shelf.open(policies, (), nothing, lambda: NOON, signers)
    before = shelf.policies[0].ref
    file, names = policies / "one.yaml", policies / "lists" / "names.txt"
    file.write_text(file.read_text().replace("revision: 1", "revision: 2"))
    assert not shelf.reload().ok
    assert [row.code for row in shelf.last.problems] == ["GP012"]
    assert shelf.policies[0].ref == before
    sign(file)
    assert shelf.reload().ok
    assert shelf.policies[0].ref.revision == 2
    names.write_text("velvet lighthouse\npaper kite\n")
    assert not shelf.reload().ok
    assert "names.txt.sig" in shelf.last.report
    sign(names)
    assert shelf.reload().ok


def test_a_start_without_signatures_fails_and_the_shipped_policies_need_none(policies, keys):
    signers = read_signers(keys / "bob.pub")
    with pytest.raises(PolicyError, match="GP012"):
        Shelf.open(policies, (), nothing, lambda: NOON, signers)
    signed_by = Shelf.open(policies, (), nothing, lambda: NOON).signers
    assert signed_by == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("no key at all", "holds no public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no Ed25519 public key"),
        ("clé", "no PEM file"),
    ],
)
def test_keys_that_are_none(tmp_path, text, says):
    if text is not None:
        (tmp_path / "officer.pub").write_text(text)
    with pytest.raises(SettingsError, match=says):
        read_signers(tmp_path / "officer.pub")
