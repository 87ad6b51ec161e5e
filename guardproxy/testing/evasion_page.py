"""The page docs/trust/evasion.md: the tables of `guardproxy bench evasion`, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator

from guardproxy.testing.evasion_bench import Result, lines
from guardproxy.testing.reading_cost import cost_lines

MEASURED = "2 shared cores, AMD EPYC, 2026-11-29"


def page(result: Result) -> Iterator[str]:
    """The page, line by line."""
    yield from _HEAD.format(seed=result.seed, each=result.each, where=MEASURED).splitlines()
    yield from lines(result)
    yield from _COST.format(where=MEASURED).splitlines()
    yield from cost_lines()
    yield from _TAIL.splitlines()


_HEAD = """# Disguised phrases

A rule of words or patterns finds its phrase however it is written: in other letters, with signs between them, escaped,
encoded, backwards. This page says how well, with the harmless texts refused beside it; neither figure means anything
alone. It is printed by `make evasion` (`guardproxy bench evasion --format page`): seed {seed}, {each} cases for every
parameter of every family, random phrases in random sentences, {where}. Another `--seed` draws other cases.

*Found on input*: the look at a message. *Found in a stream*: the same text as an answer, fed in random pieces of 1 to 12
characters; *leaked* counts characters of a disguise that left before it was found. A family is promised unless it says
*measured*; the last column names each parameter that was missed, and how often. Rows that begin with *case kit* are the
visible cases of this project.
"""
_COST = """
## What it costs

CPU time of one look at 100 KiB of a kind of text, with 60 phrases to find, and as a multiple of plain prose ({where}).
"""
_TAIL = """
## What stays open

* Paraphrase and translation: a phrase rule knows the words it was given. Classifiers are for that; their figures stand in
  the guard card. List the translations of a phrase in its rule.
* Ciphers with a key, substitutions of one's own, codes that are not in the table: see the rows that say *measured*.
* Whole words parted by a space (`blue finch` for `bluefinch`): joining them would refuse harmless sentences.
* A phrase half in the question and half in the answer.
* Encodings nested deeper than three: refused as `unscannable.over_encoded`, unread.
"""
