"""Nothing is lost and nothing leaves unreleased, whatever the chunks and whenever the releases come."""

import json
import random

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.core.commands import ChannelKind, Release
from guardproxy.testing.scripts import chunk
from guardproxy.wire.chat_stream import ChatStream
from guardproxy.wire.conversion import Collector
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.seam import SEAM

WORDS = st.text(alphabet="ab é🔥\n`", max_size=6)
DELTAS = st.one_of(
    st.builds(lambda t: {"content": t}, WORDS),
    st.builds(lambda t: {"reasoning_content": t}, WORDS),
    st.builds(lambda t, u: {"content": t, "refusal": u}, WORDS, WORDS),
    st.builds(lambda t: {"content": [{"type": "text", "text": t}]}, WORDS),
    st.builds(lambda i, t: {"tool_calls": [{"index": i, "function": {"arguments": t}}]}, st.integers(0, 1), WORDS),
    st.builds(lambda t: {"content": "x", "x_field": t}, WORDS),
    st.builds(lambda t, u: {"reasoning": t, "content": u}, WORDS, WORDS),
    st.builds(lambda t: {"role": "assistant", "reasoning_content": t}, WORDS),
    st.builds(lambda t: {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": t}]}, WORDS),
    st.builds(
        lambda t, u: {"role": "assistant", "content": t, "tool_calls": [{"index": 0, "function": {"arguments": u}}]},
        WORDS,
        WORDS,
    ),
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
                for place, text in strings(value, name) if name != "role" else ():
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


SPOKEN = {
    "content": (ChannelKind.CONTENT, ""),
    "refusal": (ChannelKind.REFUSAL, ""),
    "reasoning": (ChannelKind.REASONING, "reasoning"),
    "reasoning_content": (ChannelKind.REASONING, ""),
    "reasoning_details": (ChannelKind.REASONING, "details.0"),
}


def spoken(frames):
    """What a client has of each text channel of each choice."""
    found = {}
    for tree in trees_of(frames):
        for choice in tree["choices"]:
            for name, channel in SPOKEN.items():
                value = (choice.get("delta") or {}).get(name) or ""
                text = value if isinstance(value, str) else "".join(part["text"] for part in value)
                key = choice["index"], *channel
                found[key] = found.get(key, "") + text
    return {key: text for key, text in found.items() if text}


@seed(20251124)
@settings(max_examples=400, deadline=None)
@given(STREAMS, st.integers(0, 10**6))
def test_what_is_released_leaves_at_once_and_nothing_else(stream, number):
    """After every chunk: no channel waits for another, none shows more than was released, each is in order."""
    rng, moderator = random.Random(number), Moderator(random.Random(number))
    writer, frames = ChatStream(Envelope("x", 1, "m"), Ask(n=3)), []
    for tree in [*as_chunks(stream), *(chunk({}, "stop", index=i) for i in range(3))]:
        for delta in writer.chunk(tree).deltas:
            moderator.take(delta)
        if rng.random() < 0.6:
            for release in list(moderator.some()):
                frames += writer.release(release)
        frames += writer.ready()
        gone = {
            (choice, channel.kind, channel.key): shown
            for (choice, channel), end in moderator.gone.items()
            if channel.kind not in (ChannelKind.TOOL, ChannelKind.OTHER)
            and (shown := moderator.seen[choice, channel][:end].replace(SEAM, ""))
        }
        assert spoken(frames) == gone
        firsts = {}
        for sent in trees_of(frames):
            for choice in sent["choices"]:
                firsts.setdefault(choice["index"], (choice.get("delta") or {}).get("role"))
        opened = {index: (delta or {}).get("role") for index, delta in reversed(stream)}
        assert all(firsts[index] == "assistant" for index in firsts if opened[index])


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
    if any("reasoning" in (delta or {}) for _, delta in lines):  # a string joined to a list depends on the order
        lines = [(index, delta) for index, delta in lines if not isinstance((delta or {}).get("content"), list)]
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
        thoughts = "".join(entry["text"] for entry in message.pop("reasoning_details", ()))
        message["reasoning_details"] = thoughts
        for name in ("reasoning", "reasoning_content", "reasoning_details"):
            message.get(name) or message.pop(name, None)
    return answer
