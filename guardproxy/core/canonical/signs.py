"""Alphabets of signs and of words: Morse, the NATO alphabet."""

from __future__ import annotations

from dataclasses import dataclass

from guardproxy.core.canonical.fixed import fixed
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
_STROKES = str.maketrans(
    dict.fromkeys("·•∙⋅․*●⚫⬤○🔴🔵⏺▪", ".")
    | dict.fromkeys("–—−_‑‒―▬➖━⁃▰", "-")
    | dict.fromkeys("|", "/")
    | {"\ufe0f": ""}
)
_STROKE_SET = frozenset(".-/")
_FEWEST = 3
_PAIR = fixed(r"[-.][-.]|__|\._|_\.|[-.] [-.]|\*-|-\*|[-.],|\|\.|\.\|")
_AROUND = "\"'()[]{}`"
_BEHIND = ",;:!?"
_BULLETS = frozenset("-*•–—")

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
FILLERS = frozenset(["as", "in", "for", "like", "is", "and", "then"])
"""Words between the words of a spelling: `B as in Bravo`."""
_WIDEST = 12
_CHARACTERS = str.maketrans(dict.fromkeys("\"'()[]{}`.,;:!?/|\\-_*+>#•·", " "))


def is_morse(chunk: str) -> bool:
    """Is the chunk made of dots, strokes and slashes?"""
    bare = _bare(chunk)
    return bool(bare) and set(bare) <= _STROKE_SET


def _bare(chunk: str) -> str:
    return chunk.strip(_AROUND).rstrip(_BEHIND).strip(_AROUND).translate(_STROKES)


@dataclass(frozen=True, slots=True)
class _Code:
    """A chunk of strokes; `bullet`: it may as well be the mark of a list."""

    start: int
    end: int
    strokes: str
    bullet: bool


def morse(text: str) -> list[Edit]:
    """Runs of Morse letters, replaced by what they spell; `/`, `|` or wide gaps part words.

    A mark of a list at either end of a run is read both ways: as a stroke and as what it is.
    """
    if not _PAIR.search(text) and (text.isascii() or _DRAWN.isdisjoint(text)):
        return []
    edits: list[Edit] = []
    run: list[_Code] = []
    at = 0
    for chunk in text.split():
        at = text.index(chunk, at)
        code = _code(text, at, chunk)
        if code:
            run.append(code)
        if run and (not code or chunk[-1].translate(_STROKES) not in ".-/,;"):
            _spell_run(run, edits)
            run = []
        at += len(chunk)
    _spell_run(run, edits)
    return edits


def _code(text: str, at: int, chunk: str) -> _Code | None:
    if chunk[0].isalnum():
        return None
    bare = _bare(chunk)
    if not bare or not set(bare) <= _STROKE_SET:
        head = chunk.lstrip(_AROUND)
        tail = head.split('"')[0].rstrip(_BEHIND + _AROUND).translate(_STROKES)
        if not tail or not set(tail) <= _STROKE_SET:
            return None
        bare = tail
    start = at + len(chunk) - len(chunk.lstrip(_AROUND))
    first = not at or text[at - 1] == "\n" or not text[text.rfind("\n", 0, at) + 1 : at].strip()
    return _Code(start, start + len(bare), bare, bullet=first and chunk in _BULLETS)


def _spell_run(run: list[_Code], edits: list[Edit]) -> None:
    _spell(run, edits)
    trimmed = run[1:] if run and run[0].bullet else run
    trimmed = trimmed[:-1] if trimmed and trimmed[-1].bullet else trimmed
    if len(trimmed) < len(run):
        _spell(trimmed, edits)


def _spell(run: list[_Code], edits: list[Edit]) -> None:
    letters = "".join(code.strokes for code in run)
    if (len(run) < _FEWEST and letters.count("/") < _FEWEST) or ("." not in letters and "-" not in letters):
        return
    out: list[str] = []
    slashed = letters.count("/") > len(run)  # letters parted by slashes: -.../.-../..-
    end = run[0].start
    for code in run:
        if code.start - end >= 2 and out:
            out.append(" ")
        for n, strokes in enumerate(code.strokes.split("/")):
            if n and not slashed:
                out.append(" ")
            out.append(_MORSE.get(strokes, ""))
        end = code.end
    word = "".join(out)
    if sum(c.isalnum() for c in word) >= _FEWEST:
        edits.append(Edit(run[0].start, run[-1].end, word))


def spelled(text: str) -> list[Edit]:
    """Runs of NATO words, replaced by their letters; marks and words such as `as in` may stand between."""
    lowered = text.lower()
    present = set(lowered.translate(_CHARACTERS).split())
    if len(_LETTER_NAMES & present) < 2 and not _runs_together(text):
        return []
    edits: list[Edit] = []
    run: list[tuple[int, int, str]] = []
    end = 0
    for start, stop in _names(text):
        word = lowered[start:stop]
        letter = NATO.get(word)
        if run and start - end > _WIDEST:
            _collect(run, edits)
            run = []
        if letter is not None:
            run.append((start, stop, letter))
        elif run and not (word in FILLERS or len(word) == 1):
            _collect(run, edits)
            run = []
        end = stop
    _collect(run, edits)
    return edits


def _runs_together(text: str) -> bool:
    """`BravoLimaUniform`: is there a long word with capitals inside that begins with the name of a letter?"""
    return any(not w[1:].islower() and w.lower().strip(_AROUND).startswith(_NAMES) for w in _LONG_CHUNK.findall(text))


def _names(text: str) -> list[tuple[int, int]]:
    """Words; a capital behind a small letter begins another; `x-ray` is one."""
    found: list[tuple[int, int]] = []
    start = -1
    for at, c in enumerate(text):
        if c.isalpha():
            if start >= 0 and c.isupper() and text[at - 1].islower():
                found.append((start, at))
                start = at
            start = at if start < 0 else start
        elif start >= 0:
            if c == "-" and text[start:at] in {"x", "X"} and text[at + 1 : at + 4].lower() == "ray":
                continue
            found.append((start, at))
            start = -1
    if start >= 0:
        found.append((start, len(text)))
    return found


def is_spelling(chunk: str) -> bool:
    """May the chunk be part of a spelling: the name of a letter, a mark, one letter, a word between?"""
    words = chunk.lower().translate(_CHARACTERS).split()
    if len(words) < 2:
        word = words[0] if words else ""
        return len(word) < 2 or word in NATO or word in FILLERS or (len(word) > 9 and word.startswith(_NAMES))
    return all(len(w) == 1 or w in NATO or w in FILLERS or w == "ray" for w in words)


def _collect(run: list[tuple[int, int, str]], edits: list[Edit]) -> None:
    """The run, and the run without the numbers of a list around it (`one`, `three`)."""
    first = next((i for i, part in enumerate(run) if part[2].isalpha()), 0)
    last = next((i for i in range(len(run), 0, -1) if run[i - 1][2].isalpha()), len(run))
    for part in (run, run[first:last]) if last - first < len(run) else (run,):
        if len(part) >= _FEWEST:
            edits.append(Edit(part[0][0], part[-1][1], "".join(letter for _, _, letter in part)))


_NAMES = tuple(NATO)
_LONG_CHUNK = fixed(r"(?<!\S)\S{10,}")
_LETTER_NAMES = frozenset(w for w, letter in NATO.items() if letter.isalpha())
_DRAWN = frozenset(map(chr, _STROKES)) - frozenset("*_|")
