from guardproxy.testing.scripts_typed import output_text, reasoning, response_stream, says
from guardproxy.wire.envelope import Envelope
from guardproxy.wire.responses_arrival import Copy, First
from guardproxy.wire.responses_own import own_response
from guardproxy.wire.responses_sent import Sent
from tests.wire.responses_wire import accepted, events_of

OWN = own_response(Envelope("resp_own", 1, "m"))
FIRST = [First(("delta",), (0, ("content", 0, "text")), adds=True)]


def sent_until(count, *items):
    """What has left of the first events of a stream, each as it came."""
    sent, out = Sent(OWN), []
    for tree in events_of(response_stream(*items, size=20))[:count]:
        firsts = FIRST if tree["type"] == "response.output_text.delta" else []
        out += sent.pass_on(sent.fill(tree, firsts, []))
    return sent, out


def kinds(events):
    return [event["type"].removeprefix("response.") for event in events]


def ended(out, sent):
    """The whole stream, as the SDK has to accept it."""
    last = {"type": "response.incomplete", "response": {**sent.response, "output": sent.output([], [], set())}}
    events = [{**event, "sequence_number": at} for at, event in enumerate([*out, last])]
    accepted(events)
    return events


def test_a_copy_says_what_has_left():
    sent = Sent(OWN)
    slot = (0, ("content", 0, "text"))
    sent.fill({"type": "x", "delta": "ab"}, [First(("delta",), slot, adds=True)], [])
    sent.fill({"type": "x", "delta": "c"}, [First(("delta",), slot, adds=True)], [])
    assert sent.fill({"type": "x", "text": "other"}, [], [Copy(("text",), slot)]) == {"type": "x", "text": "abc"}
    sent.fill({"type": "x", "text": "new"}, [First(("text",), slot, adds=False)], [])
    assert sent.fill({"type": "x", "text": "other"}, [], [Copy(("text",), slot)])["text"] == "new"


def test_a_stream_of_ours_alone():
    sent = Sent(OWN)
    out = sent.say("Sorry, no.", status="incomplete")
    assert kinds(out)[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert ended(out, sent)[-1]["response"]["output"][0]["content"][0]["text"] == "Sorry, no."


def test_a_message_ends_when_the_next_item_starts():
    sent, out = sent_until(8, "a")
    assert kinds(out)[-1] == "content_part.done"
    assert kinds(sent.end_message()) == ["output_item.done"]
    assert sent.end_message() == []
    _, out = sent_until(9, "a", "b")
    assert kinds(out)[-2:] == ["output_item.done", "output_item.added"]


def test_a_text_of_ours_comes_into_the_open_message():
    sent, out = sent_until(5, "Two metres.")
    assert sent.has_open_message
    assert sent.wrote
    out += sent.separate()
    assert out[-1]["delta"] == "\n\n"
    out += sent.say("Sorry, no.", status="incomplete")
    out += sent.close("incomplete")
    (item,) = ended(out, sent)[-1]["response"]["output"]
    assert [part["text"] for part in item["content"]] == ["Two metres.\n\n", "Sorry, no."]
    assert item["status"] == "incomplete"
    assert sent.separate() == []


def test_behind_a_part_that_has_ended_the_blank_line_is_ours_to_put():
    sent, _ = sent_until(7, "Two metres.")
    assert sent.separate() == []
    assert sent.apart() == "\n\n"


def test_open_thoughts_end_with_what_has_left():
    sent, out = sent_until(3, reasoning("deep"))
    assert not sent.has_open_message
    out += sent.close("incomplete")
    out += sent.say("Sorry, no.", status="incomplete")
    events = ended(out, sent)
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["reasoning", "message"]


def test_a_notice_in_front_moves_the_parts():
    sent = Sent(OWN)
    sent.announce("in front")
    out = []
    for tree in events_of(response_stream(says(output_text("a"), output_text("b"))))[:-1]:
        out += sent.pass_on(tree)
    assert sent.waits == ""
    out += sent.end_message()
    moved = [event["content_index"] for event in out if event["type"] == "response.output_text.delta"]
    assert moved == [0, 0, 1, 2]
    texts = [part["text"] for part in ended(out, sent)[-1]["response"]["output"][0]["content"]]
    assert texts == ["in front\n\n", "a", "b"]
    sent.announce("late")
    assert (sent.take_waiting(), sent.take_waiting()) == ("late\n\n", "")


def test_ids_stay_what_clients_know():
    sent, out = sent_until(7, "a")
    done = {"type": "response.output_item.done", "output_index": 0, "item": {**says(output_text("a")), "id": "another"}}
    out += [*sent.pass_on(done), *sent.end_message()]
    assert out[-1]["item"]["id"] == "item_0"
    changed = sent.pass_on({"type": "response.in_progress", "response": {"id": "another"}})
    assert changed[0]["response"]["id"] == "resp_1"


def test_the_output_is_what_has_left():
    sent, _ = sent_until(8, "a")
    finals = [{"type": "message", "id": "item_0", "content": ["unseen"]}, {"type": "odd"}, {"type": "held"}]
    output = sent.output(finals, [0, 1, 2], {2})
    assert [item["type"] for item in output] == ["message", "odd"]
    assert output[0]["content"] == [{"annotations": [], "logprobs": [], "text": "a", "type": "output_text"}]
