"""CPU time of one look at a text, by kind: what the readings of disguises cost."""

from __future__ import annotations

import base64
import string
import time
from collections.abc import Iterator
from random import Random

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.disguises.families import phrases
from guardproxy.testing.evasion import rule_of
from guardproxy.testing.harmless import KINDS

SIZE = 100 * 1024
_SEED = 5


def texts(size: int = SIZE) -> dict[str, str]:
    """About `size` bytes of every harmless kind, and of noise made to be slow."""
    chance = Random(_SEED)  # noqa: S311 - data for a measurement
    found = {}
    for kind, make in KINDS.items():
        text = ""
        while len(text.encode()) < size:
            text += make(chance) + "\n"
        found[kind] = text.encode()[:size].decode(errors="ignore")
    noise = chance.randbytes(size)
    found["punctuation soup"] = "".join(chance.choice(string.punctuation + " ") for _ in range(size))
    found["printable soup"] = "".join(chance.choice(string.printable) for _ in range(size))
    found["base85 words"] = " ".join(base64.b85encode(noise[i : i + 6]).decode() for i in range(0, size, 6))[:size]
    found["one combining mark"] = "a" + "\u0301" * (size // 2)
    found["single letters"] = " ".join(chance.choice(string.ascii_lowercase) for _ in range(size // 2))
    return found


def costs(size: int = SIZE) -> dict[str, float]:
    """Kind → CPU seconds for 100 KiB."""
    rules = TextRules([rule_of(p, p) for p in phrases(Random(1), 60)])  # noqa: S311 - data for a measurement
    found = {}
    for kind, text in texts(size).items():
        began = time.process_time()
        rules.look(Segment(text, Stage.INPUT, Scope.USER))
        found[kind] = (time.process_time() - began) * SIZE / len(text.encode())
    return found


def cost_lines() -> Iterator[str]:
    """The table in Markdown."""
    measured = costs()
    plain = measured["English prose"]
    yield "| kind of text | milliseconds for 100 KiB | against prose |"
    yield "|---|---:|---:|"
    for kind, seconds in sorted(measured.items(), key=lambda item: -item[1]):
        yield f"| {kind} | {seconds * 1000:,.0f} | {seconds / plain:.1f} |"
