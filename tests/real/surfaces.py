"""How one prompt is asked, and its answer read, on each surface: shapes, never words."""

import json
from collections.abc import Callable
from dataclasses import dataclass

MODEL, FEW = "smollm2", 12


@dataclass(frozen=True)
class Heard:
    """What a client would see of an answer."""

    text: str
    end: str
    why: str = ""


@dataclass(frozen=True)
class Surface:
    """`whole` and `streamed` read an answer, the latter from its events; `refused` is the end of a refusal."""

    path: str
    body: Callable
    whole: Callable
    streamed: Callable
    refused: Heard

    def ask(self, server, text, *, stream, **more):
        return server.post(self.path, self.body(text) | more | ({"stream": True} if stream else {}))

    def heard(self, answered, *, stream):
        return self.streamed(events(answered)) if stream else self.whole(answered.json())


def events(answered):
    """The JSON of every event; a stream has nothing else but comments and the last word."""
    assert answered.headers["content-type"].startswith("text/event-stream")
    data = [line for line in answered.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in data if line != "data: [DONE]"]


def joined(pieces):
    return "".join(piece or "" for piece in pieces)


def last_word(choices):
    """Why it ended; some servers leave the member out until then, or for good."""
    return only(choice.get("finish_reason") for choice in choices)


def only(found):
    """The one value there is, however often it comes."""
    (one,) = {item for item in found if item}
    return one


def by_choice(choices, text_of):
    """The texts of several choices one after the other, however their pieces were mixed."""
    indices = sorted({choice["index"] for choice in choices})
    return joined(text_of(choice) for at in indices for choice in choices if choice["index"] == at)


def chat_streamed(trees):
    choices = [choice for tree in trees for choice in tree["choices"]]
    return Heard(by_choice(choices, lambda choice: choice["delta"].get("content")), last_word(choices))


def text_streamed(trees):
    choices = [choice for tree in trees for choice in tree["choices"]]
    return Heard(by_choice(choices, lambda choice: choice["text"]), last_word(choices))


def response_whole(tree, text=None):
    parts = [part for item in tree["output"] for part in item.get("content", [])]
    said = joined(part.get("text") for part in parts) if text is None else text
    return Heard(said, tree["status"], (tree.get("incomplete_details") or {}).get("reason", ""))


def response_streamed(trees):
    deltas = joined(tree["delta"] for tree in trees if tree["type"] == "response.output_text.delta")
    return response_whole(trees[-1]["response"], deltas)


def message_streamed(trees):
    text = joined(tree["delta"].get("text") for tree in trees if tree["type"] == "content_block_delta")
    return Heard(text, only(tree["delta"].get("stop_reason") for tree in trees if tree["type"] == "message_delta"))


def said(text):
    return [{"role": "user", "content": text}]


CHAT = Surface(
    "/v1/chat/completions",
    lambda text: {"model": MODEL, "messages": said(text), "max_tokens": FEW, "temperature": 0},
    lambda tree: Heard(tree["choices"][0]["message"]["content"], tree["choices"][0]["finish_reason"]),
    chat_streamed,
    Heard("", "content_filter"),
)
TEXT = Surface(
    "/v1/completions",
    lambda text: {"model": MODEL, "prompt": text, "max_tokens": FEW, "temperature": 0},
    lambda tree: Heard(tree["choices"][0]["text"], tree["choices"][0]["finish_reason"]),
    text_streamed,
    Heard("", "content_filter"),
)
RESPONSES = Surface(
    "/v1/responses",
    lambda text: {"model": MODEL, "input": text, "max_output_tokens": FEW, "temperature": 0},
    response_whole,
    response_streamed,
    Heard("", "incomplete", "content_filter"),
)
MESSAGES = Surface(
    "/v1/messages",
    lambda text: {"model": MODEL, "messages": said(text), "max_tokens": FEW, "temperature": 0},
    lambda tree: Heard(joined(block.get("text") for block in tree["content"]), tree["stop_reason"]),
    message_streamed,
    Heard("", "refusal"),
)
SURFACES = {"chat": CHAT, "text": TEXT, "responses": RESPONSES, "messages": MESSAGES}
