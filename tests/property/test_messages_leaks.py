"""Anthropic's surface: put a phrase anywhere into a request, an answer or a stream, and somebody looks at it."""

import json
import random
import re
from base64 import b64encode
from hashlib import sha256

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from guardproxy.core.commands import Halt, Release
from guardproxy.core.moderator import Moderator
from guardproxy.core.rules import Action
from guardproxy.core.segments import input_segments
from guardproxy.errors import BadRequest, UpstreamBadAnswer
from guardproxy.testing.messages_play import PHRASE, Wire, block, call, end, plan_of, start, text, thoughts
from guardproxy.wire.answer import Edit, joined
from guardproxy.wire.messages import parse_request
from guardproxy.wire.messages_answer import render
from guardproxy.wire.messages_conversion import Collector
from guardproxy.wire.messages_dialect import MessagesDialect

SEED = 20251124
SEAL = b64encode(b"".join(sha256(bytes([at])).digest() for at in range(4))).decode()
CITED = {"type": "char_location", "cited_text": "b", "document_index": 0, "document_title": "d"}
PAGE = {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": SEAL, "page_age": None}
FILE = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, "title": "t"}
RAN = {"type": "code_execution_result", "stdout": "o", "stderr": "", "return_code": 0, "content": []}
ASKED = call(3, '{"q": "tea"}', kind="server_tool_use", name="web_search")
EVENTS = [
    start(container={"id": "c", "expires_at": "2026-01-01T00:00:00Z"}),
    *thoughts(0, "a", "b", seal=SEAL),
    *block(1, {"type": "redacted_thinking", "data": SEAL}),
    *block(
        2,
        {"type": "text", "text": ""},
        {"type": "text_delta", "text": "a"},
        {"type": "citations_delta", "citation": CITED},
    ),
    *ASKED,
    *block(4, {"type": "web_search_tool_result", "tool_use_id": "t", "content": [PAGE]}),
    *block(5, {"type": "code_execution_tool_result", "tool_use_id": "t", "content": RAN}),
    {"type": "ping"},
    *text(6, "tea"),
    *call(7, '{"a": ', '["b"]}'),
    *end("tool_use"),
]
SAID = [
    {"type": "text", "text": "a", "citations": [CITED], "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"type": "thinking", "thinking": "a", "signature": SEAL},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"a": ["b", {"c": "d"}]}, "caller": {"type": "direct"}},
    {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"q": "a"}},
    {"type": "web_search_tool_result", "tool_use_id": "t", "content": [PAGE]},
    {"type": "code_execution_tool_result", "tool_use_id": "t", "content": RAN},
]
HEARD = [
    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a"}, FILE], "is_error": False},
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a"}]},
    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}, "context": "c"},
    {"type": "document", "source": {"type": "url", "url": "data:text/plain,a"}},
    {"type": "text", "text": "a"},
]
REQUEST = {
    "model": "m",
    "max_tokens": 8,
    "system": [{"type": "text", "text": "s"}],
    "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": SAID},
        {"role": "user", "content": HEARD},
    ],
    "tools": [
        {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {"a": {"enum": ["x"]}}}},
        {"type": "web_search_20250305", "name": "web_search", "user_location": {"type": "approximate", "city": "c"}},
    ],
    "tool_choice": {"type": "auto"},
    "stop_sequences": ["z"],
    "metadata": {"user_id": "u"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    "mcp_servers": [{"type": "url", "url": "https://example.org", "name": "n"}],
}
WAYS = st.sampled_from(["value", "member", "name", "list", "object"])


def holders(tree):
    """Every object and list of a tree."""
    if isinstance(tree, dict | list):
        yield tree
        for member in tree.values() if isinstance(tree, dict) else tree:
            yield from holders(member)


def planted(tree, number, way):
    """The tree with the phrase somewhere in it."""
    rng, tree = random.Random(number), json.loads(json.dumps(tree))
    holder = rng.choice([one for one in holders(tree) if one and one is not tree] or [tree])
    place = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    if way == "member" and isinstance(holder, dict):
        known = ["x_new", "text", "data", "id", "message", "delta", "content", "input", "signature", "type", "usage"]
        holder[rng.choice(known)] = PHRASE
    elif way == "name" and isinstance(holder, dict):
        holder[PHRASE] = 1
    elif way == "list":
        holder[place] = [PHRASE]
    elif way == "object":
        holder[place] = {"type": "text", "text": PHRASE}
    else:
        holder[place] = PHRASE
    return tree


def shows(tree):
    """True when a reader of the tree meets the phrase as words."""
    if isinstance(tree, dict):
        return any(shows(one) for one in [*tree, *tree.values()])
    if isinstance(tree, list):
        return any(map(shows, tree))
    return isinstance(tree, str) and re.search(rf"\b{PHRASE}\b", tree) is not None


def seen_by_client(events, action):
    """What a client makes of the stream, or its events as they are where it makes nothing of them."""
    wire = Wire(action)
    try:
        wire.feed(*events)
        if not wire.stream.complete:
            wire.write(wire.stream.fault("upstream_protocol_error", "Cut."))
            return wire.trees
        wire.finish()
        return wire.message()
    except UpstreamBadAnswer:
        return wire.trees


@seed(SEED)
@settings(max_examples=600, deadline=None)
@given(st.integers(0, 10**6), WAYS, st.sampled_from([Action.REFUSE, Action.REDACT]))
def test_no_stream_leaks(number, way, action):
    assert not shows(seen_by_client(planted(EVENTS, number, way), action))


def whole():
    collector = Collector()
    for event in json.loads(json.dumps(EVENTS)):
        collector.add(event)
    return collector.tree()


@seed(SEED)
@settings(max_examples=600, deadline=None)
@given(st.integers(0, 10**6), WAYS, st.sampled_from([Action.REFUSE, Action.REDACT]))
def test_no_plain_answer_leaks(number, way, action):
    try:
        answer = MessagesDialect().read(json.dumps(planted(whole(), number, way)).encode(), structured=False)
    except UpstreamBadAnswer:
        return
    moderator, commands = Moderator(plan_of(action)), []
    for piece in answer.texts:
        commands += moderator.feed(0, piece.channel, piece.text)
    commands += moderator.flush(0)
    refused = any(isinstance(command, Halt) for command in commands)
    refused = refused or any(called.name != "f" for called in answer.called)  # the flow compares
    texts = joined([command for command in commands if isinstance(command, Release)])
    edit = Edit(0, refusal="Sorry.") if refused else Edit(0, texts)
    assert not shows(json.loads(render(answer, edit, None)))


@seed(SEED)
@settings(max_examples=600, deadline=None)
@given(st.integers(0, 10**6), WAYS)
def test_no_request_hides_a_text(number, way):
    try:
        request = parse_request(planted(REQUEST, number, way))
    except BadRequest:
        return
    looked_at = any(shows(segment.text) for segment in input_segments(request.conversation))
    assert looked_at or request.conversation.unscannable
