"""`/v1/embeddings`: texts in, vectors out, and no place for words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guardproxy.testing.scripts import Script, answer, vectors
from tests.conformance.chat import FIRM
from tests.conformance.vocabulary import INPUT, Manners, Place, Seen, Tree, all_strings

TEXT = "How are things?"

INPUTS = {
    "user": Place(lambda text: {"input": text}),
    "parts": Place(lambda text: {"input": ["First.", text]}),
    "identifier": Place(lambda text: {"input": TEXT, "user": text}, identifier=True),
    "unknown": Place(lambda text: {"input": TEXT, "x_vendor": {"deep": [text]}}),
    "unknown_name": Place(lambda text: {"input": TEXT, "x_vendor": {text: 1}}, becomes=FIRM),
}


def in_item(text: str, form: str, calm: str) -> Script:
    tree = json.loads(vectors().segments[0])
    tree["data"][0]["x_note"] = text
    return answer(tree)


def in_member_name(text: str, form: str, calm: str) -> Script:
    tree = json.loads(vectors().segments[0])
    tree["data"][0][text] = 1
    return answer(tree)


def beside(text: str, form: str, calm: str) -> Script:
    return answer({**json.loads(vectors().segments[0]), "x_note": text})


WITHDRAWN = {"redact": "withdrawn"}
"""Vectors leave byte for byte as they came or not at all."""
OUTPUTS = {
    "unknown": Place(script=in_item, path=("data", 0, "x_note"), becomes=WITHDRAWN),
    "unknown_name": Place(script=in_member_name, becomes=WITHDRAWN),
    "beside": Place(script=beside, path=("x_note",), becomes=WITHDRAWN),
}


class Embeddings:
    """See vocabulary.Driver."""

    name, path, streams, judges = "embeddings", "/v1/embeddings", False, False
    inputs, outputs = INPUTS, OUTPUTS
    absent: Mapping[str, Any] = {
        "split": "the texts of a list are texts of their own",
        "input": "texts to embed have no roles, tools or formats; a field of that name is an unknown one, or a 400",
        "output": "an answer is vectors; any string in it is an unknown one",
    }
    headers: Mapping[str, str] = {}
    how = Manners(instructed=False, natural=(None,), notices=False, words=False, annotates=False, output=False)

    def calm(self, stream: bool) -> Script:
        return vectors(2)

    def request(self, stage: str, place: Place, text: str, stream: bool) -> Tree:
        return {"model": "m", **(place.body(text) if stage == INPUT else {"input": TEXT, **place.body(text)})}

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree = json.loads(raw)
        strings = "\n".join([*all_strings(tree), raw.decode()])
        if status != 200:
            assert set(tree["error"]) == {"message", "type", "param", "code"}
            return Seen(tree["error"]["message"], error=tree["error"]["code"], tree=tree, strings=strings)
        assert tree["object"] == "list"
        assert all(item["object"] == "embedding" for item in tree["data"])
        return Seen(tree=tree, strings=strings)

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        raise AssertionError("a model answers here")
