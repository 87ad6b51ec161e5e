from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest

from guardproxy.wire.sealed import is_sealed

RAW = b"".join(sha256(bytes([at])).digest() for at in range(4))


@pytest.mark.parametrize(
    "text", [b64encode(RAW).decode(), urlsafe_b64encode(RAW).decode(), b64encode(RAW[:61]).decode()]
)
def test_bytes_that_nobody_can_read(text):
    assert is_sealed(text)
    assert is_sealed(text.rstrip("="))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2lnbmVk",
        "a sentence with spaces in it, longer than the least",
        b64encode(b"bluefinch is a word that somebody may look for").decode(),
        "bluefinchisawordthatsomebodymaylookfor",
        "BLUEFINCHISAWORDTHATSOMEBODYMAYLOOKFOR",
        "BlueFinchIsAWordThatSomebodyMayLookFor",
        "blå" * 20,
    ],
)
def test_what_somebody_could_read(text):
    assert not is_sealed(text)
