"""A corpus for `diff`: one exchange a line of a JSON Lines file.

| member | what |
|---|---|
| `text` | what a user says, or |
| `messages` | a conversation as in chat completions; an assistant message at the end is the answer |
| `assistant` | the answer, optional; alone it is an answer to nothing we know |
| `id` | a name for the report; without one the number of the line |
| `tenant`, `route` | by which the policy is chosen; optional |

Other members are left alone, so that labelled sets can be used as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from guardproxy.errors import BadRequest, UsageError
from guardproxy.proxy.routes import DEFAULT
from guardproxy.proxy.settings import TENANT
from guardproxy.wire.body import Limits
from guardproxy.wire.guard_check import CheckItem, parse_request

LIMITS = Limits(max_bytes=64 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange. `said` is all of it in words, for who asks to see them."""

    id: str
    item: CheckItem
    tenant: str = TENANT
    route: str = DEFAULT
    said: str = field(default="", repr=False)


def read_corpus(path: Path) -> Iterator[Row]:
    """Row by row; empty lines are skipped. Raises UsageError with the line of a row that cannot be read or counted."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            tree = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise UsageError(f"{path}:{number}: this line is no JSON") from None
        if not isinstance(tree, dict):
            raise UsageError(f"{path}:{number}: a row is an object with text or messages")
        try:
            row = row_of(tree, str(number))
        except BadRequest as error:
            raise UsageError(f"{path}:{number}: {error}" + (f" ({error.param})" if error.param else "")) from None
        if first.setdefault(row.id, number) != number:
            raise UsageError(f"{path}:{number}: this id stands already on line {first[row.id]}")
        yield row


def row_of(tree: Mapping[str, Any], number: str) -> Row:
    """One row. Raises BadRequest for what the check surface would not take."""
    messages = list(tree["messages"]) if isinstance(tree.get("messages"), list) else []
    if "messages" not in tree and "text" in tree:
        messages = [{"role": "user", "content": tree["text"]}]
    if tree.get("assistant") is not None:
        messages.append({"role": "assistant", "content": tree["assistant"]})
    item = parse_request({"messages": messages}, LIMITS).items[0]
    named = {key: tree[key] for key in ("tenant", "route") if isinstance(tree.get(key), str)}
    said = "\n".join(f"{m.role}: {part.text}" for m in item.whole.conversation.messages for part in m.parts)
    return Row(str(tree.get("id", number)), item, said=said, **named)
