"""Anthropic's stream behind the real moderator and real word rules: what a client gets, and when."""

import json

import pytest

from guardproxy.core.moderator import Moderator
from guardproxy.core.rules import Action
from guardproxy.testing.messages_play import NOTE, PHRASE, Wire, block, call, end, plan_of, play, start, text, thoughts


def letters(words):
    return list(words)


def test_a_harmless_stream_leaves_as_it_came():
    events = [start(), *thoughts(0, "a b", " c"), *text(1, "d e", " f."), *call(2, '{"a": ', '"b"}'), *end("tool_use")]
    wire = play(events)
    events[-2] = {**events[-2], **NOTE}
    assert joined_deltas(wire.trees) == joined_deltas(events)
    assert wire.message()["content"][2]["input"] == {"a": "b"}


def joined_deltas(trees):
    """Pieces of one text joined: they may leave otherwise than they came."""
    out = []
    for tree in json.loads(json.dumps(trees)):
        name = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
        name = name.get(tree.get("delta", {}).get("type"))
        if out and name and out[-1]["type"] == tree["type"] and out[-1]["delta"]["type"] == tree["delta"]["type"]:
            out[-1]["delta"][name] += tree["delta"][name]
        else:
            out.append(tree)
    return out


def test_text_streams_while_the_answer_goes_on():
    wire = Wire()
    wire.feed(start(), *list(text(0, "well, ", "tea ", "is ", "good"))[:-1])
    shown = "".join(t["delta"]["text"] for t in wire.trees if t["type"] == "content_block_delta")
    assert shown.startswith("well, tea is")


def test_thoughts_do_not_hold_up_the_text_behind_them():
    wire = Wire()
    wire.feed(start(), *thoughts(0, "the violet"))  # may go on as the phrase, but the block has ended
    assert [t["type"] for t in wire.trees][-1] == "content_block_stop"
    wire.feed(*list(text(1, "tea ", "is ", "good "))[:-1])
    assert any(t.get("delta", {}).get("type") == "text_delta" for t in wire.trees)


@pytest.mark.parametrize("pieces", [["tea, then violet kettle now"], letters("tea, then violet kettle now")])
def test_a_phrase_in_the_text_is_refused_before_its_first_letter(pieces):
    wire = play([start(), *text(0, *pieces), *end()])
    message = wire.message()
    assert message["content"] == [{"type": "text", "text": "tea, then \n\nSorry."}]
    assert message["stop_reason"] == "refusal"
    assert message["usage"]["output_tokens"] in (1, 5)


def test_a_refusal_before_any_text_has_a_block_of_its_own():
    message = play([start(), *text(0, "violet kettle"), *end()]).message()
    assert message["content"] == [{"type": "text", "text": "Sorry."}]
    assert (message["id"], message["stop_reason"]) == ("msg_1", "refusal")


def test_a_phrase_cut_between_two_blocks_is_seen():
    message = play([start(), *text(0, "a violet "), *text(1, "kettle"), *end()]).message()
    assert PHRASE not in "".join(b["text"] for b in message["content"])
    assert message["stop_reason"] == "refusal"


@pytest.mark.parametrize(
    ("first", "second"), [("tea vio", "let kettle"), ("tea", "violet kettle"), ("violet kettle", "tea")]
)
def test_where_blocks_meet_a_word_may_end_and_may_go_on(first, second):
    blocks = [*text(0, *letters(first)), *call(1, "{}"), *text(2, *letters(second))]
    assert play([start(), *blocks, *end()]).message()["stop_reason"] == "refusal"
    left = play([start(), *blocks, *end()], action=Action.REDACT).message()
    assert "kettle" not in json.dumps(left)
    assert "[removed]" in json.dumps(left)


def test_a_phrase_in_thoughts_ends_the_answer():
    wire = play([start(), *thoughts(0, *letters("first violet kettle")), *text(1, "never"), *end()])
    message = wire.message()
    assert message["content"][0]["thinking"] == "first "
    assert message["content"][1] == {"type": "text", "text": "Sorry."}
    assert "never" not in json.dumps(wire.trees)


def test_an_open_fence_is_closed_before_the_refusal():
    message = play([start(), *text(0, "```\ncode \n", "more violet kettle"), *end()]).message()
    assert message["content"][0]["text"].endswith("\n```\n\nSorry.")


@pytest.mark.parametrize("pieces", [['{"a": "violet kettle"}'], letters('{"a": "violet \\u006bettle"}')])
def test_nothing_of_a_call_leaves_when_its_input_may_not(pieces):
    wire = play([start(), *text(0, "I call. "), *call(1, *pieces), *end("tool_use")])
    message = wire.message()
    assert message["content"] == [{"type": "text", "text": "I call. "}, {"type": "text", "text": "\n\nSorry."}]
    assert "t1" not in json.dumps(wire.trees)


def test_a_call_is_redacted_inside_its_strings():
    pieces = letters('{"a": "a violet kettle b", "n": 1}')
    message = play([start(), *call(0, *pieces), *end("tool_use")], action=Action.REDACT).message()
    given = message["content"][0]["input"]
    assert given["n"] == 1
    assert given["a"].startswith("a ")
    assert "kettle" not in given["a"]


def test_a_call_without_input_and_one_with_its_input_in_the_start():
    given = {"type": "tool_use", "id": "t2", "name": "f", "input": {"a": "b"}}
    message = play([start(), *call(0), *block(1, given), *end("tool_use")]).message()
    assert [b["input"] for b in message["content"]] == [{}, {"a": "b"}]
    given["input"] = {"a": PHRASE}
    assert play([start(), *block(0, given), *end("tool_use")]).message()["stop_reason"] == "refusal"


def test_a_call_of_a_tool_that_nobody_offered():
    wire = play([start(), *text(0, "I call. "), *call(1, "{}", name="g"), *end("tool_use")])
    assert wire.message()["stop_reason"] == "refusal"


def test_redacted_text_over_two_blocks():
    events = [start(), *text(0, *letters("a violet ")), *text(1, *letters("kettle b")), *end()]
    message = play(events, action=Action.REDACT).message()
    assert [b["text"] for b in message["content"]] == ["a [removed]", " b"]


def test_changed_thoughts_lose_their_seal():
    message = play([start(), *thoughts(0, "a violet kettle b"), *text(1, "c"), *end()], action=Action.REDACT).message()
    assert message["content"][0] == {"type": "thinking", "thinking": "a [removed] b", "signature": ""}
    message = play([start(), *thoughts(0, "a b"), *text(1, "c"), *end()], action=Action.REDACT).message()
    assert message["content"][0]["signature"] == "c2lnbmVk"


CITED = {"type": "char_location", "cited_text": "b", "document_index": 0, "document_title": "d"}


def test_citations_leave_in_their_place():
    deltas = [{"type": "text_delta", "text": "a"}, {"type": "citations_delta", "citation": CITED}]
    wire = play([start(), *block(0, {"type": "text", "text": "", "citations": []}, *deltas), *end()])
    assert wire.message()["content"] == [{"type": "text", "text": "a", "citations": [CITED]}]


def test_what_the_server_s_own_tools_do_leaves_while_the_answer_goes_on():
    found = {
        "type": "web_search_tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "web_search_result", "url": "u", "title": "a title"}],
    }
    wire = Wire(tools=())
    asked = call(0, *letters('{"query": "tea \\u0041"}'), kind="server_tool_use", name="web_search")
    wire.feed(start(), *asked, *block(1, found), *list(text(2, "so, tea it is, "))[:-1])
    assert [t["type"] for t in wire.trees].count("content_block_start") == 3
    wire.feed({"type": "content_block_stop", "index": 2}, *end())
    wire.finish()
    message = wire.message()
    assert message["content"][0]["input"] == {"query": "tea A"}
    assert message["content"][1] == found


@pytest.mark.parametrize(
    "escaped", ['{"query": "violet kettle"}', '{"query": "violet \\u006bettle"}', '["violet kettle"]', "violet kettle"]
)
def test_what_the_server_s_own_tools_are_given_is_looked_at(escaped):
    asked = call(0, *letters(escaped), kind="server_tool_use", name="web_search")
    wire = play([start(), *asked, *end()], tools=())
    assert wire.message()["stop_reason"] == "refusal"
    assert "query" not in json.dumps(wire.trees)
    asked = call(0, *letters(escaped), kind="server_tool_use", name="web_search")
    wire = play([start(), *asked, *text(1, "tea"), *end()], action=Action.REDACT)
    assert "kettle" not in json.dumps(wire.trees)


def test_notices_have_blocks_of_their_own():
    wire = Wire()
    wire.write(wire.stream.notice(0, "Help is near.", before=True))
    assert [t["type"] for t in wire.trees][:2] == ["message_start", "content_block_start"]
    wire.feed(start(), *text(0, "Hello."), *end())
    wire.write(wire.stream.notice(0, "Check this.", before=False))
    wire.finish()
    message = wire.message()
    assert [b["text"] for b in message["content"]] == ["Help is near.\n\n", "Hello.", "\n\nCheck this."]
    assert message["usage"] == {"input_tokens": 3, "output_tokens": 5}
    assert message["stop_reason"] == "end_turn"


def test_a_fault_drops_what_is_held_and_never_looks_like_a_refusal():
    wire = Wire()
    wire.feed(start(), *list(text(0, "tea, a violet"))[:-1])
    wire.write(wire.stream.fault("guard_unavailable", "The check stopped.", {"guardproxy": {"action": "error"}}))
    assert "violet" not in json.dumps(wire.trees)
    last = wire.trees[-1]
    assert last["type"] == "error"
    assert last["error"] == {"type": "api_error", "message": "The check stopped.", "code": "guard_unavailable"}
    assert last["guardproxy"] == {"action": "error"}


def test_structured_answers_are_held_until_they_are_whole():
    wire = Wire(structured=True)
    wire.feed(start(), *text(0, '{"a": ', '"b"}'))
    assert wire.trees == []
    wire.feed(*end())
    wire.finish()
    assert wire.message()["content"][0]["text"] == '{"a": "b"}'
    assert (
        play([start(), *text(0, '{"a": "violet \\u006bettle"}'), *end()], structured=True).message()["stop_reason"]
        == "refusal"
    )


def places(phrase):
    """Streams that hold the phrase, each in another place."""
    hidden = {"type": "x_block", "x_text": "v", "deep": [{"y": phrase}]}
    return {
        "message": [start(x_field=phrase), *text(0, "a"), *end()],
        "message's name": [start(**{phrase: 1}), *text(0, "a"), *end()],
        "message's id": [start(id=phrase), *text(0, "a"), *end()],
        "stop sequence": [start(), *text(0, "a"), {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": phrase}}, {"type": "message_stop"}],
        "stop reason": [start(), *text(0, "a"), *end(phrase)],
        "stop details": [start(), *text(0, "a"), {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": phrase}}}],
        "usage": [start(), *text(0, "a"), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"x": phrase}}],
        "usage's name": [start(), *text(0, "a"), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {phrase: 1}}],
        "text in a start": [start(), *block(0, {"type": "text", "text": phrase}), *end()],
        "thoughts in a start": [start(), *block(0, {"type": "thinking", "thinking": phrase, "signature": ""}), *end()],
        "signature": [start(), *thoughts(0, "a", seal=phrase), *end()],
        "sealed thoughts": [start(), *block(0, {"type": "redacted_thinking", "data": phrase}), *end()],
        "block": [start(), *block(0, hidden), *end()],
        "block's kind": [start(), *block(0, {"type": phrase}), *end()],
        "member's name": [start(), *block(0, {"type": "text", "text": "a", phrase: {"b": 1}}), *end()],
        "call's id": [start(), *block(0, {"type": "tool_use", "id": phrase, "name": "f", "input": {}}), *end()],
        "citation": [start(), *block(0, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": {**CITED, "cited_text": phrase}}), *end()],
        "delta": [start(), *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a", "x": phrase}), *end()],
        "unknown delta": [start(), *block(0, {"type": "text", "text": ""}, *({"type": "x_delta", "x": piece} for piece in letters(phrase))), *end()],
        "event": [start(), *({**e, "x": phrase} for e in text(0, "a")), *end()],
        "end": [start(), *text(0, "a"), *end(x={"y": phrase})],
        "other members": [start(), *({**e, "message": phrase, "delta": e.get("delta", phrase), "content_block": e.get("content_block", phrase)} for e in text(0, "a")), *end()],
        "unknown event": [start(), {"type": "x_event", "x": phrase, "content_block": phrase}, *text(0, "a"), *end()],
        "after the end": [start(), *text(0, "a"), *end(), {"type": "x_event", "x": phrase}],
        "summary": [start(), *block(0, {"type": "compaction", "content": None}, {"type": "compaction_delta", "content": phrase}), *end()],
        "page": [start(), *block(0, {"type": "web_search_tool_result", "tool_use_id": "t", "content": [{"type": "web_search_result", "title": phrase, "url": "u"}]}), *end()],
        "text that is a list": [start(), *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": [phrase]}), *end()],
        "signature that is a list": [start(), *block(0, {"type": "thinking", "thinking": ""}, {"type": "signature_delta", "signature": [phrase]}), *end()],
        "beside a signature": [start(), *block(0, {"type": "thinking", "thinking": ""}, {"type": "signature_delta", "signature": "", "x": phrase}), *end()],
        "beside a citation": [start(), *block(0, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": CITED, "x": phrase}), *end()],
        "text in a call of the server's": [start(), *block(0, {"type": "server_tool_use", "id": "t", "name": "n", "input": {}}, {"type": "text_delta", "text": phrase}), *end()],
    }  # fmt: skip


PLACES = places(PHRASE)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("action", [Action.REFUSE, Action.REDACT])
def test_a_phrase_leaves_from_nowhere(place, action):
    wire = play(PLACES[place], action=action)
    assert "kettle" not in json.dumps(wire.trees)
    wire.message()


@pytest.mark.parametrize("place", PLACES)
def test_what_is_harmless_leaves_from_everywhere(place):
    wire = play(places("violet teapot")[place])
    assert wire.message()["stop_reason"] != "refusal" or place == "stop details"


def test_an_unknown_kind_that_may_not_leave_takes_its_events_along():
    event = {"type": "kettle", "x": "a"}
    wire = Wire()
    wire.moderator = Moderator(plan_of(Action.REDACT, "kettle"))
    wire.feed(start(), event, event, *text(0, "a"), *end())
    wire.finish()
    assert "kettle" not in json.dumps(wire.trees)
    assert wire.message()["content"] == [{"type": "text", "text": "a"}]
