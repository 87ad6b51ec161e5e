"""The border between two parts of an answer: what it looks like to detectors.

    SEAM                                  the sign that stands for it
    Seams().meets(channel, part) -> bool  the text that comes next is of another part than the last one of its channel;
                                          raises errors.UpstreamBadAnswer
    with_seams(texts) -> list[AnswerText] the same for all texts of a whole answer

A client may show parts one behind the other, or each by itself. So a phrase must be seen that a border cuts, and one
that begins or ends there. A soft hyphen does both: the canonicaliser reads it as nothing and as a gap, and unlike other
invisible signs many of them are no sign of hidden text. It is fed to the moderator and leaves nowhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from guardproxy.core.arguments import BORDER
from guardproxy.core.commands import Channel, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import AnswerText

SEAM = BORDER
_IN_PARTS = frozenset({ChannelKind.CONTENT, ChannelKind.REFUSAL, ChannelKind.REASONING})


class Seams:
    """Of one choice: which part the last text of each channel belonged to.

    `onward`: a part that another has followed is complete. A word divided between two of its pieces would not be seen.
    """

    def __init__(self, *, onward: bool = False) -> None:
        self._last: dict[Channel, Hashable] = {}
        self._left: set[Hashable] | None = set() if onward else None

    def meets(self, channel: Channel, part: Hashable) -> bool:
        """True when two parts of prose meet in front of this text."""
        if channel.kind not in _IN_PARTS:
            return False
        before = self._last.get(channel, part)
        self._last[channel] = part
        if before == part:
            return False
        if self._left is not None:
            if part in self._left:
                raise UpstreamBadAnswer("the upstream goes back to a part that another has followed")
            self._left.add(before)
        return True


def with_seams(texts: Iterable[AnswerText]) -> list[AnswerText]:
    """The texts of one choice with borders between them; a border stands nowhere: its path is empty."""
    seams, out = Seams(), []
    for text in texts:
        if seams.meets(text.channel, text.path):
            out.append(AnswerText(text.choice, text.channel, SEAM, ()))
        out.append(text)
    return out
