"""The page `docs/mutations.md`: how many faults of each kind are caught by whom, and which by nobody, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from guardproxy.testing.mutations.fault import Excluded
from guardproxy.testing.mutations.trial import Catcher, Outcome

_HEAD = """# Faults in policies, and who catches them

Made by `make mutations` (`python -m guardproxy.testing.mutations > docs/mutations.md`); a test holds the page against the
table of faults, and a sample of the trials against the page. Each fault is one thing that a person does to the text of
one file: of the shipped policies, of their texts, or of `support-chat` (`guardproxy/testing/mutations/subject`), a
policy with words, patterns, exceptions, texts, levels and dialogues, for which the shipped ones have no place. Then
`guardproxy lint` and the policies' own tests are asked, with the detectors of the default install and without settings.

* *lint, error* and *test* refuse the set: it is never served. What a test caught is an error of `guardproxy lint`, too
  (GP507), and counts as *test* only where nothing else is wrong.
* *lint, warning*: the set would be served. Counted only where a code is given more often in a file than before the
  fault; a warning that changes its words is not counted, for among the others nobody would see it.
* *nobody*: neither says anything. All of these are named below.

Not asked, though each would see more: reviewers of the change, `guardproxy diff` over a corpus, the candidate beside the
live set, the routes in the settings, and the reload that tells of a change under an old revision (GP715).
"""
_SWEPT = """
## The same slips in every rule

Nobody chose these: each rule and each override of `base`, `strict` and `permissive` is deleted, left in shadow, made to
look elsewhere, and each of its steps moved by 0.01. Each file is tried by itself, with its own tests alone. Log steps are
not lowered: `expect: allow` means allow or log, so no test can tell.
"""
_WHO = tuple(Catcher)


def markdown(outcomes: Sequence[Outcome], excluded: Sequence[Excluded], swept: Sequence[Outcome]) -> str:
    """The whole page. `swept`: the trials of `sweep`."""
    parts = (
        *(_HEAD, "\n## By kind\n", *_counts(outcomes), *_survivors(outcomes)),
        *(_SWEPT, *_counts(swept), *_survivors(swept), *_left_out(excluded), *_all(outcomes)),
    )
    return "".join(parts)


def line_of(outcome: Outcome) -> str:
    """The row of one trial in the long table."""
    fault = outcome.fault
    said = ", ".join(outcome.codes)
    if outcome.failed:
        said = f"{said}; {outcome.failed} tests" if said else f"{outcome.failed} tests"
    return f"| {fault.name} | `{fault.file}` | {_cell(fault.did)} | {outcome.catcher}{f': {said}' if said else ''} |\n"


def _counts(outcomes: Sequence[Outcome]) -> Iterator[str]:
    found = Counter((outcome.fault.kind, outcome.catcher) for outcome in outcomes)
    yield ("\n| kind of fault | faults | " + " | ".join(_WHO) + " |\n|---|---:|" + "---:|" * len(_WHO) + "\n")
    for kind in dict.fromkeys(outcome.fault.kind for outcome in outcomes):
        row = [found[kind, who] for who in _WHO]
        yield f"| {kind} | {sum(row)} | " + " | ".join(map(str, row)) + " |\n"
    total = [sum(n for (_, who), n in found.items() if who is each) for each in _WHO]
    yield f"| **all** | **{sum(total)}** | " + " | ".join(f"**{n}**" for n in total) + " |\n"
    caught = sum(total) - total[-1]
    yield f"\nCaught: {caught} of {sum(total)}. Refused before they could serve: {total[0] + total[1]}.\n"


def _survivors(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "\nCaught by nobody:\n\n| fault | file | what the person did | why it goes unseen |\n|---|---|---|---|\n"
    for outcome in outcomes:
        if outcome.catcher is Catcher.NOBODY:
            fault = outcome.fault
            yield f"| {fault.name} | `{fault.file}` | {_cell(fault.did)} | {_cell(fault.why)} |\n"


def _left_out(excluded: Sequence[Excluded]) -> Iterator[str]:
    yield "\n## Left out, for nothing differs that anybody meets\n\n| change | file | what the person did | why it is no fault |\n"
    yield "|---|---|---|---|\n"
    for row in excluded:
        yield f"| {row.fault.name} | `{row.fault.file}` | {_cell(row.fault.did)} | {_cell(row.reason)} |\n"


def _all(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "\n## Every fault\n\n| fault | file | what the person did | caught by |\n|---|---|---|---|\n"
    yield from map(line_of, outcomes)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
