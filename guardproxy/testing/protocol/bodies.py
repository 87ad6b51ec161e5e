"""Bodies that two readers would read differently, or that grow when they are read, made by chance."""

from __future__ import annotations

import gzip
import json
import zlib
from random import Random
from typing import Any

from guardproxy.testing.protocol.raw import CANARY, HARMLESS, HOST, ONE, Raw, request

_REFUSED = (frozenset({400}),)
_WRONG_TYPE = (frozenset({415}),)
_TOO_LONG = (frozenset({413}),)
_SERVED = (frozenset({200}),)
_CODINGS = (
    b"gzip",
    b"x-gzip",
    b"deflate",
    b"br",
    b"zstd",
    b"compress",
    b"gzip, gzip",
    b"identity, gzip",
    b"gzip;q=1",
    b"aes128gcm",
)
_TYPES = (
    *(b"text/plain", b"multipart/form-data; boundary=a", b"application/x-www-form-urlencoded", b"", b"json", b"*/*"),
    *(
        b"application/jsonp",
        b"application/json, text/plain",
        b"text/json",
        b"application/vnd.api+json",
        b"application/json x",
    ),
    *(
        b"application/json; charset=utf-7",
        b"application/json; charset=utf-16",
        b"application/json;charset=latin-1",
        b"application/cbor",
    ),
    *(
        b"application/json; charset=utf-8; charset=utf-7",
        b"application/json; charset=",
        b"application/json; boundary=a",
    ),
    *(
        b"application/json; utf-8",
        b"text/html; application/json",
        b"application/json\x0bcharset".replace(b"\x0b", b","),
        b"\xc3\xa4/json",
    ),
)


def packed(dice: Random) -> Raw:
    """A body with a Content-Encoding, some of them bombs: none is unpacked, none passes unread."""
    body = dice.choice((CANARY, HARMLESS, b" " * 4_000_000 + HARMLESS))
    for _ in range(dice.randrange(1, 3)):
        body = dice.choice((_gzip, zlib.compress))(body)
    fields = [dice.choice((b"Content-Encoding", b"content-encoding")) + b": " + dice.choice(_CODINGS)]
    if dice.random() < 0.3:
        fields.insert(dice.randrange(2), b"Content-Encoding: " + dice.choice((b"", b"identity", b"gzip")))
    return Raw("", "encoding", request(fields, body), (frozenset({400, 415}),))


def _gzip(raw: bytes) -> bytes:
    """Without the time, so that a seed gives the same bytes again."""
    return gzip.compress(raw, mtime=0)


def mistyped(dice: Random) -> Raw:
    """Anything but application/json in UTF-8."""
    kinds = [b"Content-Type: " + dice.choice(_TYPES)]
    if dice.random() < 0.15:
        kinds = []
    elif dice.random() < 0.15:
        kinds.insert(dice.randrange(2), b"Content-Type: application/json")
        return Raw("", "type", request(usual=[HOST, *kinds]), _REFUSED, closes=True)
    return Raw("", "type", request(usual=[HOST, *kinds]), _WRONG_TYPE)


def doubled(dice: Random) -> Raw:
    """A key twice in one object, at any depth, in any spelling, with the harmless value first or last."""
    calm, sharp = "hi", "about bluefinch"
    values = [calm, sharp]
    dice.shuffle(values)
    key = dice.choice(("content", "role", "messages", "model", "stream", "extra"))
    again = dice.choice((key, key, key.upper(), key.capitalize(), _escaped(dice, key)))
    pair = f'"{key}":{{0}},"{again}":{{1}}'
    texts = [json.dumps(value) for value in values]
    if key == "messages":
        texts = [json.dumps([{"role": "user", "content": value}]) for value in values]
        body = f'{{"model":"m",{pair.format(*texts)}}}'.replace("{{", "{").replace("}}", "}")
    elif key in ("content", "role"):
        other = '"role":"user"' if key == "content" else '"content":"hi"'
        body = f'{{"model":"m","messages":[{{{other},{pair.format(*texts)}}}]}}'
    else:
        inner = pair.format(*texts)
        for _ in range(dice.randrange(6)):
            inner = f'"a":{{{inner}}}' if dice.random() < 0.5 else f'"a":[1,{{{inner}}}]'
        body = f'{{"messages":[{{"role":"user","content":"hi"}}],"metadata":{{{inner}}}}}'
    return Raw("", "json", request(body=body.encode()), _REFUSED, code="duplicate_key")


def _escaped(dice: Random, key: str) -> str:
    at = dice.randrange(len(key))
    return f"{key[:at]}\\u{ord(key[at]):04x}{key[at + 1 :]}"


_NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "01",
    "+1",
    ".5",
    "1.",
    "0x1",
    "1_0",
    "9" * 30,
    "-" + "9" * 25,
    "1e",
    "--1",
    "٣",
    "2E+400",
)
_BROKEN = (
    "'a'",
    "undefined",
    "True",
    "None",
    "[1,]",
    "{,}",
    '{"a":1,}',
    "{a:1}",
    "[1 2]",
    '"\n"',
    '"\t"',
    '"\\x41"',
    '"\\u12"',
    "/**/1",
    "1//",
    '"a',
    "[",
    "]",
    "",
)


def malformed(dice: Random) -> Raw:
    """One value of a good body that is no JSON, or a number that no two readers agree on."""
    value = dice.choice((*_NUMBERS, *_BROKEN))
    field = dice.choice(("temperature", "extra", "metadata", "seed"))
    body = f'{{"model":"m","{field}":{value},"messages":[{{"role":"user","content":"hi"}}]}}'
    if dice.random() < 0.2:
        end = dice.choice(("x", "{}", "\x00", ",", "]", "\ufeff", "\xa0"))
        body = HARMLESS.decode() + end
    return Raw("", "json", request(body=body.encode()), _REFUSED)


_BYTES = (
    b"\xff",
    b"\xc1\xa2",
    b"\xc0\x80",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xb0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80",
    b"\x80",
    b"\xe2\x82",
    b"\xf8\x88\x80\x80\x80",
)
_HALVES = ("\\ud800", "\\udc00", "\\ud83d", "\\ude00\\ud83d", "\\ud800\\ud800", "\\uD83Dx", "\\udBFF\\u0041")
_TABLES = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig", "utf-7")


def mistaken(dice: Random) -> Raw:
    """Bytes that are not UTF-8, half characters, other encodings of Unicode."""
    way = dice.randrange(3)
    if way == 0:
        at = dice.choice((HARMLESS.index(b"hi"), HARMLESS.index(b"hi") + 2, HARMLESS.index(b"model"), 0, len(HARMLESS)))
        body = HARMLESS[:at] + dice.choice(_BYTES) + HARMLESS[at:]
    elif way == 1:
        place = dice.choice(('"hi"', '"m"', '"role"', '"user"'))
        body = HARMLESS.decode().replace(place, f'"{dice.choice(_HALVES)}"', 1).encode()
    else:
        table = dice.choice(_TABLES)
        body = HARMLESS.decode().encode(table)
        if table == "utf-7":
            body = b"+AHs-" + body[1:]
    return Raw("", "json", request(body=body), _REFUSED)


def towers(dice: Random) -> Raw:
    """Too deep, too many, or both; small enough to be let in by its size."""
    depth = dice.choice((65, 100, 1000, 100_000))
    opening, closing = dice.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
    many = (
        opening * depth,
        opening * depth + "1" + closing * depth,
        "[" + ",".join(["0"] * 200_000) + "]",
        "[" + ",".join(["{}"] * 150_000) + "]",
        "{" + ",".join(f'"k{n}":0' for n in range(100_001)) + "}",
        "[" * 64 + "[],".join([""] * 100_001) + "0" + "]" * 64,
    )
    made = dice.choice(many)[: 1024 * 1024 - 200]
    body = (
        made if dice.random() < 0.5 else f'{{"model":"m","messages":[{{"role":"user","content":"hi"}}],"extra":{made}}}'
    )
    return Raw("", "json", request(body=body.encode()), _REFUSED)


def oversized(dice: Random) -> Raw:
    """Above the limit: told before, told while it comes, or not meant to come at all."""
    limit = 1024 * 1024
    size = limit + dice.choice((1, 100, 60_000, 400_000))
    way = dice.randrange(3)
    if way == 0:
        return Raw("", "size", request(body=HARMLESS + b" " * (size - len(HARMLESS))), _TOO_LONG)
    if way == 1:
        body = b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n"
        return Raw("", "size", request([b"Transfer-Encoding: chunked"], body, length=False), _TOO_LONG)
    told = dice.choice((limit + 1, 10**9, 10**15, 10**18))
    expects = [b"Expect: 100-continue"] if dice.random() < 0.5 else []
    raw = request([b"Content-Length: %d" % told, *expects], HARMLESS, length=False)
    return Raw("", "size", raw, _TOO_LONG, closes=True, interim=False)


def plain(dice: Random) -> Raw:
    """A good body with things in it that only look bad: it arrives as it was."""
    strange: list[Any] = [
        "\U0001f600",
        "\u0000",
        "\ufeff",
        "é",
        "\u202e",
        1.5,
        -0.0,
        2**63,
        True,
        None,
        {"Key": {"key2": []}},
        "\ud7ff",
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "metadata": {"a": str(dice.choice(strange))}}
    text = json.dumps(body, ensure_ascii=dice.random() < 0.5, indent=dice.choice((None, 1)))
    return Raw("", "control", request(body=text.encode()), _SERVED, ONE)
