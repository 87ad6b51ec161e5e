"""An upstream that answers the other way than asked: JSON for a stream, or a stream for JSON.

as_chunks(tree) -> list[Tree]          a plain answer as the chunks of a stream
Collector().add(chunk), .tree() -> Tree      the chunks of a stream as one plain answer
"""

from __future__ import annotations

from typing import Any

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import CallKeys, calls_of, choices_of
from guardproxy.wire.body import Tree

_JOINED = frozenset({"content", "refusal", "reasoning_content", "reasoning", "arguments", "input"})
"""Strings that come in pieces. All others come whole, if more than once then the same again."""

_PARTS_OF_CHOICE = frozenset({"delta", "message", "index", "logprobs"})


def as_chunks(tree: Tree) -> list[Tree]:
    """Two chunks for each choice, text and finish, and one for the usage. Raises UpstreamBadAnswer."""
    choices = choices_of(tree)
    if not choices:
        raise UpstreamBadAnswer("the upstream's answer has no choices")
    frame = {**{k: v for k, v in tree.items() if k not in {"choices", "usage"}}, "object": "chat.completion.chunk"}
    out: list[Tree] = []
    for at, choice in enumerate(choices):
        delta = _as_delta(choice.get("message"))
        rest = {name: value for name, value in choice.items() if name not in {"message", "index"}}
        finish = rest.pop("finish_reason", None) or "stop"
        out.append({**frame, "choices": [{**rest, "index": at, "delta": delta, "finish_reason": None}]})
        out.append({**frame, "choices": [{"index": at, "delta": {}, "finish_reason": finish}]})
    if isinstance(tree.get("usage"), dict):
        out.append({**frame, "choices": [], "usage": tree["usage"]})
    return out


def _as_delta(message: Any) -> Tree:
    delta = dict(message) if isinstance(message, dict) else {}
    if calls := calls_of(delta):
        delta["tool_calls"] = [{"index": at, **c} if isinstance(c, dict) else c for at, c in enumerate(calls)]
    return delta


class Collector:
    """Joins chunks, as client libraries do. Text of a choice ends up in its `message`."""

    def __init__(self) -> None:
        self._top: Tree = {}
        self._choices: dict[int, Tree] = {}
        self._keys: dict[int, CallKeys] = {}

    def add(self, chunk: Tree) -> None:
        """One chunk more. Raises UpstreamBadAnswer on an error frame."""
        choices = choices_of({**chunk, "choices": [] if chunk.get("choices") is None else chunk["choices"]})
        _renew(self._top, {name: value for name, value in chunk.items() if name != "choices"})
        for choice in choices:
            index = choice.get("index")
            index = index if isinstance(index, int) else 0
            whole = self._choices.setdefault(index, {"index": index, "message": {}, "finish_reason": None})
            rest = {name: value for name, value in choice.items() if name not in _PARTS_OF_CHOICE}
            _renew(whole, rest)
            if isinstance(choice.get("logprobs"), dict):
                _join(whole, {"logprobs": choice["logprobs"]})
            if isinstance(choice.get("delta"), dict):
                self._merge(index, whole["message"], choice["delta"])

    def tree(self) -> Tree:
        """The answer. Raises UpstreamBadAnswer when a choice has no end: half an answer is no answer."""
        if not self._choices or not all(choice["finish_reason"] for choice in self._choices.values()):
            raise UpstreamBadAnswer("the upstream's stream was cut", kind="reset")
        choices = [self._finished(choice) for _, choice in sorted(self._choices.items())]
        return {**self._top, "object": "chat.completion", "choices": choices}

    @staticmethod
    def _finished(choice: Tree) -> Tree:
        calls = choice["message"].pop("tool_calls", None)
        message = {"role": "assistant", "content": None, **choice["message"]}
        if calls:
            message["tool_calls"] = list(calls.values())
        return {**choice, "message": message}

    def _merge(self, index: int, message: Tree, delta: Tree) -> None:
        keys = self._keys.setdefault(index, CallKeys())
        for name, value in delta.items():
            if name == "tool_calls":
                calls = message.setdefault("tool_calls", {})
                for at, call in enumerate(calls_of(delta)):
                    if isinstance(call, dict):
                        _join(calls.setdefault(keys.key(call, at), {}), {k: v for k, v in call.items() if k != "index"})
            else:
                _join(message, {name: value})


def _renew(whole: Tree, piece: Tree) -> None:
    """What comes whole: the last counts, but nothing empty takes the place of something (Azure's last chunks)."""
    for name, value in piece.items():
        if value is not None and (value or not whole.get(name)):
            whole[name] = value


def _join(whole: Tree, piece: Tree) -> None:
    for name, value in piece.items():
        held = whole.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            _join(held, value)
        elif isinstance(held, list) and isinstance(value, list):
            whole[name] = [*held, *value]
        elif isinstance(held, str) and isinstance(value, str) and name in _JOINED:
            whole[name] = held + value
        elif name == "content" and isinstance(held, str | list) and isinstance(value, str | list):
            whole[name] = [*_parts(held), *_parts(value)]
        elif (value is not None and (value != "" or not held)) or name not in whole:
            whole[name] = dict(value) if isinstance(value, dict) else value


def _parts(content: str | list[Any]) -> list[Any]:
    """Content as a list; some servers send parts for the thinking and strings for the rest."""
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []
