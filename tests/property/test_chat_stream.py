"""Nothing is lost and nothing leaves unreleased, whatever the chunks and whenever the releases come."""

import json
import random

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.core.commands import Release
from guardproxy.testing.scripts import chunk
from guardproxy.wire.chat_stream import ChatStream
from guardproxy.wire.conversion import Collector
from guardproxy.wire.envelope import Ask, Envelope

WORDS = st.text(alphabet="ab é🔥\n`", max_size=6)
DELTAS = st.one_of(
    st.builds(lambda t: {"content": t}, WORDS),
    st.builds(lambda t: {"reasoning_content": t}, WORDS),
    st.builds(lambda t, u: {"content": t, "refusal": u}, WORDS, WORDS),
    st.builds(lambda t: {"content": [{"type": "text", "text": t}]}, WORDS),
    st.builds(lambda i, t: {"tool_calls": [{"index": i, "function": {"arguments": t}}]}, st.integers(0, 1), WORDS),
    st.builds(lambda t: {"content": "x", "x_field": t}, WORDS),
    st.just({}),
    st.just({"content": None}),
    st.none(),
)
STREAMS = st.lists(st.tuples(st.integers(0, 2), DELTAS), max_size=25)


def as_chunks(stream):
    out = []
    for index, delta in stream:
        tree = chunk({}, index=index)
        tree["choices"][0]["delta"] = delta
        out.append(tree)
    return out


def trees_of(frames):
    return [json.loads(frame[6:]) for frame in frames if b"[DONE]" not in frame]


def texts(trees):
    """All text a client joins, for each choice and place."""
    found = {}
    for tree in trees:
        for choice in tree.get("choices", []):
            for name, value in (choice.get("delta") or {}).items():
                for place, text in strings(value, name):
                    found[choice["index"], place] = found.get((choice["index"], place), "") + text
    return {place: text for place, text in found.items() if text}


def strings(value, place):
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            key = item.get("index", at) if isinstance(item, dict) else at
            yield from strings(item, f"{place}[{key}]")
    elif isinstance(value, dict):
        for name, member in value.items():
            if name != "type":
                yield from strings(member, f"{place}.{name}")


class Moderator:
    """Lets go of random parts of what it holds; `keep` characters of each channel never leave."""

    def __init__(self, rng):
        self.rng = rng
        self.seen = {}
        self.gone = {}

    def take(self, delta):
        key = (delta.choice, delta.channel)
        self.seen[key] = self.seen.get(key, "") + delta.text

    def some(self, *, all_of_it=False):
        for key, text in self.seen.items():
            start = self.gone.get(key, 0)
            whole = key[1].whole and not all_of_it
            end = len(text) if all_of_it else start if whole else self.rng.randint(start, len(text))
            if end > start:
                self.gone[key] = end
                yield Release(*key, start, end, text[start:end])


def play(chunks, rng, *, let_go=True):
    stream = ChatStream(Envelope("x", 1, "m"), Ask(n=3))
    moderator, frames = Moderator(rng), []
    for tree in json.loads(json.dumps(chunks)):
        for delta in stream.chunk(tree).deltas:
            moderator.take(delta)
        if let_go and rng.random() < 0.6:
            for release in list(moderator.some()):
                frames += stream.release(release)
        frames += stream.ready()
    if let_go:
        for release in list(moderator.some(all_of_it=True)):
            frames += stream.release(release)
    return frames + stream.finish({"guardproxy": {"action": "allow"}})


@seed(20251124)
@settings(max_examples=400, deadline=None)
@given(STREAMS, st.integers(0, 10**6))
def test_nothing_is_lost(stream, number):
    chunks = [*as_chunks(stream), *(chunk({}, "stop", index=i) for i in range(3))]
    trees = trees_of(play(chunks, random.Random(number)))
    kept, sent = texts(trees), texts(chunks)
    assert kept == sent
    assert [c["finish_reason"] for t in trees for c in t["choices"] if c["finish_reason"]] == ["stop"] * 3
    assert [i for i, t in enumerate(trees) if "guardproxy" in t] == [len(trees) - 1]


@seed(20251124)
@settings(max_examples=200, deadline=None)
@given(STREAMS, st.integers(0, 10**6))
def test_nothing_leaves_unreleased(stream, number):
    chunks = [*as_chunks(stream), *(chunk({}, "stop", index=i) for i in range(3))]
    assert texts(trees_of(play(chunks, random.Random(number), let_go=False))) == {}


@seed(20251124)
@settings(max_examples=200, deadline=None)
@given(STREAMS, st.integers(0, 10**6))
def test_a_client_that_joins_sees_the_same_answer(stream, number):
    """The collected client stream equals the collected upstream stream, but for fields that only we add."""
    lines = [(index, delta) for index, delta in stream if not (delta and ("x_field" in delta or "refusal" in delta))]
    chunks = [*as_chunks(lines), *(chunk({}, "stop", index=i) for i in range(3))]
    sides = []
    for trees in (chunks, trees_of(play(chunks, random.Random(number)))):
        collector = Collector()
        for tree in json.loads(json.dumps(trees)):
            collector.add(tree)
        sides.append(collector.tree())
    sides[1].pop("guardproxy")
    assert joined_lists(sides[1]) == joined_lists(sides[0])


def joined_lists(answer):
    """Content parts joined: a part may leave in two."""
    for choice in answer["choices"]:
        message = choice["message"]
        if isinstance(message["content"], list):
            message["content"] = "".join(p if isinstance(p, str) else p["text"] for p in message["content"])
        message["content"] = message["content"] or None
        message.get("reasoning_content") or message.pop("reasoning_content", None)
    return answer
