"""What a client of ours understands of an answer.

seen(answer, stream) -> Seen             status, text, finish reason, calls, usage, error
found(trees, path) -> list               the values at a dotted path
every_string(trees) -> str               all strings of an answer, pieces joined as clients join them
strings(tree) -> Iterator[path]          where strings stand in JSON
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from guardproxy.testing.scripts import JSON

Path = tuple[str | int, ...]


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
    places: dict[Path, list[str]] = {}
    for tree in trees:
        for path in strings(tree):
            value = tree
            for step in path:
                value = value[step]
            choice = tree["choices"][path[1]].get("index") if path[0] == "choices" else None
            places.setdefault((*path, choice), []).append(value)
    return "\n".join("".join(pieces) for pieces in places.values()) + json.dumps(trees)


def strings(tree: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(tree, str):
        yield path
    elif isinstance(tree, dict | list):
        for step, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from strings(value, (*path, step))
