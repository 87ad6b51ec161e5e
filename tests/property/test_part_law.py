"""The law of parts: however an answer is divided into parts, joined or one by one nobody reads what a rule withholds."""

import json
import re

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.core.commands import Halt, Release
from guardproxy.core.moderator import Moderator
from guardproxy.core.rules import Action
from guardproxy.testing.messages_play import plan_of
from guardproxy.testing.scripts import chunk, completion, stream
from guardproxy.testing.scripts_typed import message, message_stream, output_text, response, response_stream, says
from guardproxy.wire.answer import Edit, joined
from guardproxy.wire.chat_dialect import ChatDialect
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.messages_dialect import MessagesDialect
from guardproxy.wire.responses_dialect import ResponsesDialect
from guardproxy.wire.seam import SEAM
from guardproxy.wire.shape import CHAT
from guardproxy.wire.sse import SseDecoder

PHRASE = "bluefinch"
CALM = st.text("ax, ", min_size=1, max_size=6)
"""No letter at which the phrase begins or ends: before it, `bb` makes a stretched word of it, and is taken out as well."""
PIECES = st.lists(CALM | st.sampled_from([PHRASE, PHRASE[:4], PHRASE[4:]]), min_size=1, max_size=6).filter(
    lambda pieces: "".join(pieces).count(PHRASE) < 2
)
"""Two glued to one another are no word for a reader who joins the parts; one of them is when the answer ends between."""


def texts_of_chat(tree):
    held = tree["choices"][0].get("message") or tree["choices"][0]["delta"]
    content = held.get("content") or ""
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def listed(pieces):
    return [{"type": "text", "text": piece} for piece in pieces]


def chat_parts(frames):
    """A client that takes every entry of a list for a part of its own."""
    trees = [json.loads(event.data) for event in SseDecoder().feed(b"".join(frames)) if event.data != "[DONE]"]
    return [text for tree in trees if tree["choices"] for text in texts_of_chat(tree)]


def responses_parts(frames):
    trees = [json.loads(event.data) for event in SseDecoder().feed(b"".join(frames))]
    return [part["text"] for item in trees[-1]["response"]["output"] for part in item["content"]]


def messages_parts(frames):
    parts = {}
    for event in SseDecoder().feed(b"".join(frames)):
        tree = json.loads(event.data)
        if tree["type"] == "content_block_delta":
            parts[tree["index"]] = parts.get(tree["index"], "") + tree["delta"]["text"]
    return list(parts.values())


def message_of(*pieces):
    return says(*map(output_text, pieces))


SURFACES = {
    "chat": (
        ChatDialect(CHAT),
        lambda pieces: completion(listed(pieces)),
        lambda pieces: stream([chunk({"role": "assistant", "content": listed(pieces)}), chunk({}, "stop")]),
        texts_of_chat,
        chat_parts,
    ),
    "chat in lists of one": (
        ChatDialect(CHAT),
        lambda pieces: completion(listed(pieces)),
        lambda pieces: stream([*(chunk({"content": listed([piece])}) for piece in pieces), chunk({}, "stop")]),
        texts_of_chat,
        chat_parts,
    ),
    "responses": (
        ResponsesDialect(),
        lambda pieces: response(message_of(*pieces)),
        lambda pieces: response_stream(message_of(*pieces), size=3),
        lambda tree: [part["text"] for item in tree["output"] for part in item["content"]],
        responses_parts,
    ),
    "responses in items": (
        ResponsesDialect(),
        lambda pieces: response(*pieces),
        lambda pieces: response_stream(*pieces, size=3),
        lambda tree: [part["text"] for item in tree["output"] for part in item["content"]],
        responses_parts,
    ),
    "messages": (
        MessagesDialect(),
        lambda pieces: message(*pieces),
        lambda pieces: message_stream(*pieces, size=3),
        lambda tree: [block["text"] for block in tree["content"]],
        messages_parts,
    ),
}


def plain(surface, pieces, action):
    """The parts a client gets, None for a refusal."""
    dialect, make, _, read, _ = SURFACES[surface]
    answer = dialect.read(make(pieces).segments[0], structured=False)
    moderator, commands = Moderator(plan_of(action, PHRASE)), []
    for text in answer.texts:
        commands += moderator.feed(0, text.channel, text.text)
    commands += moderator.flush(0)
    if any(isinstance(command, Halt) for command in commands):
        return None
    texts = joined([command for command in commands if isinstance(command, Release)])
    return read(json.loads(dialect.render(answer, [Edit(0, texts)], {}, Ask())))


def streamed(surface, pieces, action):
    """The same from a stream, and whether it was refused on the way."""
    dialect, _, make, _, read = SURFACES[surface]
    own = dialect.stream(Envelope("x", 1, "m"), Ask())
    moderator, frames, halts = Moderator(plan_of(action, PHRASE)), [], []

    def obey(commands):
        for command in commands:
            if isinstance(command, Halt):
                halts.append(command)
                frames.extend(own.halt(0, "Sorry."))
            elif not halts:
                frames.extend(own.release(command))

    for event in SseDecoder().feed(b"".join(make(pieces).segments)):
        if event.data == "[DONE]" or halts:
            break
        reading = own.chunk(dialect.event_tree(event))
        for delta in reading.deltas:
            obey(moderator.feed(0, delta.channel, delta.text))
        if reading.finished and not halts:
            obey(moderator.flush(0))
        frames.extend(own.ready())
    return read([*frames, *own.finish({})]), bool(halts)


def shown(parts):
    """The phrase as a word to somebody who reads the parts joined, or each by itself."""
    return any(re.search(rf"\b{PHRASE}\b", text) for text in ["".join(parts), *parts])


def without(letters):
    """What is left when the phrase is taken out as often as it appears: `bluebluefinchfinch` holds it twice."""
    return without(letters.replace(PHRASE, "")) if PHRASE in letters else letters


@pytest.mark.parametrize("surface", SURFACES)
@seed(20251129)
@settings(max_examples=120, deadline=None)
@given(PIECES)
def test_parts_of_an_answer(surface, pieces):
    read = plain(surface, pieces, Action.REFUSE)
    parts, halted = streamed(surface, pieces, Action.REFUSE)
    assert (read is None) == halted == shown(pieces)
    assert not shown(parts)
    if read is not None:
        assert read == pieces
        assert "".join(parts) == "".join(pieces)


@pytest.mark.parametrize("surface", SURFACES)
@seed(20251130)
@settings(max_examples=120, deadline=None)
@given(PIECES)
def test_what_is_taken_out_of_parts(surface, pieces):
    for parts in (plain(surface, pieces, Action.REDACT), streamed(surface, pieces, Action.REDACT)[0]):
        assert not shown(parts)
        assert SEAM not in "".join(parts)
        assert without("".join(parts).replace("[removed]", "")) == without("".join(pieces))
