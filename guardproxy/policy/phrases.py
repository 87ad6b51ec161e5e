"""Words of rules: phrases written in a policy and lists beside it (GP216, GP218, GP708)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from guardproxy.core.canonical import fold_key
from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node, read_bytes
from guardproxy.policy.shaped import Shape, a_list, closed, shaped
from guardproxy.policy.values import TEXT, Key, file_name, members, wrong_type

MOST_WRITTEN = 5_000
MOST_LISTED = 250_000
MOST_BYTES = 16 * 1024 * 1024
_SHORTEST, _LONGEST, _FEWEST_LETTERS = 2, 200, 2
_MOST_REPORTED = 20
_WRITTEN: Shape = a_list(TEXT, MOST_WRITTEN, 1)


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one rule; `listed` names the list they came from."""

    texts: tuple[str, ...]
    listed: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an override does to inherited phrases."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@shaped({"anyOf": [_WRITTEN, closed({"list": file_name.shape}, ("list",))]})
def words(node: Node, problems: Problems) -> Phrases | None:
    """A list of phrases, or `{list: name}`."""
    if node.is_mapping:
        found = members(node, {"list": Key(file_name, required=True)}, problems)
        return _listed(found["list"].value, found["list"].node, problems) if "list" in found else None
    texts = written(node, problems)
    return None if texts is None else Phrases(texts)


@shaped(closed({"add": _WRITTEN, "remove": _WRITTEN}))
def changed_words(node: Node, problems: Problems) -> Change | None:
    """`{add: [..], remove: [..]}`."""
    if not node.is_mapping:
        wrong_type(node, "a mapping with `add` and `remove`", problems)
        return None
    found = members(node, {"add": Key(written), "remove": Key(written)}, problems)
    return Change(*(tuple(found[k].value) if k in found else () for k in ("add", "remove")))


@shaped(_WRITTEN)
def written(node: Node, problems: Problems) -> tuple[str, ...] | None:
    """Phrases in a policy, each checked at its place."""
    if not node.is_list:
        wrong_type(node, "a list of phrases, or `{list: name}`", problems)
        return None
    if not node.items:
        problems.error("GP108", node.place, "no phrases", "a rule needs at least one")
        return None
    if len(node.items) > MOST_WRITTEN:
        message = f"{len(node.items):,} phrases, at most {MOST_WRITTEN:,} fit here"
        problems.error("GP110", node.place, message, "put them into lists/<name>.txt and write {list: name}")
        return None
    kept: dict[str, Source] = {}
    texts = []
    for item in node.items:
        if not isinstance(item.value, str):
            wrong_type(item, "a text", problems)
            continue
        key = _accepted(item.value, item.place, "GP216", problems)
        if key is None:
            continue
        if key in kept:
            message = f"equal to the phrase on line {kept[key].line} once folded"
            problems.warning("GP708", item.place, message, "one of them is enough", [kept[key]])
        kept.setdefault(key, item.place)
        texts.append(item.value)
    return tuple(texts)


def _accepted(phrase: str, place: Source, code: str, problems: Problems) -> str | None:
    key = fold_key(phrase)
    letters = len(key.replace(" ", ""))
    if letters >= _FEWEST_LETTERS and _SHORTEST <= len(key) <= _LONGEST:
        return key
    if len(key) > _LONGEST:
        problems.error(code, place, f"the phrase has {len(key)} characters, at most {_LONGEST} are allowed")
    else:
        hint = "two letters or digits must be left; invisible characters do not count"
        problems.error(code, place, "the phrase folds to less than two letters or digits", hint)
    return None


def _listed(name: str, node: Node, problems: Problems) -> Phrases | None:
    folder = Path(node.place.file).parent
    path = folder / "lists" / f"{name}.txt"
    if not path.exists() and not path.is_symlink():
        problems.error(
            "GP218", node.place, f"there is no lists/{name}.txt beside the policy", "write it, or fix the name"
        )
        return None
    own = Problems()
    raw = read_bytes(path, own, MOST_BYTES, within=folder)
    if raw is None:
        for row in own:
            code = "GP218" if row.code == "GP006" else row.code
            problems.error(code, node.place, f"lists/{name}.txt: {row.message}", row.hint)
        return None
    try:
        lines = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8").splitlines()
    except UnicodeDecodeError:
        problems.error("GP218", node.place, f"lists/{name}.txt is not UTF-8", "save it as UTF-8")
        return None
    return _phrases_of(name, path, lines, node, problems)


def _phrases_of(name: str, path: Path, lines: list[str], node: Node, problems: Problems) -> Phrases | None:
    texts: list[str] = []
    bad = 0
    for at, line in enumerate(lines, 1):
        phrase = line.strip()
        if not phrase or line.startswith("#"):
            continue
        if bad < _MOST_REPORTED and _accepted(phrase, Source(str(path), at, 1), "GP216", problems) is None:
            bad += 1
        texts.append(phrase)
    if len(texts) > MOST_LISTED:
        message = f"lists/{name}.txt holds {len(texts):,} phrases, at most {MOST_LISTED:,} are allowed"
        problems.error("GP218", node.place, message, "split the list between rules")
        return None
    if not texts:
        problems.error("GP218", node.place, f"lists/{name}.txt holds no phrase", "write one phrase a line")
        return None
    return None if bad else Phrases(tuple(texts), name)
