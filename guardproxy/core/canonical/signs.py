"""Alphabets of signs and of words: Morse, the NATO alphabet."""

from __future__ import annotations

from guardproxy.core.canonical.offsets import Edit

_MORSE = dict(
    zip(
        [
            ".-",
            "-...",
            "-.-.",
            "-..",
            ".",
            "..-.",
            "--.",
            "....",
            "..",
            ".---",
            "-.-",
            ".-..",
            "--",
            "-.",
            "---",
            ".--.",
            "--.-",
            ".-.",
            "...",
            "-",
            "..-",
            "...-",
            ".--",
            "-..-",
            "-.--",
            "--..",
            "-----",
            ".----",
            "..---",
            "...--",
            "....-",
            ".....",
            "-....",
            "--...",
            "---..",
            "----.",
            "-....-",
            ".-.-.-",
            "--..--",
            "..--..",
        ],
        "abcdefghijklmnopqrstuvwxyz0123456789-.,?",
        strict=True,
    )
)
_STROKES = str.maketrans(dict.fromkeys("·•∙⋅․*", ".") | dict.fromkeys("–—−_‑‒―", "-") | dict.fromkeys("|", "/"))
_STROKE_SET = frozenset(".-/")
_FEWEST = 3
_PAIRS = (".-", "-.", "--", "..", ". .", "- -", ". -", "- .", "*-", "-*", "__", "._", "_.")

NATO = {
    w: w[0]
    for w in [
        "alfa",
        "alpha",
        "bravo",
        "charlie",
        "delta",
        "echo",
        "foxtrot",
        "golf",
        "hotel",
        "india",
        "juliet",
        "juliett",
        "kilo",
        "lima",
        "mike",
        "november",
        "oscar",
        "papa",
        "quebec",
        "romeo",
        "sierra",
        "tango",
        "uniform",
        "victor",
        "whiskey",
        "whisky",
        "xray",
        "x-ray",
        "yankee",
        "zulu",
    ]
} | {
    **{
        w: str(i)
        for i, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    },
    "niner": "9",
    "dash": "-",
    "hyphen": "-",
    "space": " ",
}
_EDGE = ".,;:!?\"'()[]"


def is_morse(chunk: str) -> bool:
    """Is the chunk made of dots, strokes and slashes?"""
    bare = chunk.strip("\"'()[]").translate(_STROKES)
    return bool(bare) and set(bare) <= _STROKE_SET


def morse(text: str) -> list[Edit]:
    """Runs of Morse letters, replaced by what they spell; `/`, `|` or wide gaps part words."""
    if text.isascii() and not any(pair in text for pair in _PAIRS):
        return []
    edits: list[Edit] = []
    run: list[tuple[int, int, str]] = []
    at = 0
    for chunk in text.split():
        at = text.index(chunk, at)
        bare = chunk.strip("\"'()[]").translate(_STROKES)
        if set(bare) <= _STROKE_SET and bare:
            start = at + (len(chunk) - len(chunk.lstrip("\"'()[]")))
            run.append((start, start + len(bare), bare))
        else:
            tail = bare.rstrip(",;:!?").split('"')[0]
            if run and tail and set(tail) <= _STROKE_SET:
                run.append((at, at + len(tail), tail))
            _spell(run, edits)
            run = []
        at += len(chunk)
    _spell(run, edits)
    return edits


def _spell(run: list[tuple[int, int, str]], edits: list[Edit]) -> None:
    letters = "".join(bare for _, _, bare in run)
    if (len(run) < _FEWEST and letters.count("/") < _FEWEST) or ("." not in letters and "-" not in letters):
        return
    out: list[str] = []
    slashed = letters.count("/") > len(run)  # letters parted by slashes: -.../.-../..-
    end = run[0][0]
    for start, stop, bare in run:
        if start - end >= 2 and out:
            out.append(" ")
        for n, code in enumerate(bare.split("/")):
            if n and not slashed:
                out.append(" ")
            out.append(_MORSE.get(code, ""))
        end = stop
    word = "".join(out)
    if sum(c.isalnum() for c in word) >= _FEWEST:
        edits.append(Edit(run[0][0], run[-1][1], word))


def spelled(text: str) -> list[Edit]:
    """Runs of NATO words, replaced by their letters."""
    if len(NATO.keys() & set(text.lower().replace(",", " ").split())) < 2:
        return []
    edits: list[Edit] = []
    run: list[tuple[int, int, str]] = []
    at = 0
    for chunk in text.split():
        at = text.index(chunk, at)
        bare = chunk.strip(_EDGE)
        letter = NATO.get(bare.lower())
        if letter is not None:
            start = at + chunk.index(bare)
            run.append((start, start + len(bare), letter))
        else:
            _collect(run, edits)
            run = []
        at += len(chunk)
    _collect(run, edits)
    return edits


def _collect(run: list[tuple[int, int, str]], edits: list[Edit]) -> None:
    if len(run) >= _FEWEST:
        edits.append(Edit(run[0][0], run[-1][1], "".join(letter for _, _, letter in run)))
