"""Recorded-style answers of model servers, kept one family a file in `dialogues/`, and what a client must see of them.

    dialogues() -> list[Dialogue]            all of them
    Dialogue.script() -> Script              the answer, byte for byte
    Dialogue.plants() -> list[Plant]         the same answer with the canary in one of its strings, each string once
    seen(answer, stream) -> Seen             what a client of ours understands of an answer

A body is written as it stands on the wire, but for `<U+2028>` (a character that editors hide) and `<xFF>` (a byte).
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from guardproxy.testing.scripts import JSON, SSE, Script

FOLDER = Path(__file__).parent / "dialogues"
PATHS = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "embeddings": "/v1/embeddings",
    "models": "/v1/models",
}
CANARY = "bluefinch"
DONE = "data: [DONE]"
HALVES = (" blue", "finch ")
LINE_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": lambda raw: zlib.compress(raw, wbits=-15),
    "cut gzip": lambda raw: gzip.compress(raw)[: len(raw) // 4],
    "two gzip members": lambda raw: gzip.compress(raw[:40]) + gzip.compress(raw[40:]),
}
HIDDEN = {f"<U+{code}>": chr(int(code, 16)) for code in ("2028", "2029", "0085", "FEFF")}

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Plant:
    """An answer with the canary in it. `place`: where, without the number of the frame."""

    name: str
    place: Path_
    script: Script


@dataclass(frozen=True)
class Dialogue:
    """One answer. `sees`: see the test; `ask`: members of the request."""

    family: str
    name: str
    source: str
    body: str
    sees: dict[str, Any]
    surface: str = "chat"
    ask: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    type: str | None = ""
    headers: dict[str, str] = field(default_factory=dict)
    lines: str = "lf"
    pieces: int = 0
    packed: str = ""

    @property
    def is_stream(self) -> bool:
        return self.body.lstrip().startswith(("data:", ":", "event:", "id:", "<U+FEFF>data:"))

    def request(self, stream: bool) -> dict[str, Any]:
        said = {"chat": {"messages": [{"role": "user", "content": "hello"}]}, "completions": {"prompt": "hello"}}
        text = said.get(self.surface, {"input": "hello"})
        return {"model": "m", **text, **({"stream": True} if stream else {}), **self.ask}

    def script(self, body: str | None = None) -> Script:
        raw = encoded(self.body if body is None else body, LINE_ENDS[self.lines])
        if self.packed:
            raw = PACKERS[self.packed](raw)
        size = self.pieces or max(len(raw), 1)
        kind = (SSE if self.is_stream else JSON) if self.type == "" else self.type
        names = dict(self.headers)
        if self.packed:
            names.setdefault("content-encoding", self.packed.split()[-1].replace("members", "gzip"))
        pieces = tuple(raw[at : at + size] for at in range(0, len(raw), size))
        return Script(pieces or (b"",), status=self.status, content_type=kind, headers=tuple(names.items()))

    def plants(self) -> list[Plant]:
        return [replace(plant, script=self.script(body)) for plant, body in self._planted()]

    def _planted(self) -> Iterator[tuple[Plant, str]]:
        frames = self.body.split("\n") if self.is_stream else [self.body]
        heard = frames[: frames.index(DONE)] if DONE in frames else frames
        payloads = {at: tree for at, frame in enumerate(heard) if (tree := payload(frame)) is not None}
        places: dict[Path_, list[tuple[int, Path_]]] = {}
        for at, tree in payloads.items():
            for path in strings(tree):
                places.setdefault(path, []).append((at, path))
        for place, where in places.items():
            yield planted(place, frames, payloads, {where[0]: f" {CANARY} "}, "whole")
            if len(where) > 1 and is_joined([payloads[at] for at, _ in where[:2]], place):
                yield planted(place, frames, payloads, {where[0]: HALVES[0], where[1]: HALVES[1]}, "in two")
        for at, frame in enumerate(frames):
            if self.is_stream and frame.startswith((":", "event:")):
                changed = [*frames[:at], f"{frame} {CANARY}", *frames[at + 1 :]]
                yield Plant(frame, (), Script()), "\n".join(changed)


def is_joined(two: list[Any], place: Path_) -> bool:
    """A text that goes on: not in one of several choices, nor in a call that begins anew with a name."""
    several = any(len(tree.get("choices") or []) > 1 for tree in two)
    named = [call.get("function", {}).get("name") for tree in two for call in calls_in(tree)]
    anew = "tool_calls" in place and len(set(filter(None, named))) > 1
    return bool({"delta", "text"} & set(place)) and not several and not anew


def calls_in(tree: Any) -> list[Any]:
    held = [choice.get("delta") or {} for choice in tree.get("choices") or []]
    return [call for delta in held if isinstance(delta.get("tool_calls"), list) for call in delta["tool_calls"]]


def encoded(body: str, line_end: str) -> bytes:
    for token, character in HIDDEN.items():
        body = body.replace(token, character)
    raw = body.replace("\n", line_end).encode()
    for byte in (b"FF", b"C3"):
        raw = raw.replace(b"<x" + byte + b">", bytes.fromhex(byte.decode()))
    return raw


def payload(frame: str) -> Any:
    try:
        return json.loads(frame.removeprefix("<U+FEFF>").removeprefix("data:"))
    except ValueError:
        return None


def strings(tree: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(tree, str):
        yield path
    elif isinstance(tree, dict | list):
        for step, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from strings(value, (*path, step))


def planted(
    place: Path_, frames: list[str], payloads: dict[int, Any], words: dict[tuple[int, Path_], str], how: str
) -> tuple[Plant, str]:
    changed = list(frames)
    for (at, path), word in words.items():
        tree = json.loads(json.dumps(payloads[at]))
        holder = tree
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = with_word(holder[path[-1]], word)
        changed[at] = ("data: " if "data:" in frames[at][:15] else "") + json.dumps(tree, ensure_ascii=False)
    return Plant(f"{'.'.join(map(str, place))} {how}", place, Script()), "\n".join(changed)


def with_word(held: str, word: str) -> str:
    """Behind the text; whole arguments stay JSON, and the second half of a word comes first."""
    if word == HALVES[1]:
        return word + held
    return held[:-2] + word + held[-2:] if word not in HALVES and held.endswith('"}') else held + word


@dataclass
class Seen:
    """What a client understands."""

    status: int
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    finish: str | None = None
    finishes: set[str] = field(default_factory=set)
    calls: dict[Any, dict[str, Any]] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    error: str | None = None
    trees: list[Any] = field(default_factory=list)


def seen(answer: Any, stream: bool) -> Seen:
    out = Seen(answer.status_code)
    if stream and answer.headers["content-type"].startswith("text/event-stream"):
        *frames, last = [f for f in answer.text.split("\n\n") if f and not f.startswith(":")]
        assert last == "data: [DONE]"
        assert all(f.startswith("data: ") and "\n" not in f for f in frames)
        out.trees = [json.loads(f.removeprefix("data: ")) for f in frames]
    else:
        assert answer.headers["content-type"] == JSON
        out.trees = [answer.json()]
    for tree in out.trees:
        out.error = tree["error"]["code"] if tree.get("error") else out.error
        out.usage = tree.get("usage") or out.usage
        for choice in tree.get("choices", []):
            out.finishes.add(choice.get("finish_reason"))
            if choice.get("index", 0) == 0:
                _read_choice(out, choice)
    return out


def _read_choice(out: Seen, choice: dict[str, Any]) -> None:
    out.finish = choice.get("finish_reason") or out.finish
    held = choice.get("delta") or choice.get("message") or {}
    content = held.get("content") or choice.get("text") or ""
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        out.text += part["text"] if part["type"] == "text" else ""
        out.reasoning += "".join(one["text"] for one in part.get("thinking", []))
    out.reasoning += held.get("reasoning_content") or held.get("reasoning") or ""
    out.refusal += held.get("refusal") or ""
    for at, call in enumerate(held.get("tool_calls") or []):
        name = call["function"].get("name") or ""
        key = call.get("index", name or at)
        called = out.calls.setdefault(key, {"name": "", "arguments": ""})
        called["name"] = name or called["name"]
        called["arguments"] += call["function"].get("arguments") or ""


def found(trees: list[Any], path: str) -> list[Any]:
    """The values at a dotted path in any of the trees; `*` is the delta or the message."""
    out = []
    for tree in trees:
        value = tree
        for step in path.split("."):
            if isinstance(value, list):
                value = value[int(step)] if len(value) > int(step) else None
            elif isinstance(value, dict):
                value = (value.get("delta") or value.get("message")) if step == "*" else value.get(step)
        out.append(value)
    return out


def every_string(trees: list[Any]) -> str:
    """All strings and names of an answer, those at one place joined as clients join the pieces of a stream."""
    places: dict[Path_, list[str]] = {}
    for tree in trees:
        for path in strings(tree):
            value = tree
            for step in path:
                value = value[step]
            choice = tree["choices"][path[1]].get("index") if path[0] == "choices" else None
            places.setdefault((*path, choice), []).append(value)
    return "\n".join("".join(pieces) for pieces in places.values()) + json.dumps(trees)


def dialogues() -> list[Dialogue]:
    out = []
    for file in sorted(FOLDER.glob("*.yaml")):
        page = yaml.safe_load(file.read_text(encoding="utf-8"))
        out += [Dialogue(page["upstream"], **{"source": page["source"], **row}) for row in page["dialogues"]]
    return out
