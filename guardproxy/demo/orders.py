"""The raw model's requests: an OpenAI body and the demo headers → an Order, or a complaint in OpenAI's shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guardproxy.demo.behaviours import NAMES, REGISTERS, Order, Turn

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
DEFAULT_TOKENS = 96


class Refused(ValueError):
    """The request cannot be served. The message names fields and limits, never the caller's text."""

    def __init__(self, message: str, *, status: int = 400, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def read_body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request."""
    try:
        tree = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON", code="invalid_json") from None
    if not isinstance(tree, dict):
        raise Refused("the body is not a JSON object", code="invalid_json")
    return tree


def read_order(tree: Mapping[str, Any], headers: Mapping[str, str]) -> Order:
    """What is asked for. Unknown keys are ignored, as most model servers do."""
    model = tree.get("model")
    if model not in NAMES:
        raise Refused("no model of this name", status=404, code="model_not_found")
    asked = tree.get("max_completion_tokens", tree.get("max_tokens"))
    register = headers.get("x-demo-register")
    if register is not None and register not in REGISTERS:
        raise Refused(f"x-demo-register is one of {', '.join(REGISTERS)}")
    return Order(
        model=model,
        turns=_turns(tree.get("messages")),
        max_tokens=int(_number("max_tokens", asked, 1, 400, DEFAULT_TOKENS)),
        temperature=_number("temperature", tree.get("temperature"), 0, 2, 1.0),
        top_p=_number("top_p", tree.get("top_p"), 0, 1, 1.0),
        seed=_whole("seed", tree.get("seed")),
        stop=_stops(tree.get("stop")),
        n=int(_number("n", tree.get("n"), 1, 8, 1)),
        register=register,
        delay=_header(headers, "x-demo-delay", 2000, 1000.0),
        cut=_cut(headers),
    )


def _turns(messages: Any) -> tuple[Turn, ...]:
    if not isinstance(messages, list) or not messages:
        raise Refused("messages is a list with at least one message")
    return tuple(_turn(message) for message in messages)


def _turn(message: Any) -> Turn:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise Refused(f"a message has a role of {', '.join(sorted(ROLES))}")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return Turn(message["role"], content or "")
    if not isinstance(content, list):
        raise Refused("content is a text or a list of text parts")
    texts = [p.get("text") for p in content if isinstance(p, dict) and p.get("type") == "text"]
    if len(texts) != len(content) or not all(isinstance(t, str) for t in texts):
        raise Refused("this model reads text parts only")
    return Turn(message["role"], "\n".join(str(t) for t in texts))


def _number(name: str, value: Any, low: float, high: float, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refused(f"{name} is a number from {low} to {high}")
    return float(value)


def _whole(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise Refused(f"{name} is a whole number")
    return value


def _stops(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value or []
    if not isinstance(listed, list) or len(listed) > 4 or not all(isinstance(s, str) and s for s in listed):
        raise Refused("stop is a text or a list of at most four texts")
    return tuple(listed)


def _header(headers: Mapping[str, str], name: str, high: int, unit: float) -> float | None:
    """A whole number from a header, in units of 1/`unit`."""
    value = headers.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and int(value) <= high):
        raise Refused(f"{name} is a whole number from 0 to {high}")
    return int(value) / unit


def _cut(headers: Mapping[str, str]) -> int | None:
    words = _header(headers, "x-demo-cut", 400, 1.0)
    return None if words is None else int(words)
