"""The writer of Responses streams behind the real moderator and real word rules: what a client gets, and what never."""

import json
from pathlib import Path

import pytest

from guardproxy.core.rules import Action
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts_typed import (
    function_call,
    output_text,
    reasoning,
    response_stream,
    says,
)
from guardproxy.wire.responses_dialect import ResponsesDialect
from guardproxy.wire.sse import SseDecoder
from tests.wire.responses_shapes import EVENTS, ITEMS, places, with_word
from tests.wire.responses_wire import Wire, accepted, events_of, output_of, shown, texts_of
from tests.wire.test_moderated_stream import plan_of

WORD = "the violet kettle."
REFUSING, REDACTING = plan_of(), plan_of(Action.REDACT)
CALLS = ("calm", "f", *(f"<{kind}>" for kind in ITEMS))
CALM = events_of(response_stream("calm."))
TOOL_LISTS = {"tool_search_output", "additional_tools"}
"""Their items hold every kind of tool: a few hundred places more of the same walk."""


def ran(events, plan, **ask):
    wire = Wire(plan, offered=CALLS, **ask)
    wire.feed(*events)
    wire.finish()
    return wire


def holds_no_word(events):
    said = json.dumps(events)
    return "violet" not in said or "kettle" not in said


def with_item(item, *, told):
    """A calm stream with one item more, told by its own events or by the last one only."""
    last = {**CALM[-1], "response": {**CALM[-1]["response"], "output": [*CALM[-1]["response"]["output"], item]}}
    own = [{"type": f"response.output_item.{how}", "output_index": 1, "item": item} for how in ("added", "done")]
    return [*CALM[:-1], *(own if told else ()), last]


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # a word of the API that was redacted is none
@pytest.mark.parametrize("plan", [REFUSING, REDACTING], ids=["refuse", "redact"])
@pytest.mark.parametrize("told", [True, False], ids=["told", "at the end"])
@pytest.mark.parametrize("kind", [kind for kind in ITEMS if kind not in TOOL_LISTS])
def test_no_place_of_any_item_lets_a_word_out(kind, told, plan):
    for place in places(ITEMS[kind]):
        events = with_item(with_word(ITEMS[kind], place, WORD), told=told)
        wire = ran(events, plan)
        assert holds_no_word(wire.events), place
        accepted(wire.events)


@pytest.mark.parametrize("plan", [REFUSING, REDACTING], ids=["refuse", "redact"])
@pytest.mark.parametrize(
    "kind", [k for k in EVENTS if not isinstance(EVENTS[k].get("response", EVENTS[k].get("item")), dict)]
)
def test_no_place_of_any_event_lets_a_word_out(kind, plan):
    for place in places(EVENTS[kind]):
        events = [*CALM[:-3], with_word(EVENTS[kind], place, WORD), *CALM[-3:]]
        wire = Wire(plan, offered=CALLS)
        try:
            wire.feed(*events)
            wire.finish()
        except UpstreamBadAnswer:
            pass
        assert holds_no_word(wire.events), place


@pytest.mark.parametrize("kind", ["response.created", "response.in_progress", "response.completed"])
def test_no_place_beside_the_output_lets_a_word_out(kind):
    at = next(n for n, event in enumerate(CALM) if event["type"] == kind)
    extended = {
        **CALM[at]["response"],
        "x": "calm",
        "x_list": [{"y": "calm"}],
        "usage": {"z": "calm"},
        "tools": [{"a": "calm"}],
    }
    for place in [p for p in places(extended) if p[0] != "output"]:
        changed = {**CALM[at], "response": with_word(extended, place, WORD)}
        assert holds_no_word(ran([*CALM[:at], changed, *CALM[at + 1 :]], REDACTING).events), place


def test_a_phrase_is_seen_across_parts_items_and_single_letters():
    split = response_stream(says(output_text("a viol"), output_text("et ket")), "tle is", size=1)
    wire = ran(events_of(split), REFUSING)
    assert wire.halted
    assert holds_no_word(wire.events)
    assert shown(wire.events).startswith("a ")


@pytest.mark.parametrize("plan", [REFUSING, REDACTING], ids=["refuse", "redact"])
def test_the_cutting_of_the_text_does_not_matter(plan):
    said = [
        reasoning("some thought", "a sum"),
        "Tea is good. And the violet kettle is. Yes.",
        function_call("f", '{"a": 1}'),
    ]
    ends = [ran(events_of(response_stream(*said, size=size)), plan).events[-1] for size in (1, 2, 3, 5, 8, 99)]
    assert len({json.dumps(end["response"]["output"]) for end in ends}) == 1


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_the_cutting_of_the_bytes_does_not_matter(size):
    raw = b"".join(response_stream("Tea is good 🔥. And the violet kettle is.", size=3).segments)
    dialect, decoder = ResponsesDialect(), SseDecoder()
    cut = [event for at in range(0, len(raw), size) for event in decoder.feed(raw[at : at + size])]
    wire = ran([dialect.event_tree(event) for event in [*cut, *decoder.flush()]], REDACTING)
    assert texts_of(wire.events[-1]["response"]) == ["Tea is good 🔥. And the [removed] is."]


def test_what_left_stays_and_the_refusal_is_a_part_of_its_own():
    wire = ran(events_of(response_stream("Tea is good. Try the violet kettle.", size=3)), REFUSING)
    accepted(wire.events)
    assert texts_of(wire.events[-1]["response"]) == ["Tea is good. Try the \n\n", "Sorry, no."]
    assert wire.events[-1]["type"] == "response.incomplete"
    assert wire.events[-1]["response"]["guardproxy"] == {"action": "allow"}
    assert wire.events[-1]["response"]["id"] == "resp_1"


def test_an_open_fence_is_closed_before_the_refusal():
    wire = ran(events_of(response_stream("```py\nx = 1\n# the violet kettle", size=4)), REFUSING)
    assert texts_of(wire.events[-1]["response"])[0].endswith("\n```\n\n")


def test_nothing_of_a_refused_call_leaves():
    wire = ran(
        events_of(response_stream("Wait.", function_call("f", '{"a": "violet \\u006bettle"}'), size=1)), REFUSING
    )
    assert wire.halted
    assert not any("function_call" in json.dumps(event) for event in wire.events)


def test_a_call_is_held_until_the_answer_is_complete():
    events = events_of(response_stream("Wait a moment, will you?", function_call("f", '{"a": "b"}')))
    wire = Wire(REFUSING)
    wire.feed(*events[:-1])
    assert shown(wire.events).startswith("Wait a moment,")
    assert not any("function_call" in json.dumps(event) for event in wire.events)
    wire.feed(events[-1])
    wire.finish()
    accepted(wire.events)
    assert output_of(wire.events) == events[-1]["response"]["output"]


def test_text_behind_thoughts_does_not_wait_for_their_last_word():
    events = events_of(response_stream(reasoning("", "the violet"), "Good morning to you all."))
    wire = Wire(REFUSING)
    wire.feed(*events[:-4])
    assert shown(wire.events, "response.reasoning_summary_text.delta") == "the violet"
    assert shown(wire.events).startswith("Good morning")


def test_a_copy_that_says_more_than_the_pieces_does_not_count():
    events = events_of(response_stream("Tea is good."))
    long = json.loads(
        json.dumps(events).replace('"text": "Tea is good."', '"text": "Tea is good. And the violet kettle."')
    )
    wire = ran(long, REDACTING)
    assert texts_of(wire.events[-1]["response"]) == ["Tea is good."]
    assert not wire.halted


def test_a_text_that_comes_whole_only_is_looked_at():
    events = [
        event for event in events_of(response_stream("the violet kettle")) if not event["type"].endswith(".delta")
    ]
    assert ran(events, REFUSING).halted
    redacted = ran(events, REDACTING)
    assert texts_of(redacted.events[-1]["response"]) == ["the [removed]"]


def test_token_lists_stay_only_where_they_say_what_left():
    token = [
        {"token": "Tea.", "logprob": -0.1, "bytes": [84, 101, 97, 46], "top_logprobs": [{"token": "x", "logprob": -1}]}
    ]
    part = {**output_text("Tea."), "logprobs": token}
    events = events_of(response_stream(says(part), size=9))
    for event in events:
        if event["type"] in {"response.output_text.delta", "response.output_text.done"}:
            event["logprobs"] = token
    kept = [{**token[0], "top_logprobs": []}]
    wire = ran(events, REFUSING)
    assert output_of(wire.events)[0]["content"][0]["logprobs"] == kept
    assert [e["logprobs"] for e in wire.events if e["type"] == "response.output_text.done"] == [kept]


STRUCTURE = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]


@pytest.mark.parametrize("missing", [*([kind] for kind in STRUCTURE), STRUCTURE[:2], STRUCTURE[2:4], STRUCTURE[4:]])
def test_events_that_a_server_leaves_out_are_no_loss(missing):
    events = [e for e in events_of(response_stream("Tea is good.", size=3)) if e["type"] not in missing]
    wire = ran(events, REFUSING)
    accepted(wire.events)
    assert shown(wire.events) == "Tea is good."
    assert texts_of(wire.events[-1]["response"]) == ["Tea is good."]


@pytest.mark.parametrize("output", [[], None])
def test_a_last_event_without_output_gets_what_has_left(output):
    events = events_of(response_stream("Tea is good."))
    events[-1]["response"]["output"] = output
    wire = ran(events, REFUSING)
    accepted(wire.events)
    assert texts_of(wire.events[-1]["response"]) == ["Tea is good."]


GOLDEN = Path(__file__).parent / "golden" / "llama"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("responses*.sse")), ids=lambda path: path.stem)
def test_what_llama_cpp_sends_is_given_the_indexes_that_clients_need(path):
    decoder, dialect = SseDecoder(), ResponsesDialect()
    received = [*decoder.feed(path.read_bytes()), *decoder.flush()]
    wire = Wire(REFUSING, offered=("weather",))
    wire.feed(*(dialect.event_tree(event) for event in received if not event.done))
    wire.finish()
    accepted(wire.events)
    assert wire.events[-1]["type"] == "response.completed"
