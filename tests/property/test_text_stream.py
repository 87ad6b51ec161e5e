"""A text completion's stream is chat's in other clothes: the same cuts, the same words, the same ends."""

import json

from hypothesis import given
from hypothesis import strategies as st

from guardproxy.core.commands import Halt, Release
from guardproxy.core.moderator import Moderator
from guardproxy.testing.scripts import chunk, text_chunk
from guardproxy.testing.stand_ins import plan_of
from guardproxy.wire.chat_stream import ChatStream
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.shape import CHAT, TEXT

WORDS = st.sampled_from(["tea ", "quux", "zorp ", "blick ", "uxen ", "fim", "tok=", "kx-1", "1-00 ", "```\n", "é", ""])
PIECES = st.lists(st.tuples(st.integers(0, 1), WORDS), max_size=20)


def through(shape, chunks):
    """All that a client gets, as trees."""
    stream = ChatStream(Envelope("x", 1, "m", shape), Ask(n=2))
    moderator = Moderator(plan_of(classifies=False))
    frames = []
    for tree in chunks:
        reading = stream.chunk(shape.inward(tree, "delta"))
        commands = [c for d in reading.deltas for c in moderator.feed(d.choice, d.channel, d.text)]
        commands += [c for at in reading.finished for c in moderator.flush(at)]
        for command in commands:
            if isinstance(command, Release):
                frames += stream.release(command)
            elif isinstance(command, Halt):
                frames += stream.halt(command.choice, "Sorry.")
        frames += stream.ready()
    return [json.loads(frame[6:]) for frame in [*frames, *stream.finish()][:-1]]


def said(trees, index, text_of):
    return "".join(text_of(c) for tree in trees for c in tree["choices"] if c["index"] == index)


@given(PIECES)
def test_both_shapes_let_the_same_text_out(pieces):
    ends = range(2)
    as_chat = [*(chunk({"content": t}, index=at) for at, t in pieces), *(chunk({}, "stop", at) for at in ends)]
    as_text = [*(text_chunk(t, index=at) for at, t in pieces), *(text_chunk("", "stop", at) for at in ends)]
    chat, text = through(CHAT, as_chat), through(TEXT, as_text)
    for index in ends:
        assert said(text, index, lambda c: c["text"]) == said(chat, index, lambda c: c["delta"].get("content") or "")
    finishes = [
        sorted(c["finish_reason"] or "" for t in trees for c in t["choices"] if c["finish_reason"])
        for trees in (chat, text)
    ]
    assert finishes[0] == finishes[1]
    assert all("delta" not in c and isinstance(c["text"], str) for tree in text for c in tree["choices"])
