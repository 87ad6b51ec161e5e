"""Token lists repeat the text token by token; they leave only where they say exactly what has been checked.

checked_logprobs(logprobs: Any, content: str, refusal: str) -> dict | None
"""

from __future__ import annotations

from typing import Any

_KEPT = ("token", "logprob", "bytes")
_COLUMNS = ("token_logprobs", "text_offset")
"""Numbers, one for each token, in the older form of the text completions."""


def checked_logprobs(logprobs: Any, content: str, refusal: str) -> dict[str, Any] | None:
    """The log probabilities of a message or delta with `top_logprobs` emptied; None when they do not fit its text.

    `top_logprobs` holds tokens that nobody looked at. Members with strings that are not listed go as well.
    """
    if not isinstance(logprobs, dict):
        return None
    if "tokens" in logprobs:
        return _columns(logprobs, content)
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


def _columns(logprobs: dict[str, Any], text: str) -> dict[str, Any] | None:
    """`tokens` and the numbers that go with them, as lists of one length."""
    tokens = logprobs["tokens"]
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens) or "".join(tokens) != text:
        return None
    out: dict[str, Any] = {"tokens": tokens}
    for name in _COLUMNS:
        column = logprobs.get(name)
        if column is None:
            out[name] = None
        elif isinstance(column, list) and all(number is None or isinstance(number, int | float) for number in column):
            out[name] = column
        else:
            return None
    return {**out, "top_logprobs": None}


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
