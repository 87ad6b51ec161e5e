"""YAML files as nodes with places: a strict subset of YAML 1.2, checked before meaning (`policy-language.md` 18).

    node = read(path)                       # Node of the file's one mapping, or PolicyError with all problems
    node.get("tests")                       # Node of a member, or None
    for entry in node.entries: entry.key, entry.place, entry.value
    for item in node.items: item.place.line
    plain(node)                             # dicts, lists and scalars

`read_into` is for those who collect the problems of many files. Parser: PyYAML's events over libyaml (the pure
Python scanner stumbles over `{a: why?}`, and ruamel.yaml 0.19 needs 0.9 s for 2,000 rules, this 0.09 s).
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import re2
import yaml

from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problem, Problems, failed

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 12

_NUMBER = re2.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_WHOLE = re2.compile(r"-?(?:0|[1-9][0-9]*)")
_ODD_NUMBER = re2.compile(
    r"(?i)[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?|\.[0-9][0-9_]*(?:e[-+]?[0-9]+)?"
    r"|0x[0-9a-f_]+|0o[0-7_]+|0b[01_]+|\.inf|\.nan)"
)
_FORBIDDEN = re2.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}\x{2028}\x{2029}\x{feff}\x{fffe}\x{ffff}]")
_NUMERIC = frozenset("+-.0123456789")
_NULLS = frozenset({"", "~", "null"})


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place.

    `value` is a str, bool, int, float or None; for a list a tuple of Nodes, for a mapping a tuple of Entries.
    `style` is the mark a text was written with: "", "'", '"', "|" or ">". `broken`: already reported, nothing more to say of it.
    """

    value: Any
    place: Source
    is_mapping: bool = False
    is_list: bool = False
    style: str = ""
    broken: bool = False

    @property
    def line(self) -> int:
        """From 1."""
        return self.place.line

    @property
    def column(self) -> int:
        """From 1, in code points."""
        return self.place.column

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The members of a mapping; () for anything else."""
        return self.value if self.is_mapping else ()

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a list; () for anything else."""
        return self.value if self.is_list else ()

    def get(self, key: str) -> Node | None:
        """The member of this name (the first, should it stand twice), None if there is none."""
        return next((e.value for e in self.entries if e.key == key), None)

    def place_of(self, key: str) -> Source:
        """Where the key stands, or where the mapping begins if it is missing."""
        return next((e.place for e in self.entries if e.key == key), self.place)


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a mapping; `place` is that of the key."""

    key: str
    place: Source
    value: Node

    @property
    def key_node(self) -> Node:
        """The key as a node."""
        return Node(self.key, self.place)


def read(path: Path, within: Path | None = None) -> Node:
    """The file's one mapping. Raises PolicyError whose `report` lists every problem with its place."""
    problems = Problems()
    node = read_into(path, problems, within=within)
    if node is None or problems.errors:
        raise failed(problems.errors)
    return node


def read_into(path: Path, problems: Problems, *, within: Path | None = None) -> Node | None:
    """The same, with problems put into a collection; None when there is nothing to go on with.

    `within` is the folder that links must not leave.
    """
    raw = read_bytes(path, problems, MAX_BYTES, within=within)
    if raw is None:
        return None
    return parse(raw, str(path), problems)


def parse(raw: bytes, file: str, problems: Problems) -> Node | None:
    """Bytes of a file → its one mapping."""
    reading = _Reading(file, problems)
    text = reading.decoded(raw)
    return None if text is None else reading.root(text)


def read_bytes(path: Path, problems: Problems, limit: int, *, within: Path | None = None) -> bytes | None:
    """The bytes of a regular file, at most `limit`; links that leave `within` are never opened."""
    at = Source(str(path), 1, 1)
    try:
        if within is not None and not path.resolve(strict=True).is_relative_to(within.resolve(strict=True)):
            problems.error("GP010", at, "the link leads out of the folder", "put the file itself there")
            return None
        if not stat.S_ISREG(path.stat().st_mode):
            problems.error("GP010", at, "this is no regular file", "name a file")
            return None
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "links in a circle"
        problems.error("GP010", at, f"cannot be read: {reason}")
        return None
    if len(raw) > limit:
        problems.error("GP006", at, f"larger than {limit:,} bytes", "split it")
        return None
    return raw


def plain(node: Node) -> Any:
    """The node as dicts, lists and scalars."""
    if node.is_mapping:
        return {e.key: plain(e.value) for e in node.entries}
    if node.is_list:
        return [plain(item) for item in node.items]
    return node.value


class _TooDeepError(Exception):
    """Nothing more is read."""


_ONLY_A_KEY = re2.compile(r"\s*(?:- )?[\w-]+")
_YAML_HINTS = {
    "mapping values are not allowed": 'a text with a colon and a blank in it stands in quotes: about: "One: two"',
    "what begins here does not end": "close the quote or bracket",
    "cannot start any token": "a text that begins with a special sign stands in quotes",
    "found unknown escape": "write patterns in single quotes: there a backslash is a backslash",
    "did not find expected ',' or": "entries of a list or mapping have commas between them",
    "expected <block end>": "it stands too far right or left for what is above it",
}
"""What to do about a complaint of the YAML parser, by a piece of its words."""


class _Reading:
    """Turns the events of one file into nodes; nothing is built from a file that is no YAML of ours."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self.depth = 0
        self.refused = False

    def decoded(self, raw: bytes) -> str | None:
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        except UnicodeDecodeError as error:
            before = raw[: error.start]
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            place = Source(self.file, before.count(b"\n") + 1, column)
            self.problems.error("GP001", place, "this byte is not UTF-8", "save the file as UTF-8")
            return None
        bad = _FORBIDDEN.search(text)
        if bad is None:
            return text
        at = bad.start()
        place = Source(self.file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        self.problems.error("GP001", place, f"the control character U+{ord(text[at]):04X}", "take it out")
        return None

    def root(self, text: str) -> Node | None:
        """The one mapping of the stream."""
        found: list[Node] = []
        try:
            events = yaml.parse(text, Loader=yaml.CSafeLoader)
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    if event.version or event.tags:
                        self.refuse("GP004", event, "a directive", "take the line out")
                    if found:
                        self.refuse("GP005", event, "a second document", "one policy a file")
                        break
                elif isinstance(event, yaml.NodeEvent):
                    found.append(self.node(event, events))
        except _TooDeepError:
            return None
        except yaml.YAMLError as error:
            self.syntax(error, text)
            return None
        return self.only_mapping(found)

    def only_mapping(self, found: list[Node]) -> Node | None:
        if self.refused:
            return None
        top = Source(self.file, 1, 1)
        if not found or (found[0].value is None and not found[0].is_mapping):
            self.problems.error("GP007", top, "the file is empty", 'an empty file is never "allow all"')
            return None
        if not found[0].is_mapping:
            self.problems.error("GP007", found[0].place, "a mapping is expected at the top", "begin with `guardproxy:`")
            return None
        return found[0]

    def node(self, event: Any, events: Iterator[Any]) -> Node:
        place = self.place(event.start_mark)
        self.no_magic(event)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, place)
        if isinstance(event, yaml.AliasEvent):
            return Node(None, place, broken=True)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.refuse("GP006", event, f"nested deeper than {MAX_DEPTH} levels", "policies need no such depth")
            raise _TooDeepError
        if isinstance(event, yaml.MappingStartEvent):
            made = Node(tuple(self.members(events)), place, is_mapping=True)
        else:
            made = Node(tuple(self.listed(events)), place, is_list=True)
        self.depth -= 1
        return made

    def listed(self, events: Iterator[Any]) -> Iterator[Node]:
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                return
            yield self.node(event, events)

    def members(self, events: Iterator[Any]) -> Iterator[Entry]:
        first: dict[str, Source] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                return
            key = self.key(event, events)
            value = self.node(next(events), events)
            if key.value in first:
                before = first[key.value]
                message = f'duplicate key "{key.value}", first on line {before.line}'
                self.problems.error("GP003", key.place, message, "keep one of them", [before])
                continue
            first[key.value] = key.place
            yield Entry(key.value, key.place, value)

    def key(self, event: Any, events: Iterator[Any]) -> Node:
        """Keys are text as written: `no:` is the Norwegian locale."""
        if isinstance(event, yaml.ScalarEvent):
            self.no_magic(event, key=True)
            return Node(event.value, self.place(event.start_mark))
        place = self.place(event.start_mark)
        self.refuse("GP002", event, "a key must be a plain word", "take the brackets out")
        self.node(event, events)
        return Node("", place, broken=True)

    def scalar(self, event: Any, place: Source) -> Node:
        text = event.value
        if event.style:
            return Node(text, place, style=event.style)
        if text in _NULLS:
            return Node(None, place)
        if text in ("true", "false"):
            return Node(text == "true", place)
        if text[0] not in _NUMERIC:
            return Node(text, place)
        if _NUMBER.fullmatch(text):
            return Node(int(text) if _WHOLE.fullmatch(text) else float(text), place)
        if _ODD_NUMBER.fullmatch(text):
            hint = "write whole numbers as 42 and decimals as 0.40; put quotes around it if it is text"
            self.problems.error("GP009", place, f"number in a form we do not accept: {text[:40]}", hint)
            return Node(None, place, broken=True)
        return Node(text, place)

    def no_magic(self, event: Any, *, key: bool = False) -> None:
        if isinstance(event, yaml.AliasEvent):
            self.refuse("GP004", event, "an alias", "write the value out")
        elif event.anchor:
            self.refuse("GP004", event, "an anchor", "write the value out")
        elif event.tag:
            self.refuse("GP004", event, "a tag", "take it out; types follow from the key")
        elif key and not event.style and event.value == "<<":
            self.refuse("GP004", event, "a merge key", "write the keys out")

    def refuse(self, code: str, event: Any, message: str, hint: str) -> None:
        """An error after which no meaning is read; one row a line is enough."""
        place = self.place(event.start_mark)
        last = self.problems.rows[-1] if self.problems.rows else None
        if not (last and last.code == code and last.place.file == place.file and last.place.line == place.line):
            self.problems.error(code, place, message, hint)
        self.refused = True

    def syntax(self, error: yaml.YAMLError, text: str) -> None:
        problem = str(getattr(error, "problem", None) or "not YAML")
        mark = getattr(error, "problem_mark", None)
        opened = getattr(error, "context_mark", None)
        if opened is not None and "end of stream" in problem:
            mark, problem = opened, "what begins here does not end"
        place = self.place(mark) if mark is not None else Source(self.file, 1, 1)
        line = text.split("\n")[place.line - 1] if place.line <= text.count("\n") + 1 else ""
        if line.startswith("%"):
            self.problems.error("GP004", place, "a directive", "take the line out")
        elif "nesting depth" in problem:
            self.problems.error("GP006", place, f"nested deeper than {MAX_DEPTH} levels", "policies need no such depth")
        elif "Unicode character escape" in problem:
            self.problems.error("GP001", place, "an escape that is no character", "write the character itself")
        elif "\t" in line[: len(line) - len(line.lstrip())]:
            self.problems.error("GP002", place, "a tab as indentation", "indent with spaces")
        else:
            hint = next((hint for part, hint in _YAML_HINTS.items() if part in problem), "")
            if "mapping values" in problem and _ONLY_A_KEY.fullmatch(line[: place.column - 1]):
                hint = _YAML_HINTS["expected <block end>"]
            self.problems.add(Problem("GP002", place, f"not YAML: {problem}", hint=hint))

    def place(self, mark: Any) -> Source:
        return Source(self.file, mark.line + 1, mark.column + 1)
