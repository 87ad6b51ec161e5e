"""The JSON Schema of a policy, for editors: completion, and marks while one types.

It is made of the readers that check policies (`shaped.py`), so a key the loader knows is a key the editor knows. It may
take what the loader refuses (durations out of range, patterns that are not RE2, what only several files show); it never
refuses what the loader takes. Loading never asks it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from guardproxy.policy.cells import CELL, TEXTS
from guardproxy.policy.document import MOST_RULES, MOST_TESTS
from guardproxy.policy.reader import plain, read
from guardproxy.policy.rulekeys import KINDS, RULE, SCOPES, STAGES, detector, hazard
from guardproxy.policy.shaped import Shape, a_list, closed
from guardproxy.policy.testkeys import SCORES, TEST, expected
from guardproxy.policy.topkeys import EXCEPTION, OVERRIDES, TOP
from guardproxy.policy.values import LOCALE, TEXT, ident, shape_of

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_HELP = Path(__file__).parent / "keys.yaml"
_ITEMS = {"rules": "rule", "override": "override", "exceptions": "exception", "tests": "test"}
"""The lists of a policy, and the tables that explain the keys of their items."""
_ACTS = ("thresholds", "on_match")
_SAID = ("user", "assistant", "messages", "scores")
_NAMED: Mapping[str, Shape] = {
    "hazard": hazard.shape,
    "detector": detector.shape,
    "name": ident.shape,
    "locale": LOCALE,
    "text": TEXT,
    "texts": TEXTS,
    "cell": CELL,
    "stages": STAGES.shape,
    "scopes": SCOPES.shape,
    "scores": SCORES.shape,
    "expected": expected.shape,
}


def schema() -> dict[str, Any]:
    """Of `policy/v1`, draft 2020-12. Shapes that stand at several places are under `$defs`."""
    lists = {
        "rules": a_list(_rule(), MOST_RULES),
        "override": a_list(shape_of(OVERRIDES), MOST_RULES),
        "exceptions": a_list(shape_of(EXCEPTION), MOST_RULES),
        "tests": a_list(_test(), MOST_TESTS),
    }
    known = shape_of(TOP)
    whole = {
        "title": "guardproxy policy/v1",
        **closed({**known["properties"], **lists}, tuple(known["required"])),
        "anyOf": [{"required": ["extends"]}, {"required": ["rules"], "properties": {"rules": {"minItems": 1}}}],
    }
    named = {name: _referring(shape, but=name) for name, shape in _NAMED.items()}
    made = {"$schema": DRAFT, **_referring(whole), "$defs": named}
    help_of: dict[str, dict[str, str]] = plain(read(_HELP))
    _explain(made, help_of["policy"])
    for key, table in _ITEMS.items():
        _explain(made["properties"][key]["items"], help_of[table])
    return made


def text() -> str:
    """The file `policies/schema/policy-v1.json`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _explain(shape: dict[str, Any], help_of: Mapping[str, str]) -> None:
    """Says beside each key what it is for."""
    for key, value in shape["properties"].items():
        shape["properties"][key] = {"description": help_of[key], **value}


def _rule() -> Shape:
    """`rulekeys.check_rule`, as far as it is about which keys stand beside each other."""
    return {
        **shape_of(RULE),
        "allOf": [
            {"oneOf": [{"required": [kind]} for kind in KINDS]},
            {"oneOf": [{"required": [key]} for key in _ACTS]},
            *_apart("words", "thresholds"),
            *_apart("pattern", "thresholds"),
            *_apart("hazard", "on_match"),
            *_apart("hazard", "counts_as"),
        ],
    }


def _test() -> Shape:
    """`testkeys.check_test`, likewise."""
    return {
        **shape_of(TEST),
        "allOf": [
            {"anyOf": [{"required": [key]} for key in (*_SAID, "turns")]},
            {"anyOf": [{"required": ["expect"]}, {"required": ["turns"]}]},
        ],
    }


def _apart(one: str, other: str) -> Iterator[Shape]:
    yield {"not": {"required": [one, other]}}


def _referring(shape: Any, *, but: str = "") -> Any:
    """The shape with what has a name replaced by a reference to it."""
    if isinstance(shape, Mapping):
        name = next((name for name, known in _NAMED.items() if shape == known and name != but), "")
        if name:
            return {"$ref": f"#/$defs/{name}"}
        return {key: _referring(value) for key, value in shape.items()}
    return [_referring(item) for item in shape] if isinstance(shape, list) else shape
