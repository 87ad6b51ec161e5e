"""Request bytes → one tree, and a tree → the bytes that go upstream.

    parse(raw: bytes, limits: Limits = Limits()) -> dict[str, Any]     raises errors.BadRequest
    parse_inner(text: str) -> Any                                       JSON inside a string; raises ValueError
    serialise(tree) -> bytes                                            compact UTF-8
    place_name(path) -> str                                             the `param` of an error
    unique(pairs) -> dict                                               a hook of json.loads; ValueError if doubled

A guard and a server that read a body differently are a bypass, so a body that two parsers could read
differently is refused: doubled keys (also equal but for case: Go servers match keys without case),
numbers outside 64 bits, anything but plain UTF-8 (wire.md 1.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NoReturn

import orjson

from guardproxy.core.conversation import Step
from guardproxy.errors import BadRequest

Tree = dict[str, Any]

_PLAIN_STEP = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_STEPS_UP_OR_DOWN = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NOT_BRACKETS = bytes(set(range(256)) - set(_STEPS_UP_OR_DOWN))


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be. Sizes are bytes of the raw body; `max_nodes` counts JSON values."""

    max_bytes: int = 1024 * 1024
    max_depth: int = 64
    max_nodes: int = 100_000
    max_messages: int = 4_096
    max_tools: int = 256
    max_choices: int = 16
    max_output_tokens: int = 1_000_000


class _Doubled(ValueError):
    """Two members of one object have the same name."""


def parse(raw: bytes, limits: Limits = Limits()) -> Tree:
    """The body as a tree with a single reading.

    Raises BadRequest: `invalid_utf8`, `invalid_json`, `duplicate_key` (param: the path), `too_complex`,
    `invalid_type` (the body is no object), `request_too_large` (413).
    """
    if len(raw) > limits.max_bytes:
        raise BadRequest("the body is too large", code="request_too_large", status=413)
    text = _decode(raw)
    _refuse_towers(raw, limits)
    try:
        tree = json.loads(
            text, object_pairs_hook=unique, parse_constant=_no_constant, parse_float=_float, parse_int=_int
        )
    except _Doubled:
        raise _doubled(text) from None
    except ValueError:
        raise BadRequest("the body is not valid JSON", code="invalid_json") from None
    if not isinstance(tree, dict):
        raise BadRequest("the body must be a JSON object", code="invalid_type")
    if b"\\u" in raw and _has_lone_surrogate(tree):
        raise BadRequest("a \\u escape stands for half a character", code="invalid_utf8")
    return tree


def parse_inner(text: str, limits: Limits = Limits()) -> Any:
    """JSON that stands inside a string (tool arguments), as strictly as the body; ValueError if it is not that."""
    raw = text.encode("utf-8")
    try:
        _refuse_towers(raw, limits)
    except BadRequest:
        raise ValueError("too deep") from None
    tree = json.loads(text, object_pairs_hook=unique, parse_constant=_no_constant, parse_float=_float, parse_int=_int)
    if b"\\u" in raw and _has_lone_surrogate(tree):
        raise ValueError("half a character")
    return tree


def serialise(tree: Any) -> bytes:
    """Compact JSON in UTF-8. Equal trees give equal bytes; key order is kept."""
    return orjson.dumps(tree)


def place_name(path: Sequence[Step]) -> str:
    """`messages[3].role`. Steps that are no plain names become `*`: they are the caller's words."""
    out = ""
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
            continue
        plain = len(step) <= 64 and bool(step) and _PLAIN_STEP.issuperset(step)
        out += ("." if out else "") + (step if plain else "*")
    return out


def _decode(raw: bytes) -> str:
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:4]:
        raise BadRequest("the body must be UTF-8 without a byte order mark", code="invalid_utf8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the body is not valid UTF-8", code="invalid_utf8") from None


def _refuse_towers(raw: bytes, limits: Limits) -> None:
    """Counts values and depth before any parser runs: `json` recurses, and a million values take long.

    Exact up to the first syntax error, where the parser stops anyway: without escapes every second
    piece between quotes is outside strings, and there a value stands first in a container or after a comma.
    """
    outside = b'"'.join(raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    outside = outside.translate(None, b" \t\r\n")
    opened = outside.count(b"[") + outside.count(b"{")
    empty = outside.count(b"[]") + outside.count(b"{}")
    if outside.count(b",") + opened - empty + 1 > limits.max_nodes or opened > limits.max_nodes:
        raise BadRequest(f"the body holds more than {limits.max_nodes} values", code="too_complex")
    brackets = outside.translate(None, _NOT_BRACKETS)
    depth = max(accumulate(_STEPS_UP_OR_DOWN[b] for b in brackets), default=0)
    if depth > limits.max_depth:
        raise BadRequest(f"the body is nested deeper than {limits.max_depth} levels", code="too_complex")


def unique(pairs: list[tuple[str, Any]]) -> Tree:
    """For `json.loads`: an object whose names differ, also without case; ValueError if they do not."""
    if len({key.casefold() for key, _ in pairs}) != len(pairs):
        raise _Doubled("a key stands twice in one object")
    return dict(pairs)


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("outside the range of numbers")
    return value


def _int(digits: str) -> int | float:
    if digits == "-0":
        return -0.0  # an int would lose the sign
    if len(digits) > 20:
        raise ValueError("beyond 64 bits")
    value = int(digits)
    if not _SMALLEST <= value <= _LARGEST:
        raise ValueError("beyond 64 bits")
    return value


def _has_lone_surrogate(tree: Any) -> bool:
    try:
        orjson.dumps(tree)
    except TypeError:  # orjson: "str is not valid UTF-8: surrogates not allowed"
        return True
    return False


class _Pairs(list[tuple[str, Any]]):
    """An object with its members as they stand, doubled ones too."""


def _doubled(text: str) -> BadRequest:
    """A key was met twice; whether the rest is JSON nobody knows yet."""
    try:
        place = place_name(_first_doubled(text))
    except ValueError:
        return BadRequest("the body is not valid JSON", code="invalid_json")
    return BadRequest("a key stands twice in one object", code="duplicate_key", param=place)


def _first_doubled(text: str) -> tuple[Step, ...]:
    """Where the first doubled key stands, outermost first. Runs only on bodies that are refused."""
    waiting: list[tuple[tuple[Step, ...], Any]] = [((), json.loads(text, object_pairs_hook=_Pairs, parse_int=len))]
    while waiting:
        path, value = waiting.pop()
        seen: set[str] = set()
        for step, member in _members(value):
            if isinstance(step, str):
                if step.casefold() in seen:
                    return (*path, step)
                seen.add(step.casefold())
            if isinstance(member, list):
                waiting.append(((*path, step), member))
    return ()


def _members(value: Any) -> Iterable[tuple[Step, Any]]:
    return value if isinstance(value, _Pairs) else enumerate(value)
