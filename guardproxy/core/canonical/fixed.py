r"""The fixed patterns of the reader: the one place where the standard library's engine meets client text.

Patterns of policies meet RE2 alone. Those here are ours, are few, and are each linear by their form: what repeats is
possessive or bounded, or the next sign cannot belong to it; and each begins where a chunk or a piece does.
`tests/unit/core/canonical/test_fixed.py` holds every one of them to that.
"""

from __future__ import annotations

import re

Match = re.Match[str]
literal = re.escape


def fixed(pattern: str) -> re.Pattern[str]:
    """A pattern of ours, compiled."""
    return re.compile(pattern)  # noqa: TID251 - a constant of the reader, linear: see above


def fixed_bytes(pattern: bytes) -> re.Pattern[bytes]:
    """The same for bytes."""
    return re.compile(pattern)  # noqa: TID251 - a constant of the reader, linear: see above


CHUNK = fixed(r"\S+")
"""What white space parts."""
