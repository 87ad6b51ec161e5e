"""How far a counted share may lie from the true one."""

from __future__ import annotations

from math import sqrt

_Z = 1.96


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95% interval of a share (Wilson 1927); all that is possible when nothing was counted."""
    if not of:
        return (0.0, 1.0)
    share = hits / of
    middle = share + _Z * _Z / (2 * of)
    width = _Z * sqrt(share * (1 - share) / of + _Z * _Z / (4 * of * of))
    low, high = (middle - width) / (1 + _Z * _Z / of), (middle + width) / (1 + _Z * _Z / of)
    return (max(0.0, low) if hits else 0.0, min(1.0, high) if hits < of else 1.0)
