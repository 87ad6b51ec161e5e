"""`GET /v1/models`: the upstream's list, cut to what a route allows; unknown fields survive.

read_models(raw) -> dict                                raises errors.UpstreamBadAnswer
without(tree, hides) -> dict                            what a caller may know of it
listed(tree, allowed, aliases) -> bytes                 the list for a client
found(tree, name, allowed, aliases) -> bytes | None     one entry, None for 404
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import load_answer
from guardproxy.wire.body import Tree, serialise


def read_models(raw: bytes) -> Tree:
    """The upstream's list. Raises UpstreamBadAnswer unless it has one."""
    tree = load_answer(raw)
    if not isinstance(tree.get("data"), list):
        raise UpstreamBadAnswer("the upstream's list of models has no data")
    return tree


def without(tree: Tree, hides: Callable[[str], bool]) -> Tree:
    """The list without the models that a caller may not know of."""

    def seen(entry: Any, key: str) -> bool:
        return not (isinstance(entry, dict) and isinstance(entry.get(key), str) and hides(entry[key]))

    out = {**tree, "data": [entry for entry in tree["data"] if seen(entry, "id")]}
    if isinstance(tree.get("models"), list):
        out["models"] = [entry for entry in tree["models"] if seen(entry, "model")]
    return out


def listed(tree: Tree, allowed: Iterable[str] | None = None, aliases: Mapping[str, str] | None = None) -> bytes:
    """All entries that are allowed (None: all), then the aliases whose model is there.

    A model of the upstream with the name of an alias is another one, and cannot be reached.
    llama.cpp sends a second list, `models`; it is cut in the same way.
    """
    names, own = None if allowed is None else frozenset(allowed), aliases or {}
    entries = [entry for entry in tree["data"] if _passes(entry, names, "id") and entry.get("id") not in own]
    for alias, model in own.items():
        target = next((entry for entry in tree["data"] if isinstance(entry, dict) and entry.get("id") == model), None)
        if target is not None:
            entries.append({**target, "id": alias})
    out = {**tree, "data": entries}
    if isinstance(tree.get("models"), list):
        out["models"] = [
            entry for entry in tree["models"] if _passes(entry, names, "model") and entry.get("model") not in own
        ]
    return serialise(out)


def found(
    tree: Tree, name: str, allowed: Iterable[str] | None = None, aliases: Mapping[str, str] | None = None
) -> bytes | None:
    """The entry of one model under the name the client used."""
    names = None if allowed is None else frozenset(allowed)
    wanted = (aliases or {}).get(name, name)
    for entry in tree["data"]:
        if isinstance(entry, dict) and entry.get("id") == wanted and (wanted != name or _passes(entry, names, "id")):
            return serialise({**entry, "id": name})
    return None


def _passes(entry: Any, names: frozenset[str] | None, key: str) -> bool:
    return isinstance(entry, dict) and (names is None or entry.get(key) in names)
