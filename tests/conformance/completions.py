"""`/v1/completions`: text in, text out, notices in headers and fields only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guardproxy.testing.scripts import Script, continuation, continuation_stream, stream, text_chunk
from tests.conformance.chat import FIRM, cut, tokens
from tests.conformance.frames import chunks, collected
from tests.conformance.vocabulary import ANSWER, INPUT, Manners, Place, Seen, Tree, all_strings

PROMPT = "How are things?"

INPUTS = {
    "user": Place(lambda text: {"prompt": text}),
    "parts": Place(lambda text: {"prompt": ["First.", text]}),
    "suffix": Place(lambda text: {"prompt": PROMPT, "suffix": text}),
    "stop": Place(lambda text: {"prompt": PROMPT, "stop": [text]}),
    "identifier": Place(lambda text: {"prompt": PROMPT, "user": text}, identifier=True),
    "unknown": Place(lambda text: {"prompt": PROMPT, "x_vendor": {"deep": [text]}}),
    "unknown_name": Place(lambda text: {"prompt": PROMPT, "x_vendor": {text: 1}}, becomes=FIRM),
}


def plain(text: str, *, top: Tree | None = None, **choice: object) -> Script:
    tree = json.loads(continuation(text, **choice).segments[0])
    return Script((json.dumps({**tree, **(top or {})}).encode(),))


def streamed(calm: str, pieces: list[Tree]) -> Script:
    listed = [text_chunk(calm[at : at + 60]) for at in range(0, len(calm), 60)]
    return stream([*listed, *pieces, text_chunk("", "stop")])


def in_text(text: str, form: str, calm: str) -> Script:
    return plain(text) if form == "plain" else streamed(calm, [text_chunk(piece) for piece in cut(text)])


def in_second(text: str, form: str, calm: str) -> Script:
    if form == "plain":
        return continuation(ANSWER, text)
    pieces = [text_chunk(piece, index=1) for piece in (*([calm] if calm else ()), *cut(text))]
    return stream([text_chunk(ANSWER), *pieces, text_chunk("", "stop", index=1), text_chunk("", "stop")])


def in_choice(text: str, form: str, calm: str) -> Script:
    if form == "plain":
        return plain(ANSWER, x_note=text)
    piece = text_chunk(ANSWER)
    piece["choices"][0]["x_note"] = text
    return streamed(calm, [piece, text_chunk(" More.")])


def in_member_name(text: str, form: str, calm: str) -> Script:
    if form == "plain":
        return plain(ANSWER, **{text: 1})
    piece = text_chunk(ANSWER)
    piece["choices"][0][text] = 1
    return streamed(calm, [piece, text_chunk(" More.")])


def beside(text: str, form: str, calm: str) -> Script:
    if form == "plain":
        return plain(ANSWER, top={"x_note": text})
    return streamed(calm, [{**text_chunk(ANSWER), "x_note": text}, text_chunk(" More.")])


def columns(text: str, top: str = "") -> Tree:
    listed = [entry["token"] for entry in tokens(text)]
    others = [{top: -2.0} for _ in listed] if top else None
    return {"tokens": listed, "token_logprobs": [-0.5] * len(listed), "text_offset": None, "top_logprobs": others}


def with_logprobs(text: str, form: str, calm: str, *, top: str = "") -> Script:
    if form == "plain":
        return plain(text, logprobs=columns(text, top))
    pieces = []
    for piece in cut(text):
        chunk = text_chunk(piece)
        chunk["choices"][0]["logprobs"] = columns(piece, top)
        pieces.append(chunk)
    return streamed(calm, pieces)


def with_top_logprobs(text: str, form: str, calm: str) -> Script:
    return with_logprobs(ANSWER, form, calm, top=text)


TEXT = ("choices", 0, "text")
OUTPUTS = {
    "content": Place(script=in_text, path=TEXT),
    "echo": Place(lambda _: {"echo": True}, in_text, path=TEXT),
    "second_choice": Place(lambda _: {"n": 2}, in_second, path=("choices", 1, "text")),
    "unknown": Place(script=in_choice, path=("choices", 0, "x_note"), lossy=True),
    "unknown_name": Place(script=in_member_name),
    "beside": Place(script=beside, path=("x_note",), lossy=True),
    "logprobs": Place(lambda _: {"logprobs": 1}, with_logprobs, path=TEXT),
    "top_logprobs": Place(
        lambda _: {"logprobs": 1},
        with_top_logprobs,
        dropped=True,
        only=("allow", "refuse"),
        why="alternative tokens never leave, so nobody looks at them",
    ),
}
NO_MESSAGES = "a prompt has no messages, roles, tools or formats; a field of that name is an unknown one, or a 400"
NO_MESSAGE = "an answer is one text; a member of that name is an unknown one, or dropped as another surface's"


class Completions:
    """See vocabulary.Driver."""

    name, path, streams, judges = "completions", "/v1/completions", True, False
    inputs, outputs = INPUTS, OUTPUTS
    absent: Mapping[str, Any] = {
        "split": "the texts of a list are texts of their own",
        "input": NO_MESSAGES,
        "output": NO_MESSAGE,
    }
    headers: Mapping[str, str] = {}
    how = Manners(instructed=False, natural=("stop",), notices=False, refusal_field=False)

    def calm(self, stream: bool) -> Script:
        return continuation_stream(["A calm ", "answer."]) if stream else continuation(ANSWER)

    def request(self, stage: str, place: Place, text: str, stream: bool) -> Tree:
        body = place.body(text) if stage == INPUT else {"prompt": PROMPT, **place.body(text)}
        return {"model": "m", **body, **({"stream": True} if stream else {})}

    def read(self, status: int, raw: bytes, stream: bool) -> Seen:
        tree = read_chunks(raw) if stream and status == 200 else json.loads(raw)
        if status != 200:
            assert set(tree["error"]) == {"message", "type", "param", "code"}
            return Seen(tree["error"]["message"], error=tree["error"]["code"], tree=tree, strings=raw.decode())
        assert tree["object"] == "text_completion"
        # With several prompts every choice is refused; with several answers the last is the one that is.
        choice = tree["choices"][-1]
        return Seen(
            text=choice["text"],
            finish=choice["finish_reason"],
            error=tree["error"]["code"] if "error" in tree else None,
            annotation=tree.get("guardproxy"),
            tree=tree,
            strings="\n".join([*all_strings(tree), raw.decode()]),
        )

    def check_verdict(self, place: Place, stage: str, action: str, seen: Seen) -> None:
        raise AssertionError("a model answers here")


def read_chunks(raw: bytes) -> Tree:
    """The collected answer, with each text at its place."""
    tree = collected(chunks(raw), "message", text="text")
    for choice in tree["choices"]:
        choice["text"] = choice.pop("message").get("text") or ""
    return tree
