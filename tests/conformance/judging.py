"""The surfaces that only judge: no model behind, and the answer is the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from guardproxy.testing.scripts import Script
from tests.conformance import chat
from tests.conformance.chat import QUESTION, data_url, parts
from tests.conformance.vocabulary import (
    HARD,
    INPUT,
    NOTICE,
    WITHHELD,
    Manners,
    Place,
    Seen,
    Tree,
    all_strings,
)

FLAGGED = ("shadow", "warn", "redact", "regenerate", "refuse")
NOTHING_BESIDE = "nothing but the text is read: no model gets anything of the request"


class Judging:
    """What the three have in common."""

    streams, judges = False, True
    headers: Mapping[str, str] = {}

    def calm(self, stream: bool) -> Script:
        raise AssertionError("no model is called here")

    def request(self, stage: str, place: Place, text: str, stream: bool) -> Tree:
        return place.body(text)


class Moderations(Judging):
    """Looks and reports: the policy's verdict is in the record, as a shadow's."""

    name, path = "moderations", "/v1/moderations"
    inputs: Mapping[str, Any] = {
        "user": Place(lambda text: {"input": text}),
        "parts": Place(lambda text: {"input": parts("First.", text)}),
        "part_border": Place(lambda text: {"input": parts("First", text, "Last")}, bare=True),
        "split": Place(lambda text: {"input": parts(*chat.halves(text))}, only=chat.WITHOUT_FAULT, why=chat.GLUED),
        "list": Place(lambda text: {"input": ["First.", text]}),
        "data_url": Place(
            lambda text: {"input": [*parts("Read it."), {"type": "image_url", "image_url": {"url": data_url(text)}}]}
        ),
    }
    outputs: Mapping[str, Place] = {}
    absent: Mapping[str, Any] = {"input": NOTHING_BESIDE, "output": "there is one stage: what is asked about"}
    how = Manners(acts=False, annotates=False)

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree = json.loads(raw)
        if status != 200:
            assert set(tree["error"]) == {"message", "type", "param", "code"}
            return Seen(error=tree["error"]["code"], tree=tree, strings=raw.decode())
        assert tree["id"].startswith("modr-")
        return Seen(tree=tree, strings="\n".join(all_strings(tree)))

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        *calm, last = seen.tree["results"]
        assert not any(result["flagged"] for result in calm)
        assert last["flagged"] is (action in FLAGGED)
        assert last["categories"]["custom"] is (action in FLAGGED)
        assert set(last["categories"]) == set(last["category_scores"]) == set(last["category_applied_input_types"])
        assert "action" not in seen.tree["guardproxy"], "nothing is decided here"


def asked(name: str) -> Place:
    """The chat place of that name, as a conversation to check."""
    return replace(chat.INPUTS[name], noticed=True, structured=False)


def answered(message: Tree) -> Tree:
    return {"messages": [QUESTION, {"role": "assistant", **message}]}


def with_call(text: str) -> Tree:
    call = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": json.dumps({"q": [text]})}}
    return {**answered({"content": None, "tool_calls": [call]}), "tools": [chat.TOOL]}


def with_custom(text: str) -> Tree:
    call = {"id": "c", "type": "custom", "custom": {"name": "look_up", "input": text}}
    return {**answered({"content": None, "tool_calls": [call]}), "tools": [chat.CUSTOM]}


def with_legacy(text: str) -> Tree:
    call = {"name": "look_up", "arguments": json.dumps({"q": text})}
    return {**answered({"content": None, "function_call": call}), "functions": [chat.TOOL["function"]]}


def with_title(text: str) -> Tree:
    cited = {"type": "url_citation", "url_citation": {"url": "https://example.org/", "title": text}}
    return answered({"content": "A.", "annotations": [cited]})


MESSAGE = ("redacted", -1)


class GuardCheck(Judging):
    """A decision like any other, without a model in the middle."""

    name, path = "guard_check", "/v1/guard/check"
    inputs: Mapping[str, Any] = {
        **{name: asked(name) for name in chat.INPUTS},
        "text": Place(lambda text: {"text": text}),
    }
    outputs: Mapping[str, Any] = {
        "content": Place(lambda text: answered({"content": text}), path=(*MESSAGE, "content")),
        "parts": Place(lambda text: answered({"content": parts(text)}), path=(*MESSAGE, "content", 0, "text")),
        "part_border": Place(
            lambda text: answered({"content": parts("First", text, "Last")}),
            path=(*MESSAGE, "content", 1, "text"),
            bare=True,
        ),
        "refusal": Place(lambda text: answered({"content": "", "refusal": text}), path=(*MESSAGE, "refusal")),
        "reasoning": Place(
            lambda text: answered({"content": "A.", "reasoning_content": text}), path=(*MESSAGE, "reasoning_content")
        ),
        "tool_arguments": Place(with_call, path=(*MESSAGE, "tool_calls", 0, "function", "arguments")),
        "reasoning_openrouter": Place(
            lambda text: answered({"content": "A.", "reasoning": text}), path=(*MESSAGE, "reasoning")
        ),
        "custom_input": Place(with_custom, path=(*MESSAGE, "tool_calls", 0, "custom", "input")),
        "legacy_arguments": Place(with_legacy, path=(*MESSAGE, "function_call", "arguments")),
        "split": Place(
            lambda text: answered({"content": parts(*chat.halves(text))}),
            only=chat.WITHOUT_FAULT,
            why="the word that breaks the detector is cut",
        ),
        "annotations": Place(with_title, path=(*MESSAGE, "annotations", 0, "url_citation", "title")),
        "unknown_name": Place(lambda text: answered({"content": "A.", text: 1}), lossy=True),
        "unknown": Place(lambda text: answered({"content": "A.", "x_note": text}), path=(*MESSAGE, "x_note")),
        "text": Place(lambda text: {"text": text, "stage": "output"}, path=("redacted",), alone=True),
    }
    absent: Mapping[str, Any] = {
        "output": "one assistant message is checked: no choices, no stream, no frame; a tool's name has its own grammar",
        "input": "a conversation has what a chat request has",
    }
    how = Manners()

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree = json.loads(raw)
        if status != 200:
            assert set(tree["error"]) == {"message", "type", "param", "code"}
            return Seen(error=tree["error"]["code"], tree=tree, strings=raw.decode())
        wanted = ("decision_id", "action", "stage", "policy", "policy_hash", "rule", "hazards")
        annotation = {name: tree[name] for name in wanted}
        return Seen(tree["message"] or "", annotation=annotation, tree=tree, strings="\n".join(all_strings(tree)))

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        outcome = "allow" if action in ("shadow", "open") else place.becomes.get(action, action)
        tree = seen.tree
        assert tree["action"] == outcome
        assert tree["stage"] == (stage if outcome != "allow" else None)
        if action == "open":
            assert tree["moderation"][stage]["type"] == "error", "it was not checked in full"
            return
        result = tree["moderation"][stage]["results"][0]
        assert result["flagged"] is (action in FLAGGED and not place.with_routes), (
            "nobody saw a hazard in what is unread"
        )
        starts = {"refuse": HARD if stage == INPUT else WITHHELD, "warn": NOTICE}
        assert (tree["message"] or "").startswith(starts.get(outcome, ""))
        assert bool(tree["message"]) is (outcome in starts)
        assert (tree["redacted"] is not None) is (outcome == "redact")
        if outcome == "redact":
            where = seen.at(place.path) if place.path else json.dumps(tree["redacted"])
            # Fields beside the messages are redacted on their way to a model; here there is none to send them to.
            assert place.words(action).kept in str(where) or place.lossy or (stage == INPUT and len(place.body("")) > 1)


class TextContents(Judging):
    """Our detectors for another orchestrator."""

    name, path = "text_contents", "/api/v1/text/contents"
    headers: Mapping[str, str] = {"detector-id": "policy:matrix"}
    inputs: Mapping[str, Any] = {
        "text": Place(lambda text: {"contents": [text]}),
        "list": Place(lambda text: {"contents": ["First.", text]}),
    }
    outputs: Mapping[str, Place] = {}
    absent: Mapping[str, Any] = {"input": NOTHING_BESIDE, "output": "there is one stage: what is asked about"}
    how = Manners(acts=False, annotates=False, repeats=True)

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree = json.loads(raw)
        if status != 200:
            assert set(tree) == {"code", "message"}
            assert tree["code"] == status
            code = "guard_unavailable" if status == 503 else str(status)
            return Seen(error=code, tree=tree, strings=raw.decode())
        return Seen(tree={"lists": tree}, strings=raw.decode())

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        *calm, last = seen.tree["lists"]
        assert not any(calm)
        wanted = ["captain turnip"] if action == "redact" else [place.words(action).phrase]
        assert [found["text"] for found in last] == (wanted if action in ("warn", "redact", "refuse") else [])
        assert all(found["detector_id"] == "policy:matrix" and found["score"] == 1.0 for found in last)
