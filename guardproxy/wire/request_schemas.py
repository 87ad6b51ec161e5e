"""JSON Schemas of the requests: typed where we insist, open everywhere else.

    REQUESTS: dict[str, Tree]       a schema for each surface name; `$ref`s point into the document's components
    PARTS: dict[str, Tree]          what several of them refer to

A request that breaks its schema gets a 4xx; a test sends such ones. The reverse does not hold: what a detector
cannot read, a reference to history we do not see, or a body too large is refused although its shape is right.
"""

from __future__ import annotations

from typing import Any

from guardproxy.core.conversation import Role
from guardproxy.wire.body import Limits, Tree
from guardproxy.wire.detector_api import MOST_CONTENTS
from guardproxy.wire.guard_check import MOST_ITEMS
from guardproxy.wire.moderations import MOST_INPUTS

_LIMITS = Limits()
_STEERING = ("api_base", "base_url", "api_key", "organization")
_NAME = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
TEXT: Tree = {"type": "string"}
OBJECT: Tree = {"type": "object"}


def ref(name: str) -> Tree:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(kind: str, **more: Any) -> Tree:
    """A value of this type, or null."""
    return {"type": [kind, "null"], **more}


def listed(items: Tree, **more: Any) -> Tree:
    """A list of these."""
    return {"type": "array", "items": items, **more}


def shaped(properties: Tree, *required: str, **more: Any) -> Tree:
    """An object that may hold more than its properties."""
    return {"type": "object", "properties": properties, "required": list(required), **more}


_COUNT = nullable("integer", minimum=1, maximum=_LIMITS.max_choices)
_TOKENS = nullable("integer", maximum=_LIMITS.max_output_tokens)
_HEAD: Tree = {
    # A name that is only spaces is none. `stream` is a truth value: "true" and 1 are errors.
    "model": {"type": "string", "pattern": r"\S"},
    "stream": {"type": "boolean"},
    "n": _COUNT,
    "best_of": _COUNT,
    "max_tokens": _TOKENS,
    "max_completion_tokens": _TOKENS,
    "stream_options": nullable("object", properties={"include_usage": {"type": "boolean"}}),
    "extra_body": {"not": {"type": "object", "anyOf": [{"required": [name]} for name in _STEERING]}},
    # Where a request goes is the operator's business, and history that we cannot see is not served.
    "previous_response_id": {"enum": [None, False]},
    "conversation": {"enum": [None, False]},
    "background": {"enum": [None, False]},
    "prompt_embeds": {"enum": [None, False]},
}
_NO_STEERING: Tree = {"not": {"anyOf": [{"required": [name]} for name in _STEERING]}}
_TEXTS = {"oneOf": [TEXT, listed(TEXT, minItems=1, maxItems=_LIMITS.max_messages)]}
_TOOLS = {"type": ["array", "null"], "items": OBJECT, "maxItems": _LIMITS.max_tools}
_MODE = nullable("object", properties={"mode": {"enum": ["score", "block"]}}, required=["mode"])
_POLICY = nullable("object", properties={"input": _MODE, "output": _MODE})
_MODERATION = nullable("object", properties={"model": TEXT, "policy": _POLICY}, required=["model"])


def _called(holder: str) -> Tree:
    return shaped({holder: nullable("object", properties={"name": _NAME}, required=["name"])})


def _typed_text(kind: str) -> Tree:
    return shaped({"type": {"const": kind}, "text": TEXT}, "type", "text")


# A check may come with everything a chat request holds; only its model is nobody's.
_CHECKED = {name: schema for name, schema in _HEAD.items() if name != "model"}

PARTS: dict[str, Tree] = {
    "Message": shaped(
        {
            "role": {"enum": [role.value for role in Role]},
            "content": {"oneOf": [TEXT, listed(ref("ContentPart")), {"type": "null"}]},
            "tool_calls": nullable("array", items=_called("function")),
            "function_call": nullable("object", properties={"name": _NAME}, required=["name"]),
        },
        "role",
        # Only an assistant that calls, and a function's answer, may say nothing.
        anyOf=[
            shaped({"role": {"enum": [Role.ASSISTANT.value, Role.FUNCTION.value]}}),
            shaped({"content": {"type": ["string", "array"]}}, "content"),
        ],
    ),
    "ContentPart": {
        "oneOf": [
            shaped({"type": {"const": "text"}, "text": TEXT}, "type", "text"),
            shaped({"type": {"const": "refusal"}, "refusal": TEXT}, "type", "refusal"),
            *(
                shaped({"type": {"const": kind}, kind: {"type": ["object", "string"]}}, "type", kind)
                for kind in ("image_url", "input_audio", "file")
            ),
        ]
    },
    # Of the many kinds of items and blocks the common ones are written out; the last line stands for all others.
    "ResponseItem": {
        "anyOf": [
            shaped(
                {
                    "type": {"const": "message"},
                    "role": {"enum": ["user", "system", "developer"]},
                    "content": {"oneOf": [TEXT, listed(_typed_text("input_text"))]},
                },
                "role",
                "content",
            ),
            shaped({"type": {"const": "function_call"}, "name": _NAME, "arguments": TEXT}, "type", "name", "arguments"),
            shaped({"type": {"const": "function_call_output"}, "output": TEXT}, "type", "output"),
            shaped({"type": TEXT}, "type"),
        ]
    },
    "Turn": shaped(
        {
            "role": {"enum": ["user", "assistant", "system"]},
            "content": {"oneOf": [TEXT, listed(ref("Block"))]},
        },
        "role",
        "content",
    ),
    "Block": {
        "anyOf": [
            _typed_text("text"),
            shaped({"type": {"const": "tool_use"}, "name": _NAME, "input": OBJECT}, "type", "name", "input"),
            shaped({"type": {"const": "tool_result"}, "content": TEXT}, "type", "content"),
            shaped({"type": TEXT}, "type"),
        ]
    },
    "ModerationPart": {
        "oneOf": [
            shaped({"type": {"const": "text"}, "text": TEXT}, "type", "text"),
            shaped({"type": {"const": "image_url"}, "image_url": shaped({"url": TEXT}, "url")}, "type", "image_url"),
        ]
    },
    "Check": {
        "oneOf": [
            shaped(
                {"text": TEXT, "stage": {"enum": ["input", "output"]}},
                "text",
                additionalProperties=False,
            ),
            shaped(
                {**_CHECKED, "messages": listed(ref("Message"), minItems=1, maxItems=_LIMITS.max_messages)},
                "messages",
                **{"not": {"anyOf": [{"required": ["text"]}, {"required": ["stage"]}]}},
            ),
        ]
    },
}

REQUESTS: dict[str, Tree] = {
    "chat_completions": shaped(
        {
            **_HEAD,
            "messages": listed(ref("Message"), minItems=1, maxItems=_LIMITS.max_messages),
            "tools": _TOOLS,
            "functions": _TOOLS,
            "moderation": _MODERATION,
        },
        "model",
        "messages",
        **_NO_STEERING,
    ),
    "completions": shaped(
        {
            **_HEAD,
            "prompt": _TEXTS,
            "suffix": nullable("string"),
            "echo": nullable("boolean"),
            "messages": False,
            "moderation": {"enum": [None, False]},
        },
        "model",
        "prompt",
        **_NO_STEERING,
    ),
    "embeddings": shaped(
        {
            **_HEAD,
            "input": _TEXTS,
            "stream": {"const": False},
            "messages": False,
            "moderation": {"enum": [None, False]},
        },
        "model",
        "input",
        **_NO_STEERING,
    ),
    "responses": shaped(
        {
            "model": _HEAD["model"],
            "stream": _HEAD["stream"],
            "input": {"oneOf": [TEXT, listed(ref("ResponseItem"), minItems=1, maxItems=_LIMITS.max_messages)]},
            "instructions": nullable("string"),
            "moderation": _MODERATION,
        },
        "model",
        "input",
        **_NO_STEERING,
    ),
    "messages": shaped(
        {
            "model": _HEAD["model"],
            "stream": _HEAD["stream"],
            "max_tokens": _TOKENS,
            "system": {"oneOf": [TEXT, listed(ref("Block"))]},
            "messages": listed(ref("Turn"), minItems=1, maxItems=_LIMITS.max_messages),
            "tools": _TOOLS,
        },
        "model",
        "messages",
        **_NO_STEERING,
    ),
    "moderations": shaped(
        {
            "model": nullable("string"),
            "input": {
                "oneOf": [
                    TEXT,
                    listed(TEXT, minItems=1, maxItems=MOST_INPUTS),
                    listed(ref("ModerationPart"), minItems=1, maxItems=MOST_INPUTS),
                ]
            },
        },
        "input",
    ),
    "guard_check": {
        "anyOf": [
            shaped(
                {"text": TEXT, "stage": {"enum": ["input", "output"]}, "policy": nullable("string")},
                "text",
                additionalProperties=False,
            ),
            {"allOf": [ref("Check"), shaped({"policy": nullable("string"), "items": False}, "messages")]},
            shaped(
                {
                    "items": listed(ref("Check"), minItems=1, maxItems=MOST_ITEMS),
                    "policy": nullable("string"),
                },
                "items",
                additionalProperties=False,
            ),
        ]
    },
    "text_contents": shaped(
        {
            "contents": listed(TEXT, maxItems=MOST_CONTENTS),
            "detector_params": nullable(
                "object",
                properties={"threshold": {"type": "number", "minimum": 0, "maximum": 1}},
                additionalProperties=False,
            ),
        },
        "contents",
    ),
}
