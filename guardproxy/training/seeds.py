"""Rows written for this project: text files of blocks, read into labelled rows.

A block begins with `@ family=… key=value …`; its rows are lines, or with `multi` paragraphs divided by a line `---`.
`$name = a | b` names a list for the slots `{name}`; `draw=4` fills each row four times. Pairs are `prompt => answer`.
Files named `heldout…` set thresholds and teach nothing.
`python -m guardproxy.training.seeds FILE …` counts them and names bad lines and near-duplicates.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from guardproxy.core.hazards import exists

JUDGEMENTS = ("request", "content", "attack", "response", "refusal")
"""What a block may say of its rows: 1 or 0; what it leaves out is not judged."""
NEAR = 0.6
"""Jaccard of word trigrams from which two rows count as near-duplicates."""
_SLOT = re.compile(r"\{([a-z_0-9]+)\}")


class SeedError(ValueError):
    """A seed file that cannot be read: file, line and reason."""


@dataclass(frozen=True, slots=True)
class Seed:
    """One written row. `judged`: what is known of it; `answer` is empty but for pairs."""

    file: str
    family: str
    text: str
    answer: str
    judged: Mapping[str, bool]
    hazards: frozenset[str]
    lang: str
    drawn: bool = False

    @property
    def id(self) -> str:
        """Stable name of the row."""
        whole = f"{self.text}\x1f{self.answer}"
        return f"seeds/{self.file}:{sha256(whole.encode('utf-8', 'replace')).hexdigest()[:12]}"

    def __repr__(self) -> str:
        return f"Seed({self.id})"


@dataclass(slots=True)
class _Block:
    family: str
    judged: dict[str, bool]
    hazards: frozenset[str]
    lang: str
    multi: bool
    draw: int
    lines: list[str] = field(default_factory=list)


def read_seeds(folder: Path, seed: int) -> list[Seed]:
    """All rows of all files, exact duplicates left out; raises `SeedError`."""
    found: dict[tuple[str, str], Seed] = {}
    for path in sorted(folder.glob("*.txt")):
        for one in read_file(path, seed):
            found.setdefault((one.text, one.answer), one)
    return list(found.values())


def read_file(path: Path, seed: int) -> list[Seed]:
    """The rows of one file; raises `SeedError`."""
    chance = random.Random(f"{seed} {path.name}")
    slots: dict[str, list[str]] = {}
    blocks: list[_Block] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        place = f"{path.name}:{number}"
        if line.startswith("@ "):
            blocks.append(_block(line[2:], place))
        elif line.startswith("$") and "=" in line and re.match(r"\$[a-z_0-9]+\s*=", line):
            name, _, values = line[1:].partition("=")
            slots[name.strip()] = [value.strip() for value in values.split("|") if value.strip()]
        elif blocks and blocks[-1].multi:
            blocks[-1].lines.append(line)
        elif line.startswith("#") or not line.strip():
            continue
        elif blocks:
            blocks[-1].lines.append(line)
        else:
            raise SeedError(f"{place}: a row before the first block")
    return [one for block in blocks for one in _rows(block, path, slots, chance)]


def _block(heading: str, place: str) -> _Block:
    words = heading.split()
    given = dict(word.split("=", 1) for word in words if "=" in word)
    hazards = frozenset(filter(None, given.get("hazards", "").split(",")))
    unknown = sorted(h for h in hazards if not exists(h)) + sorted(
        key for key in given if key not in {*JUDGEMENTS, "family", "hazards", "lang", "draw"}
    )
    if unknown or "family" not in given:
        raise SeedError(f"{place}: {', '.join(unknown) or 'family'} is {'unknown' if unknown else 'missing'}")
    judged = {key: given[key] == "1" for key in JUDGEMENTS if key in given}
    bad = [key for key in judged if given[key] not in {"0", "1"}]
    if bad or not judged:
        raise SeedError(f"{place}: {', '.join(bad) or 'a judgement'} must be 0 or 1")
    if any(judged.values()) and not hazards and not {"response", "refusal"} & set(judged):
        raise SeedError(f"{place}: a harmful block names its hazards")
    return _Block(
        given["family"], judged, hazards, given.get("lang", "en"), "multi" in words, int(given.get("draw", 1))
    )


def _rows(block: _Block, path: Path, slots: Mapping[str, Sequence[str]], chance: random.Random) -> Iterator[Seed]:
    pair = bool({"response", "refusal"} & set(block.judged))
    for written in _texts(block):
        times = block.draw if _named_slots(written, slots) else 1
        for _ in range(times):
            filled = _SLOT.sub(lambda m: chance.choice(slots[m[1]]) if m[1] in slots else m[0], written)
            text, answer = _divided(filled, block.multi) if pair else (filled, "")
            if text:
                yield Seed(
                    path.stem, block.family, text, answer, block.judged, block.hazards, block.lang,
                    drawn=times > 1,
                )  # fmt: skip


def _texts(block: _Block) -> Iterator[str]:
    if not block.multi:
        yield from (line.strip().replace("\\n", "\n") for line in block.lines)
        return
    rows: list[list[str]] = [[]]
    for line in block.lines:
        if line.strip() == "---":
            rows.append([])
        else:
            rows[-1].append(line)
    yield from filter(None, ("\n".join(lines).strip() for lines in rows))


def _named_slots(text: str, slots: Mapping[str, Sequence[str]]) -> bool:
    return any(name in slots for name in _SLOT.findall(text))


def _divided(text: str, multi: bool) -> tuple[str, str]:  # noqa: FBT001
    mark = "\n=>\n" if multi else " => "
    prompt, found, answer = text.partition(mark)
    return (prompt.strip(), answer.strip()) if found else ("", text.strip()) if multi else (text, "")


def near_duplicates(texts: Sequence[str]) -> int:
    """Rows that share at least NEAR of their word trigrams with an earlier row."""
    seen: list[frozenset[str]] = []
    at: dict[str, list[int]] = {}
    count = 0
    for text in texts:
        grams = frozenset(trigrams(words_of(text)))
        shared = Counter(other for gram in grams for other in at.get(gram, ()))
        count += any(n / (len(grams) + len(seen[other]) - n) >= NEAR for other, n in shared.most_common(5))
        for gram in grams:
            at.setdefault(gram, []).append(len(seen))
        seen.append(grams)
    return count


def words_of(text: str) -> list[str]:
    """Lower-case words without marks."""
    return re.findall(r"\w+", text.lower())


def trigrams(words: Sequence[str]) -> list[str]:
    """Word trigrams; of a shorter text the text itself."""
    return [" ".join(words[n : n + 3]) for n in range(max(len(words) - 2, 1))]


def coverage(texts: Sequence[str]) -> float:
    """Distinct word trigrams of all: 1.0 where no three words ever come again, near 0 for templates."""
    grams = [gram for text in texts for gram in trigrams(words_of(text))]
    return len(set(grams)) / max(len(grams), 1)


def main(paths: Sequence[str]) -> int:
    """Counts of the files named."""
    rows: list[Seed] = []
    for path in paths:
        try:
            rows += read_file(Path(path), 7)
        except SeedError as error:
            print(error)
            return 1
    for (family, lang), count in sorted(Counter((row.family, row.lang) for row in rows).items()):
        print(f"{count:6d} {family} {lang}")
    near = near_duplicates([f"{row.text} {row.answer}" for row in rows])
    same = len(rows) - len({(row.text, row.answer) for row in rows})
    print(f"{len(rows)} rows, {sum(row.drawn for row in rows)} from slots, {same} equal, {near} near-duplicates")
    print(f"distinct word trigrams: {coverage([row.text + ' ' + row.answer for row in rows]):.3f} of all")
    unanswered = sum(1 for row in rows if {"response", "refusal"} & set(row.judged) and not row.answer)
    if unanswered:
        print(f"{unanswered} pairs without ' => '")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
