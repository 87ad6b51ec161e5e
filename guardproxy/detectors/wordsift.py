"""Which words of a text can matter to a phrase at all, asked once a word, however many readings show it.

Only sets are compared here. A word that is passed over could not have anchored a phrase in any way of matching, so the
search that follows, which looks at the words around it, finds the same.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from guardproxy.core.canonical.cipher import ATBASH, ROTATIONS
from guardproxy.detectors.wordplay import straightened
from guardproxy.detectors.words import LISTED, PhraseIndex, normal_shift, skeleton


class WordSift:
    """What is known of the words of one text. Made anew for each text, and dropped with it."""

    __slots__ = ("_boned", "_bones", "_index", "_looked", "_odd", "_plain", "_read", "_rotated")

    def __init__(self, index: PhraseIndex) -> None:
        self._index = index
        self._read: set[str] = set()
        self._plain: set[str] = set()
        self._boned: set[str] = set()
        self._bones: set[str] = set()
        self._looked: set[str] = set()
        self._odd: set[str] = set()
        self._rotated: dict[str, bool] = {}

    def plain(self, words: set[str]) -> set[str]:
        """The words that anchor a phrase as they stand, backwards, in Atbash, shifted, or in pig latin."""
        new = words - self._read
        if new:
            self._read |= new
            self._plain |= self._anchors(new)
        return self._plain & words

    def _anchors(self, new: set[str]) -> set[str]:
        anchors = self._index.exact.anchors.keys()
        found = self._index.variants & new if len(self._index.phrases) <= LISTED else self._variants(new)
        said = [w for w in new if w.endswith("ay")]
        return found | {w for w in said if not anchors.isdisjoint(straightened(w))}

    def _variants(self, new: set[str]) -> set[str]:
        """The same for a long list of phrases, whose variants would fill the memory."""
        anchors = self._index.exact.anchors.keys()
        lengths = self._index.lengths
        fitting = [w for w in new if len(w) in lengths]
        line = " ".join(fitting)
        found = anchors & new
        found |= _among(anchors, (w[::-1] for w in fitting), fitting)
        found |= _among(anchors, line.translate(ATBASH).split(" "), fitting)
        if self._index.few:
            return found | _among(self._index.shifts.anchors, (normal_shift(w, w[0]) for w in fitting), fitting)
        return found | _among(anchors, line.translate(ROTATIONS[13]).split(" "), fitting)

    def bones(self, words: set[str]) -> bool:
        """Is one of the words the anchor of a phrase, forwards or backwards, by its skeleton?"""
        new = list(words - self._boned)
        if new:
            self._boned.update(new)
            anchors = self._index.skeletons.anchors.keys()
            bare = skeleton(" ".join(new)).split(" ")
            self._bones |= _among(anchors, bare, new)
            self._bones |= _among(anchors, (b[::-1] for b in bare), new)
        return not self._bones.isdisjoint(words)

    def odd(self, words: set[str]) -> set[str]:
        """The words of letters and digits mixed."""
        new = words - self._looked
        if new:
            self._looked |= new
            self._odd.update([w for w in new if not w.isalpha() and w.isalnum() and not w.isdigit()])
        return self._odd & words

    def rotated(self, word: str) -> bool:
        """Is the skeleton of the word, under some Caesar shift or Atbash, that of an anchor?"""
        known = self._rotated.get(word)
        if known is None:
            turned = " ".join([word.translate(table) for table in (*ROTATIONS[1:], ATBASH)])
            known = not self._index.skeletons.anchors.keys().isdisjoint(skeleton(turned).split(" "))
            self._rotated[word] = known
        return known


def _among(anchors: Container[str], made: Iterable[str], words: list[str]) -> set[str]:
    """The words whose counterpart in `made` is an anchor."""
    return {w for m, w in zip(made, words, strict=True) if m in anchors} if words else set()
