"""Writes released texts back into a whole answer, each to the place it came from.

rewrite(tree, texts, allowed) -> None      changes the tree; what `allowed` does not hold does not leave; a text
                                           without a path was only looked at
stretches(texts, allowed) -> list[str]     what may leave of each of the texts of one channel
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from guardproxy.core.commands import Channel, Release
from guardproxy.wire.answer import AnswerText, ChannelText
from guardproxy.wire.answer_fields import Path
from guardproxy.wire.body import Tree
from guardproxy.wire.patch import value_at
from guardproxy.wire.seam import SEAM


def rewrite(tree: Tree, texts: Sequence[AnswerText], allowed: Mapping[Channel, ChannelText]) -> None:
    """Strings get what may leave of them; an unknown name that may not stay takes its member along."""
    by_channel: dict[Channel, list[AnswerText]] = {}
    for text in texts:
        by_channel.setdefault(text.channel, []).append(text)
    gone: list[Path] = []
    for channel, places in by_channel.items():
        for place, new in zip(places, stretches(places, allowed.get(channel)), strict=True):
            if new == place.text or not place.path:  # unchanged, or a seam, which stands nowhere
                continue
            if place.key:
                gone.append(place.path)
            else:
                value_at(tree, place.path[:-1])[place.path[-1]] = new
    for path in sorted(gone, key=len, reverse=True):
        value_at(tree, path[:-1]).pop(path[-1], None)


def stretches(texts: Sequence[AnswerText], allowed: ChannelText | None) -> list[str]:
    """What is released as it came stays in its place; a changed stretch goes to the first place that it touches."""
    source = "".join(text.text for text in texts)
    if allowed is None or allowed.text == source:
        return ["" if allowed is None else text.text for text in texts]
    ends = list(accumulate(len(text.text) for text in texts))
    out, at = [""] * len(texts), 0
    for piece in allowed.pieces or (Release(0, allowed.channel, 0, len(source), allowed.text),):
        while at < len(texts) - 1 and ends[at] <= piece.start:
            at += 1
        if source[piece.start : piece.end] == piece.text:
            for place in range(at, len(texts)):
                start = ends[place] - len(texts[place].text)
                if start >= piece.end:
                    break
                out[place] += source[max(start, piece.start) : min(ends[place], piece.end)]
        else:
            place = at if texts[at].path else min(at + 1, len(texts) - 1)
            out[place] += _unseamed(piece.text, texts[at:], ends[at:], piece.end)
    return out


def _unseamed(text: str, texts: Sequence[AnswerText], ends: Sequence[int], until: int) -> str:
    """A stretch that was written again together with a seam in its midst may still have it."""
    for place, end in zip(texts, ends, strict=True):
        if end - len(place.text) >= until:
            return text
        if not place.path:
            return text.replace(SEAM, "")
    return text
