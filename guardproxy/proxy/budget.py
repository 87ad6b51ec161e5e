"""What all exchanges together may hold."""

from __future__ import annotations

from guardproxy.errors import Overloaded


class Budget:
    """Bytes of request bodies in memory. Whoever would go beyond is told to come again; nobody waits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def take(self, size: int) -> None:
        """So many bytes more. Overloaded (503) when they do not fit, and then nothing is taken."""
        if self.held + size > self._most:
            raise Overloaded("too many long requests at once", status=503)
        self.held += size

    def give_back(self, size: int) -> None:
        """They are no longer needed."""
        self.held -= size
