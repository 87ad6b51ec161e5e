"""Ed25519 against the test vectors of RFC 8032 7.1, and what must not pass."""

import pytest

from guardproxy.policy.ed25519 import is_signed

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
KEY, MESSAGE, SIGNATURE = map(bytes.fromhex, VECTORS[1])
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("vector", VECTORS, ids=["empty", "one byte", "two bytes"])
def test_the_vectors_of_the_rfc(vector):
    key, message, signature = map(bytes.fromhex, vector)
    assert is_signed(message, signature, key)
    assert not is_signed(message + b"x", signature, key)


def flipped(raw, bit):
    return bytes(byte ^ (1 << bit % 8) if at == bit // 8 else byte for at, byte in enumerate(raw))


@pytest.mark.parametrize("bit", [0, 7, 100, 255, 256, 300, 511])
def test_no_bit_may_change(bit):
    assert not is_signed(MESSAGE, flipped(SIGNATURE, bit), KEY)
    assert not is_signed(MESSAGE, SIGNATURE, flipped(KEY, bit % 256))


def test_what_is_no_signature():
    same_mod_order = int.from_bytes(SIGNATURE[32:], "little") + ORDER
    assert not is_signed(MESSAGE, SIGNATURE[:32] + same_mod_order.to_bytes(32, "little"), KEY)
    assert not is_signed(MESSAGE, SIGNATURE[:-1], KEY)
    assert not is_signed(MESSAGE, SIGNATURE, KEY[:-1])
    assert not is_signed(MESSAGE, SIGNATURE, b"\xff" * 32)
    assert not is_signed(MESSAGE, b"\xff" * 31 + b"\x7f" + SIGNATURE[32:], KEY)
    assert not is_signed(MESSAGE, SIGNATURE, (1).to_bytes(31, "little") + b"\x80")
