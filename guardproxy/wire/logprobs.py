"""Token lists repeat the text token by token; they leave only where they say exactly what has been checked.

checked_logprobs(logprobs: Any, content: str, refusal: str) -> dict | None
"""

from __future__ import annotations

from typing import Any

_KEPT = ("token", "logprob", "bytes")


def checked_logprobs(logprobs: Any, content: str, refusal: str) -> dict[str, Any] | None:
    """The log probabilities of a message or delta with `top_logprobs` emptied; None when they do not fit its text.

    `top_logprobs` holds tokens that nobody looked at. Members with strings that are not listed go as well.
    """
    if not isinstance(logprobs, dict):
        return None
    out: dict[str, Any] = {}
    for name, text in (("content", content), ("refusal", refusal)):
        listed = logprobs.get(name)
        if listed is None:
            if name in logprobs:
                out[name] = None
            continue
        entries = _entries(listed, text)
        if entries is None:
            return None
        out[name] = entries
    return out or None


def _entries(listed: Any, text: str) -> list[dict[str, Any]] | None:
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return None
    tokens = [entry.get("token") for entry in listed]
    if not all(isinstance(token, str) for token in tokens) or "".join(map(str, tokens)) != text:
        return None
    if not all(_bytes_fit(entry) for entry in listed):
        return None
    return [{**{name: entry[name] for name in _KEPT if name in entry}, "top_logprobs": []} for entry in listed]


def _bytes_fit(entry: dict[str, Any]) -> bool:
    spelled = entry.get("bytes")
    number = entry.get("logprob")
    if number is not None and not isinstance(number, int | float):
        return False
    return spelled is None or spelled == list(str(entry["token"]).encode("utf-8"))
