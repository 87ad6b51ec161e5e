"""`make tampering`: ten thousand random changes to a decision log. Does `audit verify` find every one?

The log has three segments, tombstones of two erasures, signed anchors that the forger can read but not reach, and a key
that he has not. He knows the format: most of his changes fit the frame, some of them the chain as well. Exit 1 unless all
are found and the untouched log is fine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import orjson

from guardproxy.observe.anchors import Anchor, anchors_of, beside
from guardproxy.observe.audit_file import Link, canonical, framed, read_line, tombstone
from guardproxy.observe.erasure import Order, erase
from guardproxy.observe.journal import Journal, Keeping, set_aside
from guardproxy.observe.verify import Report, Trust, verify

KEY = b"a key that lies elsewhere, 32 bytes"
TIME = 1_795_525_200.0
RECORDS = 60
SEED = 20261129
Lines = list[bytes]
Files = dict[str, Lines]


@dataclass(frozen=True, slots=True)
class Target:
    """A log on disk, its files line by line, and the anchors as they were."""

    log: Path
    files: Files
    anchors: tuple[Anchor, ...]

    def checked(self) -> Report:
        """What `verify` says of the log as it stands on disk."""
        return verify(self.log, Trust(self.anchors, (KEY,)))

    def put(self, files: Files) -> None:
        """Writes these files in place of all."""
        for name in self.files.keys() | files.keys():
            path = self.log.with_name(name)
            if name in files:
                path.write_bytes(b"".join(files[name]))
            else:
                path.unlink(missing_ok=True)


@dataclass(slots=True)
class Tally:
    """How many changes of each kind were made, and which were not found."""

    made: Counter[str] = field(default_factory=Counter)
    unseen: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Markdown."""
        missed = Counter(what.partition(":")[0] for what in self.unseen)
        rows = [f"| {kind} | {count} | {count - missed[kind]} |" for kind, count in sorted(self.made.items())]
        total = self.made.total()
        rows += [f"| all | {total} | {total - len(self.unseen)} |"]
        return "\n".join(["| change | made | found |", "|---|---|---|", *rows])


def written(folder: Path) -> Target:
    """Sixty decisions in three segments, four of which were erased."""
    log = folder / "decisions.jsonl"
    journal = Journal(log, lambda: TIME, _quiet, Keeping(longest=10_000, key=KEY))
    chance = Random(SEED)  # noqa: S311 - seeded on purpose
    for number in range(RECORDS):
        journal.append([canonical(_record(chance, number))])
    journal.close()
    order = Order("tampering", "so that there are tombstones", lambda: TIME, _quiet, KEY)
    for at in (7, 40):
        erase(log, lambda record, at=at: record["decision_id"] in (f"D{at:02}", f"D{at + 1:02}"), order)  # type: ignore[misc]
    files = {path.name: path.read_bytes().splitlines(keepends=True) for path in folder.glob("*.jsonl*")}
    anchors = tuple(anchors_of(log, beside(log, None)))
    return Target(log, {name: lines for name, lines in files.items() if not name.endswith(".anchors")}, anchors)


def _quiet(event: str, **fields: object) -> None:
    """Nobody listens."""
    del event, fields


def _record(chance: Random, number: int) -> dict[str, object]:
    action = chance.choice(["allow", "warn", "refuse"])
    return {
        "v": 1,
        "time": f"2026-11-29T07:{number:02}:00.000Z",
        "decision_id": f"D{number:02}",
        "tenant": chance.choice(["default", "acme"]),
        "policy": "default",
        "revision": chance.randrange(1, 9),
        "stages": [
            {"stage": "input", "action": action, "scores": {"embedded": {"hate.abuse": round(chance.random(), 4)}}}
        ],
        "failures": [],
        "outcome": action,
        "status": 200,
        "text_hmac": [f"h1:{chance.getrandbits(128):032x}"],
    }


def tamper(target: Target, count: int, seed: int) -> Tally:
    """Makes `count` changes, one after the other, each to the untouched log."""
    tally, chance, kinds = Tally(), Random(seed), list(KINDS.items())  # noqa: S311 - seeded on purpose
    for number in range(count):
        name, change = kinds[number % len(kinds)]
        files = {file: list(lines) for file, lines in target.files.items()}
        change(chance, files)
        if files == target.files:
            raise AssertionError(f"{name} changed nothing; this is a bug of the forger")
        target.put(files)
        tally.made[name] += 1
        if target.checked().fine:
            tally.unseen.append(f"{name}: number {number} of seed {seed}")
    target.put(target.files)
    return tally


def _chain(files: Files) -> list[str]:
    """The names of the decision log's files, oldest first."""
    names = [name for name in files if "erasures" not in name]
    return sorted(names, key=lambda name: (name == "decisions.jsonl", name))


def _some(chance: Random, files: Files) -> tuple[Lines, int]:
    """A line of any file."""
    lines = files[chance.choice(sorted(files))]
    return lines, chance.randrange(len(lines))


def _decision(chance: Random, files: Files) -> tuple[Lines, int]:
    """A line that holds a decision."""
    places = [
        (files[name], at) for name in _chain(files) for at, line in enumerate(files[name]) if b'"outcome"' in line
    ]
    return chance.choice(places)


def _byte(chance: Random, files: Files) -> None:
    lines, at = _some(chance, files)
    line = bytearray(lines[at])
    where = chance.randrange(len(line) - 1)  # the line feed stays
    line[where] = chance.choice([byte for byte in range(32, 127) if byte != line[where]])
    lines[at] = bytes(line)


def _blank(chance: Random, files: Files) -> None:
    lines, at = _some(chance, files)
    lines[at] = lines[at].replace(b":", b": ", 1)


def _line_end(chance: Random, files: Files) -> None:
    lines, at = _some(chance, files)
    lines[at] = chance.choice([lines[at][:-1] + b"\r\n", lines[at] + b"\n", b"\n" + lines[at]])


def _body(line: bytes) -> dict[str, object]:
    tree: dict[str, object] = orjson.loads(line)
    return {name: value for name, value in tree.items() if name not in ("seq", "len", "crc", "prev", "hash")}


def _forged(chance: Random, line: bytes) -> bytes:
    """Another outcome in the same record."""
    body = _body(line)
    return canonical(
        {**body, "outcome": chance.choice([o for o in ("allow", "warn", "refuse") if o != body["outcome"]])}
    )


def _value(chance: Random, files: Files) -> None:
    """Length and CRC fit."""
    lines, at = _decision(chance, files)
    old = orjson.loads(lines[at])
    fresh, _ = framed(_forged(chance, lines[at]), Link(old["seq"] - 1, old["prev"]))
    lines[at] = fresh.replace(fresh[-67:-3], old["hash"].encode())


def _value_and_hash(chance: Random, files: Files) -> None:
    """The record's own hash fits as well."""
    lines, at = _decision(chance, files)
    old = orjson.loads(lines[at])
    lines[at], _ = framed(_forged(chance, lines[at]), Link(old["seq"] - 1, old["prev"]))


def _value_and_chain(chance: Random, files: Files) -> None:
    """All that follows was made again, tombstones too: only an anchor knows."""
    lines, at = _decision(chance, files)
    lines[at], last = _reframed(_forged(chance, lines[at]), lines[at])
    names = _chain(files)
    begun = next(name for name in names if files[name] is lines)
    for name in names[names.index(begun) :]:
        for number, line in enumerate(files[name]):
            if name == begun and number <= at:
                continue
            body = _body(line)
            if body.get("kind") == "segment":
                body = {**body, "after": last.hash}
            files[name][number], last = framed(canonical(body), last)


def _reframed(body: bytes, old: bytes) -> tuple[bytes, Link]:
    tree = orjson.loads(old)
    return framed(body, Link(tree["seq"] - 1, tree["prev"]))


def _field_of_another(chance: Random, files: Files) -> None:
    """Two records swap what they decided; both fit their frames and their own hashes."""
    while True:
        (one, i), (two, j) = _decision(chance, files), _decision(chance, files)
        first, second = _body(one[i]), _body(two[j])
        name = chance.choice(["outcome", "time", "decision_id", "text_hmac", "revision"])
        if first[name] != second[name]:
            break
    one[i], _ = _reframed(canonical({**first, name: second[name]}), one[i])
    two[j], _ = _reframed(canonical({**second, name: first[name]}), two[j])


def _field_names(chance: Random, files: Files) -> None:
    lines, at = _decision(chance, files)
    body = _body(lines[at])
    one, two = chance.sample(["tenant", "policy", "outcome", "decision_id"], 2)
    if body[one] == body[two]:
        two = "time"
    lines[at], _ = _reframed(canonical({**body, one: body[two], two: body[one]}), lines[at])


def _delete(chance: Random, files: Files) -> None:
    lines, at = _some(chance, files)
    del lines[at]


def _delete_some(chance: Random, files: Files) -> None:
    lines, at = _some(chance, files)
    del lines[at : at + chance.randrange(2, 9)]


def _cut(chance: Random, files: Files) -> None:
    """At a line's border, at the end of the log: nothing that is left looks wrong."""
    lines = files["decisions.jsonl"]
    del lines[chance.randrange(1, len(lines)) :]


def _cut_files(chance: Random, files: Files) -> None:
    """The same, further back: the younger files are gone as well."""
    names = _chain(files)
    keep = chance.randrange(len(names) - 1)
    for name in names[keep + 1 :]:
        del files[name]
    lines = files.pop(names[keep])
    files["decisions.jsonl"] = lines[: chance.randrange(1, len(lines) + 1)]


def _cut_within(chance: Random, files: Files) -> None:
    lines, at = _some(chance, files)
    lines[at] = lines[at][: chance.randrange(1, len(lines[at]) - 1)]
    del lines[at + 1 :]


def _swap(chance: Random, files: Files) -> None:
    lines = files[chance.choice(sorted(files))]
    one, two = chance.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]


def _move(chance: Random, files: Files) -> None:
    lines, at = _some(chance, files)
    line = lines.pop(at)
    lines.insert(chance.choice([n for n in range(len(lines) + 1) if n != at]), line)


def _double(chance: Random, files: Files) -> None:
    (lines, at), (others, place) = _some(chance, files), _some(chance, files)
    others.insert(place, lines[at])


def _insert(chance: Random, files: Files) -> None:
    """A new record that follows the one before it."""
    lines, at = _decision(chance, files)
    line = read_line(lines[at][:-1])
    if line is None:
        raise AssertionError("a decision without a frame; this is a bug")
    lines.insert(at + 1, framed(_forged(chance, lines[at]), line.link)[0])


def _hide(chance: Random, files: Files) -> None:
    """A tombstone that nobody ordered, for one record or some."""
    lines, at = _decision(chance, files)
    end = min(at + chance.randrange(1, 4), len(lines))
    first, last = orjson.loads(lines[at]), orjson.loads(lines[end - 1])
    stone = tombstone(
        "2026-11-29T08:00:00.000Z", Link(first["seq"] - 1, first["prev"]), Link(last["seq"], last["hash"])
    )
    lines[at:end] = [stone]


def _hide_and_say_so(chance: Random, files: Files) -> None:
    """The same, with an erasure to it that fits the chain of erasures; the forger has no key to sign it with."""
    before = {name: list(lines) for name, lines in files.items()}
    _hide(chance, files)
    stone = next(line for name in _chain(files) for line in files[name] if line not in before[name])
    tree = orjson.loads(stone)
    book = files["decisions-erasures.jsonl"]
    body = {**_body(book[-1]), "gaps": [[tree["seq"], tree["hash"], tree["records"]]]}
    line = read_line(book[-1][:-1])
    if line is None:
        raise AssertionError("an erasure without a frame; this is a bug")
    book.append(framed(canonical(body), line.link)[0])


def _swap_files(chance: Random, files: Files) -> None:
    one, two = chance.sample(sorted(files), 2)
    files[one], files[two] = files[two], files[one]


def _remove_file(chance: Random, files: Files) -> None:
    del files[chance.choice([name for name in sorted(files) if name != "decisions.jsonl"])]


def _copy_file(chance: Random, files: Files) -> None:
    one, two = chance.sample(sorted(files), 2)
    files[one] = list(files[two])


def _empty_file(chance: Random, files: Files) -> None:
    files[chance.choice(sorted(files))].clear()


KINDS: dict[str, Callable[[Random, Files], None]] = {
    "one byte": _byte,
    "a blank in the JSON": _blank,
    "a line's end": _line_end,
    "a value, frame made to fit": _value,
    "a value, frame and hash made to fit": _value_and_hash,
    "a value, and the whole chain made again": _value_and_chain,
    "values of two records swapped": _field_of_another,
    "two fields of a record swapped": _field_names,
    "a line removed": _delete,
    "several lines removed": _delete_some,
    "the tail cut at a line's border": _cut,
    "the tail cut over several files": _cut_files,
    "a file cut within a line": _cut_within,
    "two lines swapped": _swap,
    "a line moved": _move,
    "a line doubled": _double,
    "a record inserted": _insert,
    "records hidden behind a tombstone": _hide,
    "the same, with a forged erasure": _hide_and_say_so,
    "two files swapped": _swap_files,
    "a file removed": _remove_file,
    "a file in place of another": _copy_file,
    "a file emptied": _empty_file,
}


def main(arguments: list[str] | None = None) -> int:
    """Prints the table, and what was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        target = written(Path(folder))
        if len(set_aside(target.log)) < 2 or not target.checked().fine:
            raise AssertionError("the untouched log is not what it should be")
        tally = tamper(target, asked.count, asked.seed)
        if not target.checked().fine:
            tally.unseen.append("untouched: it is not fine any more")
    sys.stdout.write("\n".join([tally.table(), *tally.unseen[:20]]) + "\n")
    return 1 if tally.unseen else 0


if __name__ == "__main__":
    sys.exit(main())
