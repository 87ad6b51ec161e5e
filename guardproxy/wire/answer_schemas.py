"""JSON Schemas of the answers: what a client may rely on. A model server's own fields come beside it.

ANSWERS: dict[str, Tree]        a schema for each surface name
EVENTS: dict[str, Tree]         of one event of a surface's stream
PARTS: dict[str, Tree]          components: errors, our own member, moderation results
"""

from __future__ import annotations

from guardproxy.core.rules import Action
from guardproxy.wire.body import Tree
from guardproxy.wire.request_schemas import OBJECT, TEXT, listed, nullable, ref, shaped

_WORDS = [*(action.word for action in Action), "error"]
_ID: Tree = {"type": "string", "minLength": 1}
_INDEX: Tree = {"type": "integer", "minimum": 0}
_SCORE = {"enum": [0, 0.25, 0.5, 0.75, 1]}
_FINISH = nullable("string", minLength=1)
_OURS = {"guardproxy": ref("Guardproxy")}


def _map_of(value: Tree) -> Tree:
    return {"type": "object", "additionalProperties": value}


def _exactly(properties: Tree, **more: object) -> Tree:
    """An object with all of these members and no other."""
    return shaped(properties, *properties, additionalProperties=False, **more)


_RESULT: Tree = {
    "flagged": {"type": "boolean"},
    "categories": _map_of({"type": "boolean"}),
    "category_scores": _map_of(_SCORE),
    "category_applied_input_types": _map_of({"const": ["text"]}),
}
_STAGE = {
    "oneOf": [
        shaped(
            {"type": {"const": "moderation_results"}, "model": _ID, "results": listed(ref("ModerationResult"))},
            "type",
            "model",
            "results",
        ),
        shaped({"type": {"const": "moderation_result"}, **_RESULT}, "type", *_RESULT),
        _exactly({"type": {"const": "error"}, "code": TEXT, "message": TEXT}),
    ]
}

PARTS: dict[str, Tree] = {
    "Error": _exactly(
        {
            "error": _exactly(
                {
                    "message": {"type": "string", "minLength": 1, "maxLength": 8192},
                    "type": {"enum": ["invalid_request_error", "server_error", "rate_limit_error"]},
                    "param": nullable("string"),
                    "code": {"type": "string", "minLength": 1, "maxLength": 64},
                }
            )
        },
        description="OpenAI's shape. `code` is one short word, `param` the place of the mistake.",
    ),
    "DetectorError": _exactly({"code": {"type": "integer"}, "message": TEXT}, description="FMS detector API."),
    "MessagesError": shaped(
        {"type": {"const": "error"}, "error": shaped({"type": _ID, "message": _ID}, "type", "message")},
        "type",
        "error",
        description="Anthropic's shape.",
    ),
    "Guardproxy": shaped(
        {
            "decision_id": _ID,
            "action": {"enum": _WORDS},
            "stage": {"enum": ["input", "output", None]},
            "policy": nullable("string"),
            "policy_hash": nullable("string"),
            "rule": nullable("string"),
            "hazards": listed(TEXT),
        },
        "decision_id",
        "action",
        "policy",
        "hazards",
        description="What was decided. Never matched text, a pattern, a threshold or a score.",
    ),
    "ModerationResult": shaped({"type": {"const": "moderation_result"}, **_RESULT}, *_RESULT),
    "InlineModeration": {"type": "object", "properties": {"input": _STAGE, "output": _STAGE}},
    "CheckResult": shaped(
        {
            "id": {"type": "string", "pattern": "^check-."},
            "decision_id": _ID,
            "action": {"enum": _WORDS},
            "stage": {"enum": ["input", "output", None]},
            "policy": _ID,
            "policy_hash": TEXT,
            "rule": nullable("string"),
            "hazards": listed(TEXT),
            "checked": listed({"enum": ["input", "output"]}),
            "message": nullable("string", minLength=1),
            "redacted": {"type": ["string", "array", "null"]},
            "moderation": ref("InlineModeration"),
        },
        *("id", "decision_id", "action", "stage", "policy", "policy_hash", "rule", "hazards"),
        *("checked", "message", "redacted", "moderation"),
        additionalProperties=False,
    ),
    "Model": shaped({"id": TEXT}, "id"),
}


def _choice(holder: str, inside: Tree) -> Tree:
    return shaped({"index": _INDEX, holder: inside, "finish_reason": _FINISH}, holder)


def _said(kind: str, choice: Tree) -> Tree:
    named = {"object": {"const": kind}, "choices": listed(choice)}
    return shaped({**named, "moderation": ref("InlineModeration"), **_OURS}, "choices")


_MESSAGE = shaped({"role": TEXT, "content": nullable("string"), "refusal": nullable("string")})
_DELTA = {"type": ["object", "null"], "properties": {"content": nullable("string"), "refusal": nullable("string")}}
_BLOCK = shaped({"type": _ID}, "type")

ANSWERS: dict[str, Tree] = {
    "chat_completions": _said("chat.completion", _choice("message", _MESSAGE)),
    "completions": _said("text_completion", _choice("text", TEXT)),
    "embeddings": shaped({"data": listed(shaped({"embedding": {"type": ["array", "string"]}}, "embedding"))}, "data"),
    "responses": shaped(
        {
            "object": {"const": "response"},
            "status": _ID,
            "output": listed(_BLOCK),
            "incomplete_details": nullable("object", properties={"reason": TEXT}),
            **_OURS,
        },
        "status",
        "output",
    ),
    "messages": shaped(
        {"type": {"const": "message"}, "content": listed(_BLOCK), "stop_reason": nullable("string"), **_OURS},
        "type",
        "content",
        "stop_reason",
    ),
    "moderations": _exactly(
        {
            "id": {"type": "string", "pattern": "^modr-."},
            "model": {"type": "string", "pattern": "^guardproxy-"},
            "results": listed(_exactly(_RESULT), minItems=1),
            "guardproxy": _exactly(
                {
                    "decision_id": _ID,
                    "policy": _ID,
                    "policy_hash": TEXT,
                    "checked": listed(TEXT),
                    "not_checked": listed(TEXT),
                    "not_covered": listed(TEXT),
                }
            ),
        }
    ),
    "guard_check": {"oneOf": [ref("CheckResult"), _exactly({"items": listed(ref("CheckResult"), minItems=1)})]},
    "text_contents": listed(
        listed(
            _exactly(
                {
                    "start": _INDEX,
                    "end": _INDEX,
                    "text": TEXT,
                    "detection": _ID,
                    "detection_type": _ID,
                    "detector_id": _ID,
                    "score": _SCORE,
                    "evidence": listed(OBJECT),
                }
            )
        )
    ),
}

_FAULT = {"allOf": [ref("Error")]}
_CHUNK = "chat.completion.chunk"
EVENTS: dict[str, Tree] = {
    # Some servers leave `finish_reason` out until there is one (transformers serve).
    # A fault after the head has gone out is an error frame and a finish chunk; a refusal never is one.
    "chat_completions": {"oneOf": [_said(_CHUNK, _choice("delta", _DELTA)), _FAULT]},
    "completions": {"oneOf": [_said("text_completion", _choice("text", TEXT)), _FAULT]},
    "responses": shaped({"type": _ID}, "type"),
    "messages": shaped({"type": _ID}, "type"),
}
