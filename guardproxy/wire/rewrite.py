"""Writes released texts back into a whole answer, each to the place it came from.

rewrite(tree, texts, allowed) -> None      changes the tree; what `allowed` does not hold does not leave; a text
                                           without a path was only looked at
spread(pieces, text) -> list[str]          a text that is a little different, over the pieces of the old one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guardproxy.core.commands import Channel
from guardproxy.wire.answer_fields import Path
from guardproxy.wire.body import Tree
from guardproxy.wire.chat_answer import AnswerText
from guardproxy.wire.patch import value_at


def rewrite(tree: Tree, texts: Sequence[AnswerText], allowed: Mapping[Channel, str]) -> None:
    """Strings get what may leave of them; an unknown name that may not stay takes its member along."""
    by_channel: dict[Channel, list[AnswerText]] = {}
    for text in texts:
        by_channel.setdefault(text.channel, []).append(text)
    gone: list[Path] = []
    for channel, pieces in by_channel.items():
        new = spread([piece.text for piece in pieces], allowed.get(channel, ""))
        for piece, written in zip(pieces, new, strict=True):
            if written == piece.text or not piece.path:  # unchanged, or a seam, which stands nowhere
                continue
            if piece.key:
                gone.append(piece.path)
            else:
                value_at(tree, piece.path[:-1])[piece.path[-1]] = written
    for path in sorted(gone, key=len, reverse=True):
        value_at(tree, path[:-1]).pop(path[-1], None)


def spread(pieces: Sequence[str], text: str) -> list[str]:
    """What is the same before and behind the change stays in its piece; the change goes to the first it touches."""
    source = "".join(pieces)
    if source == text:
        return list(pieces)
    most = min(len(source), len(text))
    before = next((at for at in range(most) if source[at] != text[at]), most)
    most -= before
    behind = next((at for at in range(most) if source[-1 - at] != text[-1 - at]), most)
    end, change = len(source) - behind, text[before : len(text) - behind]
    out, at = [], 0
    for piece in pieces:
        kept = piece[: max(before - at, 0)]
        rest = piece[max(end - at, 0) :] if at + len(piece) > before else ""
        touched = at + len(piece) > before or (at + len(piece) == len(source) == before)
        out.append(kept + (change if touched else "") + rest)
        change = "" if touched else change
        at += len(piece)
    return out
