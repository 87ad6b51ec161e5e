"""Every item and event of the stock SDK's Responses types, made from the types themselves, with a word in one place."""

import copy
import typing

from openai.types.responses import ResponseOutputItem, ResponseStreamEvent


def members(union):
    """The classes of a union, whatever it is wrapped in."""
    while typing.get_origin(union) is typing.Annotated:
        union = typing.get_args(union)[0]
    args = typing.get_args(union)
    return [one for arg in args for one in members(arg)] if args else [union]


def made(kind, depth=0):
    """A value of a type with everything in it; strings say what they are in a harmless word."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return made(args[0], depth)
    if origin is typing.Literal:
        return args[0]
    if origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
        return made(args[0], depth)
    if origin is list:
        kinds = members(args[0]) if depth < 6 else members(args[0])[:1]
        return [made(one, depth + 1) for one in kinds]
    if origin is dict:
        return {"key": made(args[1], depth + 1)}
    if hasattr(kind, "model_fields"):
        return {
            name: made(f.annotation, depth + 1) for name, f in kind.model_fields.items() if f.annotation is not None
        }
    return {str: "calm", int: 0, float: 1.0, bool: True, object: {"key": "calm"}}.get(kind)


ITEMS = {one["type"]: one for one in (made(kind) for kind in members(ResponseOutputItem))}
EVENTS = {one["type"]: one for one in (made(kind) for kind in members(ResponseStreamEvent))}


def places(tree, path=()):
    """The paths of all strings."""
    if isinstance(tree, str):
        yield path
    elif isinstance(tree, dict):
        for name, member in tree.items():
            yield from places(member, (*path, name))
    elif isinstance(tree, list):
        for at, member in enumerate(tree):
            yield from places(member, (*path, at))


def with_word(tree, path, word):
    """A copy with a word at a place."""
    out = copy.deepcopy(tree)
    holder = out
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = word
    return out
