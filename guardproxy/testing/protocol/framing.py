"""Requests whose end two servers would find in different places, made by chance: none may reach the model.

Each function makes one: framing_te, framing_cl, lines, chunks, whole_chunks.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

from guardproxy.testing.protocol.raw import (
    HARMLESS,
    HOST,
    JSON_TYPE,
    ONE,
    Raw,
    chunked,
    request,
)

_REFUSED = (frozenset({400}),)
_UNKNOWN = (frozenset({400, 501}),)
_SERVED = (frozenset({200}),)
_PADDING = (b"", b" ", b"\t", b"  ", b" \t")
_CODINGS = (
    *(b"xchunked", b"chunked, chunked", b"chunked,", b",chunked", b"identity", b"chunked, identity", b"gzip, chunked"),
    *(
        b"gzip",
        b"deflate, gzip",
        b"chunked;q=1",
        b'"chunked"',
        b"chunked chunked",
        b"chun ked",
        b"chunke",
        b"x-chunked",
    ),
    *(b"", b"chunked\xc2\xa0", b"\xc2\xa0chunked", b"c\xc4\xa5unked", b"br", b"compress", b"trailers", b"*"),
)
_NAMES = (
    *(
        b"Transfer-Encoding ",
        b"Transfer-Encoding\t",
        b" Transfer-Encoding",
        b"Transfer Encoding",
        b"Transfer-Encoding\x00",
    ),
    *(
        b"Transfer-Encoding\x0b",
        b"\x00Transfer-Encoding",
        b"Transfer-Encoding\xa0",
        b"(Transfer-Encoding)",
        b"\tTransfer-Encoding",
    ),
    *(b'"Transfer-Encoding"', b"Transfer-Encoding\x1f", b"Transf\xc3\xa9r-Encoding", b"", b"Transfer-Encoding,X"),
)


def framing_te(dice: Random) -> Raw:
    """Both framings, doubled or unknown codings, names that only look like Transfer-Encoding."""
    way = dice.randrange(4)
    body = b"39\r\n" + HARMLESS + b"\r\n0\r\n\r\n"
    if way == 0:
        length = dice.choice((b"57", b"0", b"3", b"68", b"%d" % len(body), b"+57", b"", b"057", b"9" * 25))
        fields = [b"Content-Length: " + length, _cased(dice, b"Transfer-Encoding") + b":" + _padded(dice, b"chunked")]
    elif way == 1:
        fields = [b"Transfer-Encoding:" + _padded(dice, dice.choice(_CODINGS))]
    elif way == 2:
        second = dice.choice((*_CODINGS, b"chunked"))
        fields = [_cased(dice, b"Transfer-Encoding") + b": chunked", b"Transfer-Encoding:" + _padded(dice, second)]
    else:
        fields = [dice.choice(_NAMES) + b":" + _padded(dice, b"chunked")]
    dice.shuffle(fields)
    return Raw("", "framing-te", _placed(dice, fields, body), _UNKNOWN if way in (1, 2) else _REFUSED, closes=True)


def framing_cl(dice: Random) -> Raw:
    """A length that is signed, padded inside, doubled, not decimal, beyond all numbers or not a number."""
    size = len(HARMLESS)
    way = dice.randrange(4)
    if way == 0:
        other = dice.choice((size, size - 1, size + 1, 0))
        pair = [_cased(dice, b"Content-Length") + b": %d" % one for one in (size, other)]
        dice.shuffle(pair)
        return Raw("", "framing-cl", _placed(dice, pair, HARMLESS), _REFUSED, closes=True)
    if way == 1:
        before = dice.choice(
            (b"+", b"-", b"0", b"00", b"0x", b"0o", b"\xef\xbc\x8b", b"$", b"'", b"(", b"1,", b"1;", b"1 ")
        )
        value = before + b"%d" % size
    elif way == 2:
        after = (
            b".0",
            b"e0",
            b",57",
            b", 57",
            b";57",
            b" 57",
            b"h",
            b"L",
            b"_",
            b"\xc2\xa0",
            b"%",
            b"-",
            b")",
            b"\x00",
            b"\x0b",
        )
        value = b"%d" % size + dice.choice(after)
    else:
        made = (
            b"",
            b"five",
            b"NaN",
            b"Infinity",
            b"-1",
            b"-0",
            "٥٧".encode(),
            b"5 7",
            b"0x39",
            b"071",
            b"1e2",
            b"9" * 20,
        )
        value = dice.choice((*made, b"%d" % dice.randrange(10**19, 10**40), b"18446744073709551673", b"4294967353" * 3))
    return Raw("", "framing-cl", _placed(dice, [b"Content-Length: " + value], HARMLESS), _REFUSED, closes=True)


def lines(dice: Random) -> Raw:
    """One character or one line end of a good head made wrong."""
    good = request([b"X-First: one", b"Accept: */*", b"X-Last: two"])
    head, _, body = good.partition(b"\r\n\r\n")
    rows = head.split(b"\r\n")
    at = dice.randrange(1, len(rows))
    way = dice.randrange(5)
    ends = [b"\r\n"] * (len(rows) - 1) + [b"\r\n\r\n"]
    if way == 0:
        ends[dice.randrange(len(ends))] = dice.choice((b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\n\n", b"\r\n\n"))
    elif way == 1:
        control = bytes([dice.choice([b for b in range(32) if b != 9] + [127])])
        place = dice.randrange(rows[at].index(b":") + 2, len(rows[at]))
        rows[at] = rows[at][:place] + control + rows[at][place:]
    elif way == 2:
        rows[at] = dice.choice((b" ", b"\t", b"\x00", b"\x0b")) + rows[at]
    elif way == 3:
        rows[at] = rows[at].replace(b":", dice.choice((b" :", b"\t:", b"", b"\x00:", b"=", b"\xef\xbc\x9a")), 1)
    else:
        name = bytes([dice.choice(b'(),/;<=>?@[\\]{}" \xa0\xff')])
        rows[at] = rows[at][:2] + name + rows[at][2:]
    raw = b"".join(row + end for row, end in zip(rows, ends, strict=True)) + body
    return Raw("", "lines", raw, _REFUSED, closes=True)


_SIZES = (
    *(
        b"-39",
        b"+39",
        b"0x39",
        b"39 ",
        b" 39",
        b"\t39",
        b"39\t",
        b"",
        b"g",
        b"39g",
        b"3 9",
        b"39,39",
        b"3_9",
        b"0000000039",
    ),
    *(
        b"100000039",
        b"ffffffff00000039",
        b"fffffffffffffffff",
        b"39;",
        b"39;a\x00b",
        b"39;a\rb",
        b"39;\x7f",
        b"%39",
        b"\xef\xbc\x93\xef\xbc\x99",
    ),
    *(b"39;" + b"a" * 300, b"39 ;a", b"38", b"3a"),
)


def chunks(dice: Random) -> Raw:
    """A chunked body with a wrong size, a missing end or a malformed trailer."""
    way = dice.randrange(4)
    size, end, last, trailer = b"39", b"\r\n", b"0\r\n", b"\r\n"
    if way == 0:
        size = dice.choice(_SIZES)
    elif way == 1:
        end = dice.choice((b"", b"XX", b"\n", b"\r", b"\r\r\n", b" \r\n", b"\n\r", b"\x00\r\n"))
    elif way == 2:
        last = dice.choice((b"0\n", b"0\r", b"-0\r\n", b"0x0\r\n", b"0 \r\n", b"00000000000\r\n", b"\r\n", b"0;\r\n"))
    else:
        trailer = dice.choice(
            (b" X: a", b"X a", b"X : a", b"X: \x00", b": a", b"\x0bX: a", b"X: a\rb", b"X: a\n", b"X(: a")
        )
        trailer += b"\r\n\r\n"
    body = size + b"\r\n" + HARMLESS + end + last + trailer
    return Raw("", "chunked", request([b"Transfer-Encoding: chunked"], body, length=False), _REFUSED, closes=True)


def whole_chunks(dice: Random) -> Raw:
    """A chunked body as it should be, cut anywhere, with extensions and trailers that nobody may believe."""
    cuts = sorted({0, len(HARMLESS), *(dice.randrange(len(HARMLESS)) for _ in range(dice.randrange(12)))})
    pieces = [HARMLESS[a:b] for a, b in pairwise(cuts)]
    trailers = (b"", b"X-Api-Key: x\r\n", b"Content-Length: 3\r\n", b"Authorization: Bearer x\r\nHost: evil\r\n")
    end = dice.choice((b"0", b"00", b"0;a=b")) + b"\r\n" + dice.choice(trailers) + b"\r\n"
    if dice.random() < 0.5:
        return Raw("", "control", chunked(*pieces, end=end), _SERVED, ONE)
    extension = dice.choice((b";a", b";a=b", b';a="b c"', b";a;b=c"))
    written = (
        dice.choice((b"%x", b"%X", b"0%x", b"0000%X")) % len(p) + extension + b"\r\n" + p + b"\r\n" for p in pieces
    )
    body = b"".join(written) + end
    return Raw("", "control", request([b"Transfer-Encoding: chunked"], body, length=False), _SERVED, ONE)


def _padded(dice: Random, value: bytes) -> bytes:
    return dice.choice(_PADDING) + value + dice.choice(_PADDING)


def _cased(dice: Random, name: bytes) -> bytes:
    return dice.choice((name, name.lower(), name.upper(), name.swapcase()))


def _placed(dice: Random, fields: list[bytes], body: bytes) -> bytes:
    """The fields among the usual ones, in any order."""
    rows = [HOST, JSON_TYPE]
    for one in fields:
        rows.insert(dice.randrange(len(rows) + 1), one)
    return request(usual=rows, body=body, length=False)
