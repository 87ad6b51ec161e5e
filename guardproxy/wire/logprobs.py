"""Token lists repeat the text token by token; they leave only where they say exactly what has been checked.

checked_logprobs(logprobs: Any, content: str, refusal: str, kept: Logprobs = "chosen") -> dict | None
"""

from __future__ import annotations

from typing import Any, Literal

Logprobs = Literal["strip", "chosen", "all"]
"""What is kept: nothing, the chosen tokens, or also the tokens that were not chosen, which nobody looks at."""

_KEPT = ("token", "logprob", "bytes")
_COLUMNS = ("token_logprobs", "text_offset")
"""Numbers, one for each token, in the older form of the text completions."""


def checked_logprobs(logprobs: Any, content: str, refusal: str, kept: Logprobs = "chosen") -> dict[str, Any] | None:
    """The log probabilities of a message or delta; None when they do not fit its text, and where none are kept.

    `top_logprobs` holds tokens that nobody looked at: it is emptied unless `kept` is "all". Members with strings that
    are not listed go as well.
    """
    if not isinstance(logprobs, dict) or kept == "strip":
        return None
    if "tokens" in logprobs:
        return _columns(logprobs, content, kept)
    out: dict[str, Any] = {}
    for name, text in (("content", content), ("refusal", refusal)):
        listed = logprobs.get(name)
        if listed is None:
            if name in logprobs:
                out[name] = None
            continue
        entries = _entries(listed, text, kept)
        if entries is None:
            return None
        out[name] = entries
    return out or None


def _columns(logprobs: dict[str, Any], text: str, kept: Logprobs) -> dict[str, Any] | None:
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
    return {**out, "top_logprobs": _top_columns(logprobs.get("top_logprobs")) if kept == "all" else None}


def _entries(listed: Any, text: str, kept: Logprobs) -> list[dict[str, Any]] | None:
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return None
    tokens = [entry.get("token") for entry in listed]
    if not all(isinstance(token, str) for token in tokens) or "".join(map(str, tokens)) != text:
        return None
    if not all(_bytes_fit(entry) for entry in listed):
        return None
    return [{**_known(entry), "top_logprobs": _others(entry) if kept == "all" else []} for entry in listed]


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in _KEPT if name in entry}


def _others(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The tokens that were not chosen, one by one, if each is what it should be."""
    listed = entry.get("top_logprobs")
    tokens = listed if isinstance(listed, list) else []
    fits = all(isinstance(t, dict) and isinstance(t.get("token"), str) and _bytes_fit(t) for t in tokens)
    return [_known(token) for token in tokens] if fits else []


def _top_columns(listed: Any) -> list[dict[str, float] | None] | None:
    """The same in the older form: an object of tokens and numbers for each place."""
    fits = isinstance(listed, list) and all(
        column is None or (isinstance(column, dict) and all(isinstance(n, int | float) for n in column.values()))
        for column in listed
    )
    return listed if fits else None


def _bytes_fit(entry: dict[str, Any]) -> bool:
    spelled = entry.get("bytes")
    number = entry.get("logprob")
    if number is not None and not isinstance(number, int | float):
        return False
    return spelled is None or spelled == list(str(entry["token"]).encode("utf-8"))
