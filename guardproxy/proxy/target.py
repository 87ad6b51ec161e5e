"""Where the served model is: what settings say of it, without a client."""

from __future__ import annotations

from dataclasses import dataclass


class SecretText:
    """A key that does not show itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key, for the one header that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class Target:
    """One served model endpoint. `base` ends without a slash, with `/v1`; times are seconds.

    `answer_timeout`: until the status line; `idle_timeout`: between two pieces of a body;
    `pool`: connections at once, all callers together.
    """

    name: str
    base: str
    key: SecretText | None = None
    connect_timeout: float = 3.0
    answer_timeout: float = 300.0
    idle_timeout: float = 60.0
    pool: int = 2000
    max_answer_bytes: int = 16 * 1024 * 1024
