"""Requests for the right thing by a wrong name, made by chance: Host, target, version and method."""

from __future__ import annotations

from random import Random

from guardproxy.testing.protocol.raw import CHAT, HARMLESS, JSON_TYPE, ONE, Raw, request

_REFUSED = (frozenset({400}),)
_NOT_HERE = (frozenset({400, 404, 405, 414, 421}),)
_SERVED = (frozenset({200}),)
PATHS = (
    *(CHAT, b"/v1/completions", b"/v1/responses", b"/v1/messages", b"/v1/embeddings", b"/v1/moderations"),
    *(b"/v1/guard/check", b"/api/v1/text/contents"),
)
_METHODS = (
    b"GET",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"PATCH",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"post",
    b"Post",
    b"FOO",
    b"PROPFIND",
)
_OVERRIDES = (b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override", b"_method")


def host(dice: Random) -> Raw:
    """None, two, or one that holds more than a name and a port."""
    usual = [JSON_TYPE]
    way = dice.randrange(3)
    if way == 1:
        names = [b"localhost", dice.choice((b"localhost", b"evil.invalid", b"", b"localhost:80"))]
        usual = [b"Host: " + names[0], *usual, dice.choice((b"Host", b"host", b"HOST")) + b": " + names[1]]
    elif way == 2:
        bad = bytes([dice.choice(b"/?#@\\ ,;%'\"(){}<>|^`!*=&$+~\xa0\xd0\xff")])
        name = b"localhost"
        at = dice.randrange(len(name) + 1) if bad != b" " else dice.randrange(1, len(name))
        spoilt = name[:at] + bad + name[at:]
        strange = (b"", b":8080", b"[::1", b"[::1]x", b"[evil]", b"localhost:80:80", b"localhost:port", b"localhost:-1")
        more = (
            b"::1",
            b"localhost/healthz?y=",
            b"http://localhost",
            b"a" * 65_000,
            b"localhost:655360",
            b"localhost, evil",
        )
        others = (*strange, *more)
        usual.insert(0, b"Host: " + dice.choice((spoilt, spoilt, *others)))
    raw = request(usual=usual)
    return Raw("", "host", raw, (frozenset({400, 431}),), closes=True)


def hosts_served(dice: Random) -> Raw:
    """Names that a listener behind anything may be called by."""
    names = (b"localhost", b"LOCALHOST:8080", b"127.0.0.1", b"[::1]:8080", b"a-b.c_d.example.", b"x:1")
    return Raw("", "control", request(usual=[b"Host: " + dice.choice(names), JSON_TYPE]), _SERVED, ONE)


def target(dice: Random) -> Raw:
    """A served path, spelled in another way: none of them is that path."""
    path = dice.choice(PATHS)
    way = dice.choice(_SPELLINGS)
    return Raw("", "target", _to(dice, way(dice, path)), _NOT_HERE)


def _doubled(dice: Random, path: bytes) -> bytes:
    at = dice.choice([i for i, b in enumerate(path) if b == ord("/")])
    return path[:at] + b"/" * dice.randrange(1, 4) + path[at:]


def _dotted(dice: Random, path: bytes) -> bytes:
    at = dice.choice([i for i, b in enumerate(path) if b == ord("/")])
    return path[:at] + dice.choice((b"/.", b"/x/..", b"/%2e", b"/x/%2e%2e", b"/x/.%2E", b"/..", b"/...")) + path[at:]


def _escaped(dice: Random, path: bytes) -> bytes:
    at = dice.randrange(1, len(path))
    form = dice.choice((b"%%%02x", b"%%%02X", b"%%25%02x", b"%%u00%02x"))
    return path[:at] + form % path[at] + path[at + 1 :]


def _recased(dice: Random, path: bytes) -> bytes:
    at = dice.choice([i for i, b in enumerate(path) if bytes([b]).isalpha()])
    return path[:at] + path[at : at + 1].upper() + path[at + 1 :]


def _ended(dice: Random, path: bytes) -> bytes:
    ends = (
        b"/",
        b"//",
        b".",
        b";",
        b";x=y",
        b"%00",
        b"%20",
        b"%0a",
        b"%09",
        b"\\",
        b"/.",
        b"%2f",
        b".json",
        b"%3f",
        b"%23",
    )
    return path + dice.choice(
        (*ends, b"#a", b"#", b"\x00", b"\xc3\xa9", b"\x7f", b"*", b"/../completions", b"&a=b", b"|", b"%")
    )


def _elsewhere(dice: Random, path: bytes) -> bytes:
    where = (
        b"http://evil.invalid",
        b"https://evil.invalid",
        b"http://localhost@evil.invalid",
        b"http://localhost:81",
        b"HTTP://evil",
    )
    more = (
        b"evil.invalid",
        b"@evil.invalid",
        b"//evil.invalid",
        b"http:",
        b"ftp://localhost",
        b"file://",
        b"http:/",
        b"\\",
        b".",
        b"*",
    )
    return dice.choice((*where, *more)) + path


def _backwards(dice: Random, path: bytes) -> bytes:
    return path.replace(
        b"/", dice.choice((b"\\", b"%5c", b"%2f", b"/%2f", b"\xef\xbc\x8f", b"%c0%af")), dice.randrange(1, 3)
    )


def _below(dice: Random, path: bytes) -> bytes:
    return dice.choice((b"/admin", b"/healthz", b"/v1", b"/v1/models", b"/api", b"/proxy", b"/openai")) + path


_SPELLINGS = (_doubled, _dotted, _escaped, _recased, _ended, _elsewhere, _backwards, _below)


def targets_served(dice: Random) -> Raw:
    """The path itself, with a query that nobody reads, or in absolute form."""
    ends = (b"", b"?", b"?api-version=1", b"?a=%00&b=..%2f", b"?/v1/models")
    base = dice.choice((b"", b"http://localhost", b"HTTP://LOCALHOST"))
    return Raw("", "control", _to(dice, base + CHAT + dice.choice(ends)), _SERVED, ONE)


_FIRST_LINES = (
    *(
        b"HTTP/0.9",
        b"HTTP/1.2",
        b"HTTP/2.0",
        b"HTTP/3.0",
        b"HTTP/9.9",
        b"HTTP/0.0",
        b"HTTP/1.",
        b"HTTP/.1",
        b"HTTP/1",
        b"HTTP/11",
    ),
    *(
        b"HTTP/1.1.1",
        b"HTTP/01.1",
        b"HTTP/1.01",
        b"HTTP/1.1 ",
        b"HTTP/1.1\t",
        b"http/1.1",
        b"Http/1.1",
        b"HTTP 1.1",
        b"HTTP/1,1",
    ),
    *(
        b"HTTPS/1.1",
        b"RTSP/1.0",
        b"ICY",
        b"HTTP/1.1x",
        b"HTTP/-1.1",
        b"HTTP/1.\xd9\xa1",
        b"HTTP/ 1.1",
        b"HTTP/1.1\x00",
        b"X",
    ),
)
_OTHER_TONGUES = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x07" * 500,
    b"GET /healthz\r\n",
    b"GET " + CHAT + b"\r\n\r\n",
    b"POST " + CHAT + b"\r\n\r\n" + HARMLESS,
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"EHLO localhost\r\n",
    b"\x05\x01\x00",
    b"\x00" * 64,
    b"{}\r\n\r\n",
    b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + request(),
    b"\r\n\r\n\r\n" + request(),
    b"\n" + request(),
    b" " + request(),
    b"\xef\xbb\xbf" + request(),
)


def version(dice: Random) -> Raw:
    """Another version, another protocol, or none."""
    if dice.random() < 0.5:
        return Raw("", "version", dice.choice(_OTHER_TONGUES), (frozenset({400, 501, 505}),), closes=True, bare=True)
    chunks = dice.random() < 0.2
    if chunks:
        body = b"39\r\n" + HARMLESS + b"\r\n0\r\n\r\n"
        raw = request([b"Transfer-Encoding: chunked"], body, line=b"POST " + CHAT + b" HTTP/1.0", length=False)
        return Raw("", "version", raw, _REFUSED, closes=True)
    gap = dice.choice((b" ", b" ", b" ", b"  ", b"\t", b""))
    line = b"POST" + gap + CHAT + gap + dice.choice(_FIRST_LINES)
    return Raw("", "version", request(line=line), (frozenset({400, 501, 505}),), closes=True, bare=True)


def method(dice: Random) -> Raw:
    """Every path takes one method, whatever a header says."""
    asked, path = dice.choice(_METHODS), dice.choice((*PATHS, b"/healthz", b"/v1/models"))
    if path in (b"/healthz", b"/v1/models") and asked in (b"GET", b"HEAD"):
        path = CHAT
    if asked == b"CONNECT":
        path = dice.choice((path, b"evil.invalid:443", b"localhost:8080", b"*"))
    if asked == b"OPTIONS" and dice.random() < 0.3:
        path = b"*"
    named = [dice.choice(_OVERRIDES) + b": POST"] if dice.random() < 0.5 else []
    raw = request(named, line=asked + b" " + path + b" HTTP/1.1")
    head = asked == b"HEAD"  # an answer to HEAD has no body, and says how long it would be
    return Raw("", "method", raw, (frozenset({400, 404, 405, 501}),), headless=head)


def _to(dice: Random, path: bytes) -> bytes:
    del dice
    return request(line=b"POST " + path + b" HTTP/1.1")
