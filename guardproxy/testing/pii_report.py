"""Precision and recall of the PII recognisers: `python -m guardproxy.testing.pii_report --data ../shared/data`.

Positives: train/pii_spans_refilled (English templates, values invented, check digits valid). They are development
figures: the recognisers' forms were chosen with this file in view. Negatives: benign files, where every report of
a recogniser counts as false; they hold some real-looking addresses, so "false" is an upper bound there.
Texts are never printed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Span
from guardproxy.detectors import disguise, names, pii, secrets
from guardproxy.detectors.recogniser import Recogniser

TYPES = {
    "EMAIL_ADDRESS": "pii.email",
    "PHONE_NUMBER": "pii.phone",
    "CREDIT_CARD": "pii.card_number",
    "IBAN_CODE": "pii.iban",
    "IP_ADDRESS": "pii.ip_address",
    "US_SSN": "pii.national_id",
    "PERSON": "pii.name",
    "STREET_ADDRESS": "pii.address",
}
LABELS = {names.NAME: "pii.name", names.ADDRESS: "pii.address"}
SEED = 20260701
BENIGN = (
    "train/gpteacher_code",
    "train/gpteacher_roleplay",
    "train/gpteacher_tool",
    "train/cyberseceval_instruct",
    "train/counselchat_questions",
    "dev/mtbench_vicuna",
    "dev/cyberseceval_frr",
)


def made_up(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """(kind, text) of things that look like personal numbers and are none."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret

    def digits(size: int) -> str:
        return "".join(chance.choices("0123456789", k=size))

    def hexes(size: int) -> str:
        return "".join(chance.choices("0123456789abcdef", k=size))

    makers: dict[str, Callable[[], str]] = {
        "order number, 16 digits": lambda: f"Your order {digits(16)} has been shipped.",
        "bare number, 16 digits": lambda: f"The counter stood at {digits(16)} then.",
        "bare number, 9 to 12 digits": lambda: f"It reported {digits(chance.randint(9, 12))} units.",
        "time in ms": lambda: f"at {1_600_000_000_000 + chance.randrange(10**11)} the job began",
        "ISO time": lambda: (
            f"2{digits(3)}-{chance.randint(10, 12)}-{chance.randint(10, 28)}T{chance.randint(10, 23)}:30:{digits(2)}.{digits(6)}Z"
        ),
        "version": lambda: (
            f"updated to version {chance.randint(1, 30)}.{chance.randint(0, 40)}.{chance.randint(0, 99)}.{chance.randint(0, 250)}"
        ),
        "UUID": lambda: f"id {hexes(8)}-{hexes(4)}-4{hexes(3)}-a{hexes(3)}-{hexes(12)}",
        "SHA-1": lambda: f"commit {hexes(40)}",
        "ISBN": lambda: f"ISBN 978-{digits(1)}-{digits(3)}-{digits(5)}-{digits(1)}",
        "price": lambda: (
            f"It costs ${chance.randint(1, 9)},{digits(3)},{digits(3)}.{digits(2)} or {digits(3)} {digits(3)} {digits(3)} yen."
        ),
        "part number": lambda: f"part {digits(3)}-{digits(2)}-{digits(4)} and {digits(2)}-{digits(4)}-{digits(3)}",
        "table row": lambda: " ".join(digits(chance.randint(1, 5)) for _ in range(12)),
    }
    for kind, make in makers.items():
        for _ in range(count):
            yield kind, make()


def negatives(recognisers: Sequence[Recogniser], seed: int, count: int) -> Iterator[str]:
    """One line a kind: how many of `count` made-up texts were reported, and by whom."""
    counts: dict[str, Counter[str]] = {}
    for kind, text in made_up(seed, count):
        found = {id_ for id_, _ in reports(text, recognisers, with_names=False)}
        counts.setdefault(kind, Counter()).update(found)
    for kind, by in counts.items():
        yield f"{kind:30} {', '.join(f'{id_} {n}' for id_, n in sorted(by.items())) or 'none'}\n"


@dataclass(slots=True)
class Tally:
    """Counts per detector: places found exactly, covered by one report, touched, missed; reports that touch none."""

    exact: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    touched: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)

    def row(self, detector: str) -> str:
        touched = self.touched[detector]
        wanted, reported = touched + self.missed[detector], touched + self.false[detector]
        shares = [part / whole if whole else 0.0 for part, whole in (
            (touched, wanted), (self.covered[detector], wanted), (self.exact[detector], wanted), (touched, reported),
        )]  # fmt: skip
        return (
            f"{detector:18} {wanted:7} " + " ".join(f"{share:9.3f}" for share in shares) + f" {self.false[detector]:6}"
        )


def rows(path: Path) -> Iterator[dict[str, object]]:
    """The JSON lines of a data file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def reports(text: str, recognisers: Sequence[Recogniser], *, with_names: bool) -> Iterator[tuple[str, Span]]:
    """(detector, place) of everything found in a text."""
    segment = Segment(text, Stage.INPUT, Scope.USER)
    for recogniser in recognisers:
        yield from ((f.detector, f.span) for f in recogniser.look(segment) if f.span)
    if with_names:
        yield from ((LABELS[one.label], one.span) for one in names.look_names([text])[0])


def compare(text: str, spans: Sequence[dict[str, object]], found: Sequence[tuple[str, Span]], tally: Tally) -> None:
    """Adds one text to the tally. A report that lies in a place of another type of the same kind is false as well."""
    del text
    wanted = [
        (TYPES[str(s["type"])], Span(int(str(s["start"])), int(str(s["end"])))) for s in spans if s["type"] in TYPES
    ]
    for detector, place in wanted:
        touching = [span for id_, span in found if id_ == detector and span.overlaps(place)]
        tally.touched[detector] += bool(touching)
        tally.exact[detector] += place in touching
        tally.covered[detector] += any(span.start <= place.start and place.end <= span.end for span in touching)
        tally.missed[detector] += not touching
    for id_, span in found:
        tally.false[id_] += not any(id_ == detector and span.overlaps(place) for detector, place in wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables; 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--names", action="store_true", help="also run the model for names and addresses (about 10 ms a text)"
    )
    parser.add_argument("--limit", type=int, default=None, help="at most so many texts a file")
    chosen = parser.parse_args(arguments)
    recognisers = [*pii.all_detectors(), *secrets.all_detectors(), *disguise.all_detectors()]
    out = sys.stdout.write

    tally, started, characters = Tally(), perf_counter(), 0
    for number, row in enumerate(rows(chosen.data / "train/pii_spans_refilled.jsonl.gz")):
        if number == chosen.limit:
            break
        text, labels = str(row["text"]), row["labels"]
        characters += len(text)
        spans = labels["spans"] if isinstance(labels, dict) else []
        compare(text, spans, list(reports(text, recognisers, with_names=chosen.names)), tally)
    seconds = perf_counter() - started
    out(f"train/pii_spans_refilled: {characters} characters in {seconds:.1f} s\n")
    heads = ("recall", "covered", "exact", "precision")
    out(f"{'detector':18} {'places':>7} " + " ".join(f"{head:>9}" for head in heads) + f" {'false':>6}\n")
    for detector in TYPES.values():
        if chosen.names or detector not in LABELS.values():
            out(tally.row(detector) + "\n")

    out(f"\nmade-up numbers, 1,000 of each kind, seed {SEED}: reported\n")
    for line in negatives(recognisers, SEED, 1000):
        out(line)

    out("\nreports in benign files (each counts as false; most are e-mail addresses that are really there)\n")
    for name in BENIGN:
        counts: Counter[str] = Counter()
        texts = 0
        for number, row in enumerate(rows(chosen.data / f"{name}.jsonl.gz")):
            if number == chosen.limit:
                break
            texts += 1
            counts.update(id_ for id_, _ in reports(str(row["text"]), recognisers, with_names=chosen.names))
        shown = ", ".join(f"{id_} {count}" for id_, count in sorted(counts.items())) or "none"
        out(f"{name:30} {texts:6} texts: {shown}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
