"""Which answers this process has given: a client sends them back with every turn, and they have been judged as answers.

Answers(secret, most).remember(tenant, text) -> None
.gave(tenant, text) -> bool      False for what somebody else wrote, another replica, or a text changed by one letter

Notices around an answer are remembered for themselves: an answer and notices with blank lines between them are known.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from itertools import product

MOST_ANSWERS = 50_000
MOST_AROUND = 3
"""Paragraphs of notices before an answer, and behind it."""
_BYTES = 16
_BETWEEN = "\n\n"


class Answers:
    """At most `most` of them, as keyed digests; the one longest unused goes first."""

    def __init__(self, secret: bytes, most: int = MOST_ANSWERS) -> None:
        self._secret = secret
        self._most = most
        self._given: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._given)

    def remember(self, tenant: str, text: str) -> None:
        """An answer that has left, or a part of one."""
        if not text:
            return
        key = self._key(tenant, text)
        self._given[key] = None
        self._given.move_to_end(key)
        while len(self._given) > self._most:
            self._given.popitem(last=False)

    def gave(self, tenant: str, text: str) -> bool:
        """Tenants do not vouch for each other."""
        if self._knows(tenant, text):
            return True
        paragraphs = text.split(_BETWEEN)
        for before, after in product(range(MOST_AROUND + 1), repeat=2):
            end = len(paragraphs) - after
            parts = [_BETWEEN.join(some) for some in (paragraphs[:before], paragraphs[before:end], paragraphs[end:])]
            if before < end and parts[1] and all(not part or self._knows(tenant, part) for part in parts):
                return True
        return False

    def _knows(self, tenant: str, text: str) -> bool:
        key = self._key(tenant, text)
        if key not in self._given:
            return False
        self._given.move_to_end(key)
        return True

    def _key(self, tenant: str, text: str) -> bytes:
        message = f"{tenant}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, "sha256").digest()[:_BYTES]
