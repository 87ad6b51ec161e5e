"""The shared stream cases in process: decoder, stream writer and the simplest judge there is.

The judge holds every channel until its choice ends, looks at the whole text, and halts or releases. So a leak here
is a leak of the wire room, not of a moderator. Rows whose phrase must be decoded first are another room's.
"""

import gzip
import json
from base64 import b64decode
from pathlib import Path

import pytest

from guardproxy.core.commands import ChannelKind, Release
from guardproxy.errors import UpstreamError
from guardproxy.wire.chat_stream import ChatStream, read_chunk
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.sse import SseDecoder

CASES = Path("/work/shared/cases")
REFUSAL = "Sorry, I cannot say that."
ROWS, PHRASES = [], {}
if CASES.exists():
    with gzip.open(CASES / "stream_cases.jsonl.gz", "rt") as lines:
        ROWS = [row for row in map(json.loads, lines) if not row["kind"].startswith("out-")]
    PHRASES = {row["id"]: row["text"] for row in json.loads((CASES / "canaries.json").read_text())}


class Judge:
    def __init__(self, row):
        self.row = row
        self.phrase = PHRASES.get(row["canary"], "\0")
        tools = row["request"].get("tools", [])
        self.tools = {tool["function"]["name"] for tool in tools}
        self.stream = ChatStream(Envelope("x", 1, "m"), Ask(n=row["request"].get("n", 1)))
        self.held, self.out = {}, []

    def take(self, tree):
        reading = self.stream.chunk(tree)
        for delta in reading.deltas:
            texts = self.held.setdefault(delta.choice, {})
            texts[delta.channel] = texts.get(delta.channel, "") + delta.text
        for choice in reading.finished:
            self.end(choice, [c.name for c in reading.called if c.choice == choice])
        self.out += self.stream.ready()

    def end(self, choice, called):
        texts = self.held.get(choice, {})
        if any(self.flagged(c, t) for c, t in texts.items()) or set(called) - self.tools:
            self.out += self.stream.halt(choice, REFUSAL)
            return
        for channel, text in texts.items():
            self.out += self.stream.release(Release(choice, channel, 0, len(text), text))

    def flagged(self, channel, text):
        if channel.kind is ChannelKind.TOOL:
            text = str(json.loads(text))
        return self.phrase in text

    def run(self, pieces):
        decoder = SseDecoder()
        try:
            for piece in pieces:
                self.read(decoder.feed(piece))
            self.read(decoder.flush())
            fault = None if self.stream.complete else "cut"
        except UpstreamError as error:
            fault = str(error)
        end = self.stream.fault("upstream_protocol_error", fault) if fault else self.stream.finish({"guardproxy": {}})
        return b"".join([*self.out, *end]).decode()

    def read(self, events):
        for event in events:
            if not event.done:
                self.take(read_chunk(event))


def client_texts(raw):
    trees = [json.loads(f.removeprefix("data: ")) for f in raw.split("\n\n") if f and "[DONE]" not in f]
    texts, tools = {}, ""
    for choice in (c for tree in trees for c in tree.get("choices", [])):
        delta = choice.get("delta") or {}
        texts[choice["index"]] = texts.get(choice["index"], "") + (delta.get("content") or "")
        tools += "".join(call["function"].get("arguments", "") for call in delta.get("tool_calls", []))
    return trees, texts, tools


def four_in_a_row(phrase, raw):
    return any(phrase[i : i + 4] in raw for i in range(len(phrase) - 3))


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_case(row):
    raw = Judge(row).run(b64decode(piece) for piece in row["segments_b64"])
    trees, texts, tools = client_texts(raw)
    assert raw.count("data: [DONE]") == 1
    assert raw.endswith("data: [DONE]\n\n")
    assert [c["finish_reason"] for t in trees for c in t.get("choices", []) if c["finish_reason"]]
    decoded = json.dumps(trees, ensure_ascii=False)
    if row.get("safe_prefix") is not None:
        assert PHRASES[row["canary"]] not in decoded
        assert row["safe_prefix"].startswith(texts[0].removesuffix(REFUSAL).removesuffix("\n\n"))
    elif row["canary"] and row["expect"] != "clean":
        assert not four_in_a_row(PHRASES[row["canary"]], decoded)
    errors = [tree["error"]["code"] for tree in trees if "error" in tree]
    assert errors == (["upstream_protocol_error"] if row["expect"] == "upstream_error" else errors)
    if row["expect"] in {"clean", "no_leak_text_kept"}:
        assert texts[0] == row["text"]
        assert errors == []
    if row["expect"] == "clean_choices":
        assert "|".join(text for _, text in sorted(texts.items())) == row["text"]
    if row["expect"] == "clean_tool":
        assert tools == row["text"]
