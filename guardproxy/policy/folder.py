"""The files of one `--policies` path: which they are, read and checked one by one (`policy-language.md` 6 and 18)."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from guardproxy.core.rules import Source
from guardproxy.policy import shipped
from guardproxy.policy.document import Document, document, test_file
from guardproxy.policy.phrases import MOST_BYTES
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import MAX_BYTES, parse, read_bytes, read_into
from guardproxy.policy.signing import ENDING, check_signature
from guardproxy.policy.written import Written

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Folder:
    """What was read. `unreadable`: names of files of which nothing is known but that they are wrong.

    `texts`: the policy files as they were when they were read, by name; what cannot be decoded is replaced.
    """

    path: Path
    documents: tuple[Document, ...]
    unreadable: frozenset[str]
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def place(self) -> Path:
        """The folder the files lie in."""
        return self.path if self.path.is_dir() else self.path.parent


def policy_files(path: Path) -> list[Path]:
    """The file itself, or what lies directly in the folder: no sub-folders, no names that begin with a dot."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))


State = tuple[tuple[str, int, int, int, int], ...]
"""Of each file: name, inode, size, and the times of its last write and of the inode's last change (nanoseconds)."""


def state_of(path: Path) -> State:
    """What policies, lists and tests under `path` are right now, links followed: equal before and after reading
    means that one state was read.
    """
    if path.is_dir():
        places = [path, *path.glob("*"), *path.glob("*/*")]
    else:
        places = [path, path.with_name(path.name + ENDING), *path.parent.glob("lists/*")]
    return tuple(
        _state(place) for place in sorted(places) if place == path or place.suffix in (*SUFFIXES, ".txt", ENDING)
    )


def _state(place: Path) -> tuple[str, int, int, int, int]:
    try:
        found = place.stat()
    except OSError:
        return (str(place), 0, 0, 0, 0)
    if stat.S_ISDIR(found.st_mode):  # what lies in it has rows of its own, other files in it are none of our business
        return (str(place), found.st_ino, 0, 0, 0)
    return (str(place), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read_folder(path: Path, problems: Problems, signers: tuple[bytes, ...] = ()) -> Folder:
    """Reads every file; problems of all of them are collected. `signers`: who may have signed them (GP012)."""
    try:
        files = policy_files(path)
    except OSError as error:
        problems.error("GP010", Source(str(path), 1, 1), f"cannot be read: {error.strerror}")
        files = []
    if not files:
        hint = "*.yaml and *.yml directly inside are policies"
        problems.error("GP011", Source(str(path), 1, 1), "no policies found here", hint)
    within = path if path.is_dir() else path.parent
    if within.resolve() == shipped.directory().resolve():
        signers = ()  # what comes with the program comes with its trust
    documents, unreadable, texts = [], [], {}
    for file in files:
        raw = read_bytes(file, problems, MAX_BYTES, within=within)
        root = parse(raw, str(file), problems) if raw is not None else None
        if raw is not None:
            check_signature(file, raw, signers, problems, within)
        texts[str(file)] = (raw or b"").decode("utf-8-sig", "replace")
        if root is None:
            unreadable.append(file.stem)
        else:
            documents.append(document(file, root, problems))
    _check_lists(within, signers, problems)
    found = Folder(path, tuple(documents), frozenset(unreadable), MappingProxyType(texts))
    _two_of_one_name(found.documents, problems)
    return replace(found, documents=_with_test_files(found, problems))


def _check_lists(folder: Path, signers: tuple[bytes, ...], problems: Problems) -> None:
    """Words are as much a part of a policy as its rules. What cannot be read is told where a rule names it."""
    for file in sorted(folder.glob("lists/*.txt")) if signers else ():
        raw = read_bytes(file, Problems(), MOST_BYTES, within=folder)
        if raw is not None:
            check_signature(file, raw, signers, problems, folder)


def _two_of_one_name(documents: Iterable[Document], problems: Problems) -> None:
    first: dict[str, Document] = {}
    for one in documents:
        before = first.setdefault(one.name, one)
        if before is not one:
            places = (one.place_of("policy"), before.place_of("policy"))
            message = f'two files define "{one.name}": {before.file.name} and {one.file.name}'
            problems.error("GP312", places[0], message, "rename one of them", [places[1]])


def _with_test_files(found: Folder, problems: Problems) -> tuple[Document, ...]:
    """Adds `tests/<rule-id>.yaml` to the policies they name."""
    folder = found.place / "tests"
    more: dict[str, list[Written]] = {}
    for path in sorted(folder.glob("*.yaml")) if found.path.is_dir() and folder.is_dir() else ():
        root = read_into(path, problems, within=found.place)
        if root is None:
            continue
        read = test_file(path, root, problems)
        if read is None:
            continue
        policy, tests = read
        if all(one.name != policy.value for one in found.documents) and policy.value not in found.unreadable:
            problems.error("GP301", policy.place, f'there is no policy "{policy.value}" here')
        more.setdefault(policy.value, []).extend(tests)
    return tuple(replace(one, tests=(*one.tests, *more.get(one.name, ()))) for one in found.documents)


def shipped_finder(problems: Problems) -> Callable[[str], Document | None]:
    """Looks among the policies that come with guardproxy; each is read once."""
    folder = shipped.directory()
    made: dict[str, Document | None] = {}

    def find(name: str) -> Document | None:
        if name not in shipped.NAMES:
            return None
        if name not in made:
            path = folder / f"{name}.yaml"
            root = read_into(path, problems, within=folder) if path.is_file() else None
            made[name] = document(path, root, problems) if root is not None else None
        return made[name]

    return find
