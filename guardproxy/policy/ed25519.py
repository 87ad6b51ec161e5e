"""Ed25519 signatures, checking only (RFC 8032 5.1.7), on the standard library.

No secret is handled here, so nothing has to be constant in time. One check takes a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha512

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
KEY_BYTES = 32
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Point:
    """A point of the curve: x = X/Z, y = Y/Z, xy = T/Z."""

    x: int
    y: int
    z: int
    t: int

    def plus(self, other: _Point) -> _Point:
        """The sum; complete, so that it also doubles."""
        a = (self.y - self.x) * (other.y - other.x) % _P
        b = (self.y + self.x) * (other.y + other.x) % _P
        c = 2 * self.t * other.t * _D % _P
        d = 2 * self.z * other.z % _P
        e, f, g, h = b - a, d - c, d + c, b + a
        return _Point(e * f % _P, g * h % _P, f * g % _P, e * h % _P)

    def times(self, count: int) -> _Point:
        """The sum of `count` of these."""
        out, base = _ZERO, self
        while count:
            if count & 1:
                out = out.plus(base)
            base = base.plus(base)
            count >>= 1
        return out

    def same(self, other: _Point) -> bool:
        """Equal as points, whatever their Z."""
        crossed_x = (self.x * other.z - other.x * self.z) % _P
        return crossed_x == 0 and (self.y * other.z - other.y * self.z) % _P == 0


_ZERO = _Point(0, 1, 1, 0)


def _decoded(raw: bytes) -> _Point | None:
    """32 bytes → a point of the curve; None for bytes that are none."""
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return _Point(x, y, 1, x * y % _P)


def _base() -> _Point:
    point = _decoded((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    if point is None:
        raise AssertionError("the base point is on the curve")
    return point


_BASE = _base()


def is_signed(message: bytes, signature: bytes, key: bytes) -> bool:
    """Is this 64-byte signature of these bytes by the holder of this 32-byte public key?"""
    if len(signature) != SIGNATURE_BYTES or len(key) != KEY_BYTES:
        return False
    owner, nonce = _decoded(key), _decoded(signature[:32])
    scale = int.from_bytes(signature[32:], "little")
    if owner is None or nonce is None or scale >= _ORDER:
        return False
    digest = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % _ORDER
    return _BASE.times(scale).same(nonce.plus(owner.times(digest)))
