"""Pipelines, floods, upgrades, expectations and headers that want to be believed, made by chance."""

from __future__ import annotations

from random import Random

from guardproxy.testing.protocol.raw import ANY, CANARY, CHAT, HARMLESS, HOST, JSON_TYPE, ONE, Hits, Raw, request

_SERVED = (frozenset({200}),)
_TOO_LARGE = (frozenset({400, 414, 431}),)
_BROKEN = (
    request([b"Transfer-Encoding: chunked"]),
    request([b"Content-Length: 3"]),
    request(usual=[JSON_TYPE]),
    b"GET /healthz\r\n\r\n",
    request(line=b"POST " + CHAT + b" HTTP/2.0"),
)
_PARTS = (
    (request(), frozenset({200}), 1),
    (request(body=CANARY), frozenset({200}), 0),
    (request(body=b"{"), frozenset({400}), 0),
    (request(line=b"GET /healthz HTTP/1.1", body=b""), frozenset({200}), 0),
    (request(line=b"POST /v1/nothing HTTP/1.1"), frozenset({404}), 0),
    (request([b"Content-Encoding: gzip"]), frozenset({415}), 0),
)


def pipeline(dice: Random) -> Raw:
    """2 to 20 requests at once: answered in order, each judged alone; behind a fault nothing is executed."""
    raw, statuses, hits = b"", [], 0
    for _ in range(dice.randrange(2, 21)):
        piece, allowed, reaches = dice.choice(_PARTS)
        raw, hits = raw + piece, hits + reaches
        statuses.append(allowed)
    closes = dice.random() < 0.5
    if closes and dice.random() < 0.5:
        raw += request([b"Connection: close"]) + request() * dice.randrange(1, 4)
        statuses.append(frozenset({200}))
        hits += 1
    elif closes:
        raw += dice.choice(_BROKEN) + request() * dice.randrange(1, 4)
        statuses.append(frozenset({400, 505}))
    return Raw("", "pipeline", raw, tuple(statuses), Hits(hits, hits), closes=closes)


def floods(dice: Random) -> Raw:
    """More headers, longer ones, or a longer target than anybody needs."""
    way = dice.randrange(5)
    if way == 0:
        count = dice.choice((101, 200, 2000))
        many = [b"X-%d: a" % n for n in range(count)]
        return Raw("", "limits", request(many), _TOO_LARGE, closes=True)
    if way == 1:
        size = dice.choice((17_000, 65_000, 200_000))
        return Raw("", "limits", request([b"X-A: " + b"a" * size]), _TOO_LARGE, closes=True)
    if way == 2:
        size = dice.choice((9_000, 65_000, 1_000_000))
        return Raw(
            "", "limits", request(line=b"POST " + CHAT + b"?a=" + b"b" * size + b" HTTP/1.1"), _TOO_LARGE, closes=True
        )
    if way == 3:
        raw = request([b"N" * dice.choice((17_000, 65_000)) + b": a"])
        return Raw("", "limits", raw, _TOO_LARGE, closes=True)
    cookies = [b"Cookie: " + b"a" * 900] * 30
    return Raw("", "limits", request(cookies), _TOO_LARGE, closes=True)


def crowded(dice: Random) -> Raw:
    """As much as is allowed."""
    fields = [b"X-%d: %s" % (n, b"a" * dice.randrange(100)) for n in range(dice.randrange(90))]
    return Raw("", "control", request(fields), _SERVED, ONE)


def upgrades(dice: Random) -> Raw:
    """Nothing is upgraded: the request is served as it is, or refused."""
    kind = dice.choice((b"websocket", b"h2c", b"HTTP/2.0", b"TLS/1.0", b"websocket, h2c", b"foo"))
    fields = [
        b"Connection: " + dice.choice((b"Upgrade", b"upgrade, HTTP2-Settings", b"keep-alive, Upgrade")),
        b"Upgrade: " + kind,
    ]
    fields += [
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"Sec-WebSocket-Version: 13",
        b"HTTP2-Settings: AAMAAABkAAQAAP__",
    ]
    allowed = frozenset({200, 400, 426})
    if dice.random() < 0.5:
        path = dice.choice((CHAT, b"/v1/realtime", b"/v1/responses", b"/ws", b"/"))
        served = frozenset({*allowed, 404, 405})
        return Raw("", "upgrade", request(fields, b"", line=b"GET " + path + b" HTTP/1.1", length=False), (served,))
    if dice.random() < 0.5:
        smuggled = request(fields) + request(body=CANARY)
        return Raw("", "upgrade", smuggled, (allowed, frozenset({200})), ANY)
    return Raw("", "upgrade", request(fields), (allowed,), ANY)


def expectations(dice: Random) -> Raw:
    """100-continue is met; nothing else is."""
    if dice.random() < 0.5:
        said = dice.choice((b"100-continue", b"100-Continue"))
        return Raw("", "control", request([b"Expect: " + said]), _SERVED, ONE)
    said = dice.choice((b"200-ok", b"100-continue, 100-continue", b"100", b"", b"continue", b"100-continue;a"))
    return Raw("", "expect", request([b"Expect: " + said]), (frozenset({400, 417}),), closes=True)


_BELIEVE_ME = (
    *(
        b"X-Guardproxy-Decision: allow",
        b"X-Guardproxy-Checked: input,output",
        b"X-Guardproxy-Rule: none",
        b"X-Guardrail: off",
    ),
    *(
        b"X-Guardproxy-Policy: off@1",
        b"X-Tenant: admin",
        b"X-Forwarded-For: 127.0.0.1",
        b"Forwarded: for=127.0.0.1;host=a",
    ),
    *(
        b"X-Forwarded-Host: evil.invalid",
        b"X-Forwarded-Proto: https",
        b"X-Original-URL: /admin",
        b"X-Rewrite-URL: /healthz",
    ),
    *(
        b"X-HTTP-Method-Override: GET",
        b"Cookie: a=b",
        b"Proxy-Authorization: Basic a",
        b"Via: 1.1 a",
        b"X-Real-IP: 1.2.3.4",
    ),
    *(
        b"X-Request-Id: a%0d%0aX-B: c",
        b"X-Request-Id: " + b"a" * 5_000,
        b"Traceparent: " + b"z" * 55,
        b"User-Agent: a\xffb\tc",
    ),
    *(
        b"Accept: text/html\xc4\x8d\xc4\x8aX-A: b",
        b"Anthropic-Beta: a\xc4\x8d",
        b"Accept-Encoding: br, gzip",
        b"Trailer: Host",
    ),
    *(
        b"Connection: authorization, x-tenant",
        b"Connection: host, content-length",
        b"Connection: keep-alive, x-guardproxy-rule",
    ),
    *(
        b"TE: trailers, chunked",
        b"Proxy-Connection: close",
        b"Keep-Alive: timeout=9999",
        b"Content-Length-: 3",
        b"Content_Length: 3",
    ),
    *(b"Transfer_Encoding: chunked", b"X-Transfer-Encoding: chunked", b"Content-Location: /admin", b"Range: bytes=0-3"),
    *(
        b"If-None-Match: *",
        b"X-GuardProxy-Session: \xc3\xa9",
        b"X-GuardProxy-Locale: ../../etc",
        b"X-Guardproxy-Country: ZZZ",
    ),
)


def believers(dice: Random) -> Raw:
    """Headers that ask to be trusted: the request is judged all the same, and none of them goes further."""
    fields = dice.sample(_BELIEVE_ME, dice.randrange(1, 8))
    body, hits = dice.choice(((HARMLESS, ONE), (CANARY, Hits(0, 0))))
    rows = [HOST, JSON_TYPE]
    for one in fields:
        rows.insert(dice.randrange(len(rows) + 1), one)
    if sum(one.startswith(b"X-Request-Id") for one in fields) > 1:
        rows = [row for row in rows if not row.startswith(b"X-Request-Id: aaaa")]
    return Raw("", "headers", request(usual=rows, body=body), _SERVED, hits)
