"""The known word that was probably meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable

_FARTHEST = 2


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word at an edit distance of at most 2 (a swap of neighbours counts 1); the first of equals."""
    best: tuple[int, str] | None = None
    for candidate in known:
        far = _distance(word, candidate)
        if far <= _FARTHEST and far < len(candidate) and (best is None or far < best[0]):
            best = (far, candidate)
    return best[1] if best else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint, or "" when nothing known is near."""
    found = nearest(word, known)
    return f'did you mean "{found}"?' if found else ""


_SYNONYMS = {
    "refuse": ("block", "deny", "reject", "stop", "forbid"),
    "redact": ("mask", "replace", "remove", "anonymize", "hide"),
    "warn": ("notice", "notify", "caution"),
    "log": ("flag", "audit", "count", "record", "monitor", "report"),
    "input": ("question", "prompt", "request", "user"),
    "output": ("answer", "response", "reply", "completion", "assistant"),
    "enforce": ("on", "active", "enabled"),
    "shadow": ("dry_run", "test", "observe"),
    "disabled": ("off", "disable", "inactive"),
}
"""What people write who know other programs."""


def called(word: str, known: Collection[str]) -> str:
    """A hint for a word that means a known one elsewhere, or ""."""
    found = next((ours for ours, others in _SYNONYMS.items() if ours in known and word.lower() in others), "")
    return f'"{word.lower()}" is called {found} here' if found else ""


def _distance(a: str, b: str) -> int:
    """Optimal string alignment; anything above 2 is 3."""
    if abs(len(a) - len(b)) > _FARTHEST:
        return _FARTHEST + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > _FARTHEST:
            return _FARTHEST + 1
    return row[-1]
