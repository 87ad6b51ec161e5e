"""Decoding: what is encoded is read, three levels deep, within bounds."""

from __future__ import annotations

import base64
import gzip

import pytest

from guardproxy.core.canonical import canonical_text, readings, views

SECRET = "velvet lantern"


def shows(text: str) -> bool:
    return any(SECRET in view.text for view in views(text))


def nested(depth: int) -> str:
    text = SECRET
    for _ in range(depth):
        text = base64.b64encode(text.encode()).decode()
    return text


@pytest.mark.parametrize(
    "text",
    [
        nested(1),
        nested(2),
        nested(3),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        base64.b64encode(SECRET.encode()).decode()[::-1],
        base64.b64encode(SECRET.encode("utf-16-le")).decode(),
        base64.b64encode(gzip.compress(SECRET.encode(), mtime=0)).decode(),
        base64.b32encode(SECRET.encode()).decode(),
        base64.b85encode(SECRET.encode()).decode(),
        base64.a85encode(SECRET.encode()).decode(),
        SECRET.encode().hex(),
        SECRET.encode().hex(" ").upper(),
        SECRET.encode().hex(":"),
        " ".join(f"{b:08b}" for b in SECRET.encode()),
        " ".join(str(b) for b in SECRET.encode()),
        " ".join(f"{b:o}" for b in SECRET.encode()),
        "String.fromCharCode(" + ",".join(str(b) for b in SECRET.encode()) + ")",
        "".join(f"%{b:02x}" for b in SECRET.encode()),
        "".join(f"%25{b:02x}" for b in SECRET.encode()),
        "".join(f"\\u{b:04x}" for b in SECRET.encode()),
        "".join(f"\\{b:03o}" for b in SECRET.encode()),
        "".join(f"&#{b};" for b in SECRET.encode()),
        "".join(f"={b:02X}" for b in SECRET.encode()),
        "".join(chr(0xE0000 + b) for b in SECRET.encode()),
        "😀" + "".join(chr(0xE0100 + b - 16) for b in SECRET.encode()),
        SECRET[::-1],
        SECRET.translate(str.maketrans("acdegijklmnoprstuvwy", "npqrtvwxyzabcefghijl")).replace("", ""),
        "ve" + "".join(f"%{b:02x}" for b in b"lv") + "et lantern",
    ],
)
def test_decoded(text):
    assert shows(text)
    assert shows(f'Note: "{text}". End.')


@pytest.mark.parametrize("depth", range(4, 13))
def test_deeper_nesting_is_over_encoded(depth):
    assert readings(nested(depth)).over_encoded


@pytest.mark.parametrize("depth", range(1, 4))
def test_three_levels_are_not(depth):
    assert not readings(nested(depth)).over_encoded


def test_a_gzip_bomb_is_cut_off():
    bomb = base64.b64encode(gzip.compress(b"a" * (10 << 20), mtime=0)).decode()
    assert sum(len(r.view.text) for r in readings(bomb).all) < 1 << 21


def test_the_span_is_the_encoded_run():
    text = f"see {nested(1)} ok"
    view = next(r.view for r in readings(text).all if SECRET in r.view.text)
    at = view.text.index(SECRET)
    span = view.original(at, at + len(SECRET))
    assert text[span.start : span.end] == nested(1)


@pytest.mark.parametrize("text", ["", "plain prose, with marks (and more).", "Der Käse ist alt.", "价格很好。"])
def test_canonical_text_of_ordinary_text_is_the_text(text):
    assert canonical_text(text) == text


def test_canonical_text_reads_disguises():
    assert canonical_text("v\u0435lv\u200bet") == "velvet"
    assert canonical_text(f"see {nested(1)}") == f"see {SECRET}"


def test_a_lone_surrogate_is_no_crash():
    assert readings("a\ud800b").all
