"""The canary in an answer: in each of its strings once, in two pieces of a text, below a name that nobody knows.

plants(dialogue) -> Iterator[Plant]      the answer again and again, each time with one change
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from guardproxy.testing.scripts import Script

from .dialogue import Dialogue
from .reading import Path, strings

CANARY = "bluefinch"
HALVES = (" blue", "finch ")
DONE = "data: [DONE]"


@dataclass(frozen=True)
class Plant:
    """An answer with the canary in it. `place`: the path of the string, () where it is none of the answer's own."""

    name: str
    script: Script
    place: Path = ()


class Page:
    """The body of a dialogue: its frames, and the JSON of those that a client hears."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.frames = dialogue.body.split("\n") if dialogue.is_stream else [dialogue.body]
        heard = self.frames[: self.frames.index(DONE)] if DONE in self.frames else self.frames
        self.trees = {at: tree for at, frame in enumerate(heard) if (tree := payload(frame)) is not None}

    def where(self, paths: Any) -> dict[Path, list[int]]:
        """For each path that `paths(tree)` gives, the frames that have it."""
        places: dict[Path, list[int]] = {}
        for at, tree in self.trees.items():
            for path in paths(tree):
                places.setdefault(path, []).append(at)
        return places

    def body(self, changed: dict[int, str]) -> str:
        return "\n".join(changed.get(at, frame) for at, frame in enumerate(self.frames))

    def changed(self, at: int, path: Path, name: str | int, value: Any) -> str:
        """A frame with another value of the member `name` of what stands at `path`."""
        tree = json.loads(json.dumps(self.trees[at]))
        value_at(tree, path)[name] = value
        return ("data: " if "data:" in self.frames[at][:15] else "") + json.dumps(tree, ensure_ascii=False)

    def with_words(self, place: Path, words: dict[int, str]) -> str:
        *path, name = place
        texts = {at: with_word(value_at(self.trees[at], place), word) for at, word in words.items()}
        return self.body({at: self.changed(at, tuple(path), name, text) for at, text in texts.items()})


def plants(dialogue: Dialogue) -> Iterator[Plant]:
    page = Page(dialogue)
    for place, frames in page.where(strings).items():
        name = ".".join(map(str, place))
        yield Plant(name, dialogue.script(page.with_words(place, {frames[0]: f" {CANARY} "})), place)
        if len(frames) > 1 and is_joined([page.trees[at] for at in frames[:2]], place):
            halves = dict(zip(frames, HALVES, strict=False))
            yield Plant(f"{name} in two", dialogue.script(page.with_words(place, halves)), place)
    for place, frames in page.where(objects).items():
        unknown = {"deep": [f"a {CANARY} "]}
        body = page.body({frames[0]: page.changed(frames[0], place, "x_unknown", unknown)})
        yield Plant(f"{'.'.join(map(str, place))} below an unknown name", dialogue.script(body))
    for at, frame in enumerate(page.frames):
        if dialogue.is_stream and frame.startswith((":", "event:")):
            yield Plant(frame, dialogue.script(page.body({at: f"{frame} {CANARY}"})))


def payload(frame: str) -> Any:
    try:
        return json.loads(frame.removeprefix("<U+FEFF>").removeprefix("data:"))
    except ValueError:
        return None


def objects(tree: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(tree, dict):
        yield path
    if isinstance(tree, dict | list):
        for step, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from objects(value, (*path, step))


def value_at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def with_word(held: str, word: str) -> str:
    """Behind the text; whole arguments stay JSON, and the second half of a word comes first."""
    if word == HALVES[1]:
        return word + held
    return held[:-2] + word + held[-2:] if word not in HALVES and held.endswith('"}') else held + word


def is_joined(two: list[Any], place: Path) -> bool:
    """A text that goes on: not in one of several choices, nor in a call that begins anew with a name."""
    several = any(len(tree.get("choices") or []) > 1 for tree in two)
    named = [call.get("function", {}).get("name") for tree in two for call in calls_in(tree)]
    anew = "tool_calls" in place and len(set(filter(None, named))) > 1
    return bool({"delta", "text"} & set(place)) and not several and not anew


def calls_in(tree: Any) -> list[Any]:
    held = [choice.get("delta") or {} for choice in tree.get("choices") or []]
    return [call for delta in held if isinstance(delta.get("tool_calls"), list) for call in delta["tool_calls"]]
