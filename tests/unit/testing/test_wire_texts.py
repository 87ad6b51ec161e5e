"""The oracle of the wire law: it must see a leak, a loss and a wrong end, or it proves nothing."""

import json
from random import Random

import pytest

from guardproxy.testing.raw_client import frames
from guardproxy.testing.wire_texts import CUT, WITHHELD, Text, Written, written

CLEAN = Written((Text(0, "content", "see captain turnip now", "see [name] now", None, hidden=("captain turnip",)),))
BAD = Written((Text(0, "content", "the bluefinch flies", "the bluefinch flies", 4, canary="bluefinch"),))


def said(text, finish):
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]
    return [{"choices": choices}, "[DONE]"]


@pytest.mark.parametrize(
    ("answer", "events", "leaked", "lost"),
    [
        (CLEAN, said("see [name] now", "stop"), 0, 0),
        (CLEAN, said("see [name]", "stop"), 0, 4),
        (CLEAN, said("see captain turnip now", "stop"), 14, 1),
        (CLEAN, said("see [name] now", "length"), 0, 1),
        (CLEAN, said("see [name] now", "stop")[:1], 0, 1),
        (BAD, said(f"the \n\n{CUT} And so on.", "content_filter"), 0, 0),
        (BAD, said(WITHHELD, "content_filter"), 0, 0),
        (BAD, said(f"the b\n\n{CUT}", "content_filter"), 1, 1),
        (BAD, said("the bluefinch flies", "stop"), 24, 2),
    ],
)
def test_leaks_and_losses_are_seen(answer, events, leaked, lost):
    seen = answer.judge(events)
    assert (seen.leaked, seen.lost) == (leaked, lost)


def test_a_wire_says_its_texts_whatever_its_spelling():
    planted = 0
    for seed in range(60):
        answer = written(Random(seed))
        planted += answer.planted
        raw = answer.wire(Random(seed)).replace(b"\r\n", b"\n").replace(b"data:{", b"data: {")
        chunks = [json.loads(line[6:]) for line in raw.split(b"\n") if line.startswith(b"data: {")]
        for text in answer.texts:
            deltas = (c for chunk in chunks for c in chunk["choices"] if c["index"] == text.choice)
            assert "".join(d["delta"].get(text.member, "") for d in deltas) == text.said
    assert planted > 60
    assert list(frames(b"data: {}\n\ndata: [DONE]\n\n")) == [{}, "[DONE]"]
