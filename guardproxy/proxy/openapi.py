"""The OpenAPI 3.1 document of the data listener, made from its table of doors.

    document() -> Tree      every path that is served; ValueError for a door whose schemas nobody wrote
    text() -> str           as it lies in docs/openapi.json

`python -m guardproxy.proxy.openapi` prints it. It is not served: `/openapi.json` is 404 there (wire.md 1.7).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from guardproxy import __version__
from guardproxy.core.rules import Action
from guardproxy.proxy.app import DOORS, MODELS, Door
from guardproxy.wire import answer_schemas, request_schemas
from guardproxy.wire.body import Tree
from guardproxy.wire.detector_api import HEADER
from guardproxy.wire.request_schemas import ref, shaped

JSON, EVENTS = "application/json", "text/event-stream"
TITLES = {
    "chat_completions": "A conversation, answered by the model behind the guard",
    "completions": "A text, continued by the model behind the guard",
    "embeddings": "Vectors of texts that the policy lets pass",
    "responses": "OpenAI's Responses, answered by the model behind the guard",
    "messages": "Anthropic's messages, answered by the model behind the guard",
    "moderations": "OpenAI's moderations, answered by our own detectors",
    "guard_check": "What the policy says of a text or a conversation; no model is called",
    "text_contents": "The FMS detector API: our detectors for another orchestrator; loopback, or a key with the scope detector",
}
PLAIN = "Plain"
ERRORS = {"messages": "MessagesError", "text_contents": "DetectorError"}
_REASONS = {
    "400": "The request is wrong, holds what cannot be checked, or is refused where no text can be put",
    "401": "Where keys are needed: none, one that is not known or no longer, or two different ones",
    "403": "This path is served on loopback, or to keys with the scope detector",
    "404": "No such policy, detector or model",
    "405": "The method is wrong; `Allow` says which is right",
    "408": "The body did not come in time",
    "413": "The body or a text is too large",
    "415": "Send application/json, UTF-8, without Content-Encoding",
    "429": "Too many requests at once, here or at the model server, or a limit of the key or its tenant",
    "4XX": "An error of the model server that keeps its status",
    "502": "The model server cannot be reached, failed, or answered with something else than the protocol says",
    "503": "The guard, the decision log or the model is not ready. Never a refusal",
    "504": "The model server was silent for too long",
}
_OURS = ("400", "401", "405", "408", "413", "415", "429", "503")
_FORWARDED = ("404", "4XX", "502", "504")


def document() -> Tree:
    """All paths with their requests, answers, errors and headers."""
    paths = {path: {"post": _posted(door)} for path, door in DOORS.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "guardproxy",
            "version": __version__,
            "description": "An OpenAI-compatible guard in front of a model server. Fields not named here pass through.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {**paths, **_models(), **_plain()},
        "security": [{}, *({name: []} for name in _KEYS)],
        "components": {
            "schemas": {**request_schemas.PARTS, **answer_schemas.PARTS},
            "headers": _HEADERS,
            "securitySchemes": _KEYS,
            "responses": _error_answers(),
        },
    }


def text() -> str:
    """The document as one file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


_HEADERS: Tree = {
    "x-guardproxy-decision": {
        "description": "What was done; in a stream what is known when the head goes out",
        "required": True,
        "schema": {"enum": [*(action.word for action in Action), "error"]},
    },
    "x-guardproxy-decision-id": {
        "description": "128 random bits: what an end user quotes in an appeal",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{20,32}$"},
    },
    "x-guardproxy-policy": {"description": "name@revision", "schema": {"type": "string", "pattern": "^.+@[0-9]+$"}},
    "x-guardproxy-policy-hash": {"schema": {"type": "string", "minLength": 1}},
    "x-guardproxy-rule": {"description": "The rule that acted", "schema": {"type": "string", "minLength": 1}},
    "x-guardproxy-checked": {
        "description": "The stages that really ran",
        "schema": {"enum": ["input", "output", "input,output"]},
    },
}
_KEYS: Tree = {
    "bearer": {"type": "http", "scheme": "bearer"},
    **{name: {"type": "apiKey", "in": "header", "name": name} for name in ("x-api-key", "api-key")},
}
"""One key under three names; a service without keys asks for none."""
_EVERY_ANSWER = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
_LANGUAGE = [
    {
        "name": f"x-guardproxy-{name}",
        "in": "header",
        "required": False,
        "description": why,
        "schema": {"type": "string"},
    }
    for name, why in (("locale", "language of our texts"), ("country", "whose help lines are named"))
]
_DETECTOR = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "description": "The id of a detector, or policy:<name>",
    "schema": {"type": "string", "minLength": 1},
}


def _posted(door: Door) -> Tree:
    """One door. A door that is not in the tables has no schemas, and the document cannot be made."""
    name = door.surface
    if not (name in TITLES and name in request_schemas.REQUESTS and name in answer_schemas.ANSWERS):
        raise ValueError(f"write the schemas of {name}: wire/request_schemas.py, wire/answer_schemas.py, TITLES here")
    content: Tree = {JSON: {"schema": answer_schemas.ANSWERS[name]}}
    if name in answer_schemas.EVENTS:
        # OpenAPI 3.1 has no word for what the events of a stream hold.
        content[EVENTS] = {"x-event-schema": answer_schemas.EVENTS[name]}
    statuses = [*_OURS, *(_FORWARDED if door.forwards else ()), *(("403", "404") if name == "text_contents" else ())]
    shape = ERRORS.get(name, "Error")
    return {
        "operationId": name,
        "summary": TITLES[name],
        "parameters": [*_LANGUAGE, *([_DETECTOR] if name == "text_contents" else [])],
        "requestBody": {"required": True, "content": {JSON: {"schema": request_schemas.REQUESTS[name]}}},
        "responses": {
            "200": {"description": "Answered, or refused politely", "headers": _EVERY_ANSWER, "content": content},
            **_errors(statuses, shape),
        },
    }


def _errors(statuses: Iterable[str], shape: str = "Error") -> Tree:
    return {status: {"$ref": f"#/components/responses/{shape}{status}"} for status in sorted(statuses)}


def _error_answers() -> Tree:
    """Each shape with each status; `Plain`: where nothing is decided, so there are no headers of ours."""
    out = {}
    for shape in ("Error", PLAIN, *ERRORS.values()):
        headers = {} if shape == PLAIN else {"headers": _EVERY_ANSWER}
        content = {JSON: {"schema": ref("Error" if shape == PLAIN else shape)}}
        for status, why in _REASONS.items():
            out[shape + status] = {"description": why, **headers, "content": content}
    return out


def _models() -> Tree:
    """The upstream's list: nothing is decided, so no headers of ours."""
    statuses = ("401", "405", *_FORWARDED, "429", "503")
    one = shaped({"data": {"type": "array", "items": ref("Model")}}, "data")
    name = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return {
        MODELS: {"get": _got("models", "The models that may be asked for", JSON, one, _errors(statuses, PLAIN))},
        f"{MODELS}/{{id}}": {
            "parameters": [name],
            "get": _got("model", "One of them", JSON, ref("Model"), _errors(statuses, PLAIN)),
        },
    }


def _plain() -> Tree:
    """What is no surface: the front door and the probes."""
    status = shaped({"status": {"type": "string"}}, "status")
    wrong = _errors(("405",), PLAIN)
    return {
        "/": {"get": _got("front", "A line that says what this is", "text/plain", {"type": "string"}, wrong)},
        "/healthz": {"get": _got("healthz", "The process lives", JSON, status, wrong)},
        "/readyz": {"get": _got("readyz", "It serves, with these policies", JSON, status, wrong)},
    }


def _got(name: str, summary: str, kind: str, schema: Tree, errors: Tree) -> Tree:
    answered = {"description": "As asked for", "content": {kind: {"schema": schema}}}
    return {"operationId": name, "summary": summary, "responses": {"200": answered, **errors}}


if __name__ == "__main__":
    sys.stdout.write(text())
