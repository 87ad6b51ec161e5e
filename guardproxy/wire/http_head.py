"""The head of a raw HTTP/1.1 request: one reading of it, or a fault.

    check_ends(raw)                                  every line ends with CR LF
    parse_line(line, limits) -> RequestLine          the first line, without its CRLF
    parse_fields(line, raw, limits) -> Head          the other lines, without the empty one
    read_field(line) -> (name, value)                one header or trailer line
    Head.canonical() -> bytes                        the same head as we would write it: the only form a server sees

What two servers could read differently is refused (RFC 9112 section 11.2): both framings, doubled or non-canonical
lengths, folded lines, spaces before a colon, control characters, a second Host. All faults are errors.BadRequest;
their messages never quote the request.
"""

from __future__ import annotations

from dataclasses import dataclass

from guardproxy.errors import BadRequest

Field = tuple[bytes, bytes]

_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_HEX = _DIGITS + b"abcdefABCDEF"
_TOKEN = _LETTERS + _DIGITS + b"!#$%&'*+-.^_`|~"
_VALUE_OR_END = bytes(b for b in range(256) if b in (9, 10, 13) or (b >= 32 and b != 127))
_PATH = _LETTERS + _DIGITS + b"-._~!$&'()*+,;=:@/%"
_QUERY = bytes(b for b in range(33, 127) if b not in b'#"<>\\^`{|}')
_HOST_NAME = _LETTERS + _DIGITS + b"-._"
_HOST_V6 = _HEX + b":."

METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT"})
"""What is known; whether a path takes it is the application's business."""
_SINGLE = frozenset({b"host", b"content-length", b"transfer-encoding", b"content-type", b"expect"})
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade", b"http2-settings", b"expect"}
)
"""About this connection, not about the request: they are settled here and go no further (RFC 9110 section 7.6.1)."""
_PLAIN = ([b"keep-alive"], [b"Keep-Alive"])
_MOST_CONNECTION_OPTIONS = 16
_MOST_LENGTH_DIGITS = 19


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """How large a head may be: bytes of all lines, number of fields, bytes of the target.

    `hosts`: names in small letters that Host may hold; empty: any.
    """

    max_bytes: int = 16 * 1024
    max_fields: int = 100
    max_target: int = 8 * 1024
    hosts: frozenset[bytes] = frozenset()


USUAL = HeadLimits()


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Method, target in origin form, and minor version 0 or 1. `authority`: of a target in absolute form, else b""."""

    method: bytes
    target: bytes
    minor: int
    authority: bytes = b""

    @property
    def path(self) -> str:
        """The path as it was sent, not decoded."""
        return self.target.partition(b"?")[0].decode("ascii")


@dataclass(frozen=True, slots=True)
class Head:
    """One request's head. `fields`: names in small letters; those about the connection are left out.

    `length`: of the body in bytes, None when none is stated; `chunked`: the body comes in chunks instead.
    """

    line: RequestLine
    fields: tuple[Field, ...]
    length: int | None
    chunked: bool
    closes: bool
    waits: bool

    def canonical(self) -> bytes:
        """The head as we write it, with its empty line. An Upgrade is not in it: nothing is upgraded here."""
        lines = [b"%s %s HTTP/1.%d" % (self.line.method, self.line.target, self.line.minor)]
        lines += [b"%s: %s" % field for field in self.fields]
        if self.closes:
            lines.append(b"connection: close")
        if self.waits:
            lines.append(b"expect: 100-continue")
        return b"\r\n".join(lines) + b"\r\n\r\n"


def parse_line(line: bytes, limits: HeadLimits = USUAL) -> RequestLine:
    """The first line. BadRequest: 400, 405 for CONNECT and `OPTIONS *`, 414, 501 for a method, 505 for a version."""
    if len(line) > limits.max_target + 32:
        raise BadRequest(
            f"the request line is longer than {limits.max_target} bytes", code="target_too_long", status=414
        )
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[0] or parts[0].translate(None, _TOKEN):
        raise _malformed("the first line is not METHOD TARGET HTTP/1.1")
    method, target, version = parts
    minor = _minor(version)
    if method not in METHODS:
        raise BadRequest("no such method; names of methods are upper case", code="invalid_http", status=501)
    if method == b"CONNECT" or (method == b"OPTIONS" and target == b"*"):
        raise BadRequest("this is not a forward proxy", code="method_not_allowed", status=405)
    authority = b""
    if not target.startswith(b"/"):
        authority, target = _absolute(target)
    path, _, query = target.partition(b"?")
    if path.translate(None, _PATH) or query.translate(None, _QUERY):
        raise _malformed("the target holds a character that must be percent-encoded")
    if b"%" in path:
        _check_escapes(path)
    return RequestLine(method, target, minor, authority)


def check_ends(raw: bytes | bytearray) -> None:
    """BadRequest when a CR or LF stands alone. What ends in a CR may go on."""
    halves = raw.count(b"\r") - raw.endswith(b"\r")
    if not raw.count(b"\r\n") == raw.count(b"\n") == halves:
        raise _malformed("lines end with CR LF, and neither stands alone")


def parse_fields(line: RequestLine, raw: bytes, limits: HeadLimits = USUAL) -> Head:
    """The headers below `line`. BadRequest: 400, 417 for an expectation, 421 for another host, 431, 501 for a coding."""
    if len(raw) > limits.max_bytes:
        raise BadRequest(f"the headers are longer than {limits.max_bytes} bytes", code="headers_too_large", status=431)
    lines = raw.split(b"\r\n") if raw else []
    if len(lines) > limits.max_fields:
        raise BadRequest(f"there are more than {limits.max_fields} headers", code="headers_too_large", status=431)
    fields = _read_fields(raw, lines)
    given = dict(fields)
    if len(given) != len(fields):
        _check_doubled([name for name, _ in fields])
    _check_host(given.get(b"host"), line, limits)
    options = _connection_options(fields)
    length, chunked = _framing(given, line.minor)
    return Head(
        line,
        tuple([field for field in fields if field[0] not in _HOP_BY_HOP]),
        length,
        chunked,
        closes=b"close" in options or (line.minor == 0),
        waits=_waits(given.get(b"expect"), line.minor),
    )


def read_field(line: bytes) -> Field:
    """`Name: value` → the name in small letters, the value without white space around it."""
    if b"\r" in line or b"\n" in line:
        raise _malformed("lines end with CR LF, and neither stands alone")
    return _read_fields(line, [line])[0]


def _read_fields(raw: bytes, lines: list[bytes]) -> tuple[Field, ...]:
    """All of them; the characters are checked in one go, since this runs for every request."""
    parts = [line.partition(b":") for line in lines]
    names = b"".join([name for name, _, _ in parts])
    if not all(name and colon for name, colon, _ in parts) or names.translate(None, _TOKEN):
        raise _malformed("a header line is not NAME: VALUE on one line, without a space before the colon")
    if raw.translate(None, _VALUE_OR_END):
        raise _malformed("a header holds a control character")
    return tuple([(name.lower(), value.strip(b" \t")) for name, _, value in parts])


def _check_doubled(names: list[bytes]) -> None:
    if any(names.count(one) > 1 for one in _SINGLE):
        raise _malformed("a header that may stand once stands twice")


def _malformed(message: str) -> BadRequest:
    return BadRequest(message, code="invalid_http")


def _minor(version: bytes) -> int:
    name, digits = version[:5], version[5:]
    if (
        name != b"HTTP/"
        or len(digits) != 3
        or digits[1:2] != b"."
        or (digits[:1] + digits[2:]).translate(None, _DIGITS)
    ):
        raise _malformed("the first line is not METHOD TARGET HTTP/1.1")
    if digits not in (b"1.0", b"1.1"):
        raise BadRequest("HTTP/1.1 and HTTP/1.0 are spoken here", code="invalid_http", status=505)
    return int(digits[2:])


def _absolute(target: bytes) -> Field:
    """Authority and the origin form of `http://authority/path`, which a server has to understand."""
    scheme, colon, rest = target.partition(b"://")
    authority, slash, path = rest.partition(b"/")
    if not colon or not slash or scheme.lower() not in (b"http", b"https"):
        raise _malformed("the target is not a path that begins with /")
    return authority, slash + path


def _check_escapes(path: bytes) -> None:
    for escape in path.split(b"%")[1:]:
        digits = escape[:2]
        if len(digits) < 2 or digits.translate(None, _HEX):
            raise _malformed("a percent sign in the path begins no escape")
        if int(digits, 16) < 32 or int(digits, 16) == 127:
            raise _malformed("the path holds an escaped control character")


def _check_host(host: bytes | None, line: RequestLine, limits: HeadLimits) -> None:
    if host is None:
        if line.minor == 0 and not line.authority and not limits.hosts:
            return  # HTTP/1.0 has no Host, and health checks still speak it
        raise BadRequest("a Host header is needed", code="invalid_host")
    name = _host_name(host)
    if line.authority and line.authority.lower() != host.lower():
        raise BadRequest("the target names another host than the Host header", code="invalid_host", status=421)
    if limits.hosts and name not in limits.hosts:
        raise BadRequest("this host is not served here", code="invalid_host", status=421)


def _host_name(host: bytes) -> bytes:
    """`Name:8080` → `name`, `[::1]:8080` → `[::1]`."""
    if host.startswith(b"["):
        name, bracket, port = host[1:].partition(b"]")
        fine = bool(bracket) and b":" in name and not name.translate(None, _HOST_V6) and port[:1] in (b"", b":")
        name, digits = b"[%s]" % name, port[1:]
    else:
        name, _, digits = host.partition(b":")
        fine = bool(name) and not name.translate(None, _HOST_NAME)
    if not fine or len(name) > 253 or digits.translate(None, _DIGITS) or len(digits) > 5:
        raise BadRequest("the Host header is not NAME or NAME:PORT", code="invalid_host")
    return name.lower()


def _connection_options(fields: tuple[Field, ...]) -> frozenset[bytes]:
    """What the Connection headers say. Headers named there stay where they are: nobody may take a key away."""
    named = [value for name, value in fields if name == b"connection"]
    if not named or named in _PLAIN:
        return frozenset()
    options = [one.strip(b" \t").lower() for value in named for one in value.split(b",")]
    if len(options) > _MOST_CONNECTION_OPTIONS or any(one.translate(None, _TOKEN) for one in options):
        raise _malformed(f"Connection holds at most {_MOST_CONNECTION_OPTIONS} names")
    return frozenset(options)


def _framing(given: dict[bytes, bytes], minor: int) -> tuple[int | None, bool]:
    """Stated length of the body, and whether it comes in chunks."""
    coding, length = given.get(b"transfer-encoding"), given.get(b"content-length")
    if coding is not None:
        if length is not None:
            raise _malformed("Content-Length and Transfer-Encoding exclude each other")
        if minor == 0:
            raise _malformed("HTTP/1.0 has no Transfer-Encoding")
        codings = [one.strip(b" \t").lower() for one in coding.split(b",")]
        if any(one not in (b"chunked", b"") for one in codings):
            raise BadRequest("chunked is the only transfer coding here", code="invalid_http", status=501)
        if codings != [b"chunked"]:
            raise _malformed("Transfer-Encoding is not chunked, once")
        return None, True
    if length is None:
        return None, False
    canonical = length and not length.translate(None, _DIGITS) and (length == b"0" or length[:1] != b"0")
    if not canonical or len(length) > _MOST_LENGTH_DIGITS:
        raise _malformed("Content-Length is not a plain number")
    return int(length), False


def _waits(expectation: bytes | None, minor: int) -> bool:
    if expectation is None or minor == 0:
        return False
    if expectation.lower() != b"100-continue":
        raise BadRequest("100-continue is the only expectation met here", code="expectation_failed", status=417)
    return True
