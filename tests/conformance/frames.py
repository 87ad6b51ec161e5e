"""Event streams as strict clients read them: bytes → events, and a chat stream → the answer it spells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One event: its name ("" for a nameless one) and its data."""

    name: str
    data: str


def frames(raw: bytes) -> list[Frame]:
    """All events; AssertionError where a line is neither `event:`, `data:` nor a comment, or an event is half."""
    text = raw.decode("utf-8")
    assert text.endswith("\n\n"), "the stream ends inside an event"
    assert "\r" not in text, "line ends are LF"
    found = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        name, data = "", []
        for line in block.split("\n"):
            field, _, value = line.partition(": ")
            assert field in ("event", "data", "") or line.startswith(":"), f"a line of another kind: {field!r}"
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        assert len(data) <= 1, "one event, one line of data"
        if data:
            found.append(Frame(name, data[0]))
    return found


def chunks(raw: bytes) -> list[Tree]:
    """The chunks of a chat or text stream: nameless events, `[DONE]` once and last."""
    found = frames(raw)
    assert all(frame.name == "" for frame in found), "no named events here"
    assert [frame.data for frame in found].count("[DONE]") == 1, "[DONE] once"
    assert found[-1].data == "[DONE]", "[DONE] last"
    listed = [json.loads(frame.data) for frame in found[:-1]]
    marked = [at for at, chunk in enumerate(listed) if "guardproxy" in chunk]
    assert marked in ([], [max(at for at, chunk in enumerate(listed) if chunk.get("choices"))]), "the last with choices"
    return listed


def collected(pieces: Iterable[Tree], holder: str, text: str = "") -> Tree:
    """What the chunks spell. AssertionError when a choice has not exactly one finish reason, at its end.

    `holder` is the member that the pieces of a choice are collected into; `text`: the legacy form, text beside them.
    """
    out: Tree = {}
    choices: dict[int, Tree] = {}
    for piece in pieces:
        if "error" in piece:
            out["error"] = piece["error"]
            continue
        _merge(out, {name: value for name, value in piece.items() if name != "choices"})
        for given in piece["choices"]:
            choice = choices.setdefault(given["index"], {})
            assert choice.get("finish_reason") is None, "a choice goes on after its finish"
            delta = {text: given.get(text)} if text else given.get("delta") or {}
            assert text or not choice.get(holder) or delta.get("role") is None, "a second role chunk"
            spoke = choice.get(holder, {}).get("role") or delta.get("role")
            assert text or spoke or not delta, "text before its role"
            if isinstance(delta.get("content"), list):
                delta = {**delta, "content": "".join(part.get("text", "") for part in delta["content"])}
            _merge(choice.setdefault(holder, {}), delta)
            rest = {n: v for n, v in given.items() if n not in ("index", "delta", "finish_reason", "logprobs", text)}
            _merge(choice, rest)
            if given.get("logprobs"):
                _merge(choice.setdefault("logprobs", {}), given["logprobs"])
            choice["finish_reason"] = given.get("finish_reason")
    assert choices, "no choice at all"
    assert all(choice.get("finish_reason") for choice in choices.values()), "a choice without a finish"
    out["choices"] = [choices[at] for at in sorted(choices)]
    return out


_ONCE = frozenset({"id", "object", "created", "model", "type", "role", "name"})


def _merge(into: Tree, more: Tree) -> None:
    """Strings grow, lists with indexes merge by index, other lists grow; all else is replaced."""
    for name, value in more.items():
        old = into.get(name)
        if value is None and name in into:
            continue
        if isinstance(value, str) and isinstance(old, str) and name not in _ONCE:
            into[name] = old + value
        elif isinstance(value, list) and isinstance(old, list):
            _merge_lists(old, value)
        elif isinstance(value, dict) and isinstance(old, dict):
            _merge(old, value)
        else:
            into[name] = json.loads(json.dumps(value))


def _merge_lists(old: list[Any], more: list[Any]) -> None:
    by_index = {item["index"]: item for item in old if isinstance(item, dict) and "index" in item}
    for item in more:
        index = item.get("index") if isinstance(item, dict) else None
        if index in by_index:
            _merge(by_index[index], item)
        else:
            old.append(item)
