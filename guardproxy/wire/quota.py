"""What a caller may still take, in the headers that client libraries know, and what an upstream says it used.

quota_headers(quotas, *, anthropic, now) -> Headers     `x-ratelimit-…`, or `anthropic-ratelimit-…`
without_quotas(headers) -> Headers                      the upstream's own: they speak of the proxy's key
tokens_of(tree) -> Tokens                               the usage of an answer, or of one event of a stream
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from guardproxy.wire.body import Tree
from guardproxy.wire.headers import LIMITS, Headers

MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit. `of`: `requests` or `tokens`; `reset_s`: seconds until all of it is there again."""

    of: str
    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """What was read and written, as far as is known."""

    asked: int = 0
    answered: int = 0

    @property
    def all(self) -> int:
        """Both."""
        return self.asked + self.answered

    def with_more(self, later: Tokens) -> Tokens:
        """Counts of one answer only grow: Anthropic's stream says them twice, others with every chunk."""
        return Tokens(max(self.asked, later.asked), max(self.answered, later.answered))


def quota_headers(quotas: Iterable[Quota], *, anthropic: bool, now: float) -> Headers:
    """`now` is POSIX seconds: Anthropic tells the time of the reset, OpenAI how long it takes."""
    out: list[tuple[str, str]] = []
    for quota in quotas:
        values = {"limit": str(quota.limit), "remaining": str(quota.remaining)}
        if anthropic:
            at = datetime.fromtimestamp(now + quota.reset_s, UTC).isoformat(timespec="seconds")
            values["reset"] = at.replace("+00:00", "Z")
            out += [(f"anthropic-ratelimit-{quota.of}-{what}", value) for what, value in values.items()]
        else:
            values["reset"] = _lasting(quota.reset_s)
            out += [(f"x-ratelimit-{what}-{quota.of}", value) for what, value in values.items()]
    return tuple(out)


def without_quotas(headers: Iterable[tuple[str, str]]) -> Headers:
    """The rest of them."""
    return tuple((name, value) for name, value in headers if not name.startswith(LIMITS))


def tokens_of(tree: Tree) -> Tokens:
    """Of `usage`, wherever the surface has it; what is no sensible count is 0."""
    found = Tokens()
    for holder in (tree, tree.get("message"), tree.get("response")):
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict):
            asked = _count(usage, "prompt_tokens") or _count(usage, "input_tokens")
            answered = _count(usage, "completion_tokens") or _count(usage, "output_tokens")
            found = found.with_more(Tokens(asked, answered))
    return found


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return min(max(value, 0), MOST_TOKENS) if isinstance(value, int) and not isinstance(value, bool) else 0


def _lasting(seconds: float) -> str:
    """As OpenAI writes it: `20ms`, `1s`, `6m0s`."""
    if seconds < 1:
        return f"{int(seconds * 1000)}ms"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h" * bool(hours) + f"{minutes}m" * bool(hours or minutes) + f"{rest}s"
