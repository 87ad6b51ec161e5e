"""Detached signatures of policy files and word lists: `<file>.sig` beside the file (GP012, threats.md PF-20).

    openssl genpkey -algorithm ed25519 -out officer.key
    openssl pkey -in officer.key -pubout -out officer.pub                      settings: policies.require_signature
    openssl pkeyutl -sign -rawin -inkey officer.key -in a.yaml -out a.yaml.sig

The signature is 64 bytes, or the same in base64. A file of public keys may hold several: any of them may sign.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from guardproxy.core.rules import Source
from guardproxy.errors import SettingsError
from guardproxy.policy.ed25519 import KEY_BYTES, SIGNATURE_BYTES, is_signed
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import read_bytes

ENDING = ".sig"
_HEAD, _TAIL = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_DER = bytes.fromhex("302a300506032b6570032100")
"""What stands before the key in a SubjectPublicKeyInfo of Ed25519 (RFC 8410)."""
_HINT = "sign the file as it is now: openssl pkeyutl -sign -rawin -inkey KEY -in FILE -out FILE.sig"


def read_signers(path: Path) -> tuple[bytes, ...]:
    """The Ed25519 public keys of a PEM file. Raises SettingsError."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise SettingsError(f"policies.require_signature: {path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"policies.require_signature: {path} is no PEM file") from None
    keys = tuple(_key(block.partition(_TAIL)[0], path) for block in text.split(_HEAD)[1:])
    if not keys:
        raise SettingsError(f"policies.require_signature: {path} holds no public key (openssl pkey -pubout)")
    return keys


def _key(block: str, path: Path) -> bytes:
    raw = _from_base64(block.encode())
    if not raw.startswith(_DER) or len(raw) != len(_DER) + KEY_BYTES:
        raise SettingsError(f"policies.require_signature: {path} holds a key that is no Ed25519 public key")
    return raw[len(_DER) :]


def check_signature(file: Path, raw: bytes, signers: tuple[bytes, ...], problems: Problems, within: Path) -> None:
    """GP012 unless one of the signers has signed exactly these bytes; no signers, no check."""
    if not signers:
        return
    beside, at = file.with_name(file.name + ENDING), Source(str(file), 1, 1)
    if not beside.exists():
        problems.error("GP012", at, f"the settings require a signature, there is no {beside.name}", _HINT)
        return
    own = Problems()
    found = read_bytes(beside, own, 4096, within=within)
    if found is None:
        problems.error("GP012", at, f"{beside.name}: {own.rows[0].message}", _HINT)
        return
    signature = found if len(found) == SIGNATURE_BYTES else _from_base64(found)
    if not any(is_signed(raw, signature, key) for key in signers):
        problems.error("GP012", at, f"{beside.name} is no signature of this file by a key of the settings", _HINT)


def _from_base64(raw: bytes) -> bytes:
    """Empty for what is no base64."""
    try:
        return b64decode(b"".join(raw.split()), validate=True)
    except ValueError:
        return b""
