"""A phrase cut between parts or turns of one speaker is whole again in a join."""

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.core.segments import LONGEST_JOIN, TURNS, input_segments, last_turns, latest


def message(role, scope, *texts, identifier=False):
    return Message(role, scope, tuple(Part(t, Pointer(("m", t)), identifier) for t in texts))


def texts(*messages, extras=()):
    return [s.text for s in input_segments(Conversation(messages, extras))]


def test_parts_are_read_singly_and_joined_with_and_without_a_space():
    assert texts(message(Role.USER, Scope.USER, "blue", "finch")) == ["blue", "finch", "bluefinch", "blue finch"]


def test_neighbours_of_one_role_are_joined_and_others_are_not():
    user, answer = message(Role.USER, Scope.USER, "a"), message(Role.ASSISTANT, Scope.HISTORY, "x")
    again = message(Role.USER, Scope.USER, "b")
    assert texts(user, again) == ["a", "b", "ab", "a b"]
    assert texts(user, answer, again) == ["a", "x", "b"]


def test_the_texts_of_a_batch_stay_apart():
    first, second = message(Role.USER, Scope.USER, "4242 4242"), message(Role.USER, Scope.USER, "4242 4242")
    batch = Conversation((first, second), batch=True)
    assert [s.text for s in input_segments(batch)] == ["4242 4242", "4242 4242"]
    assert batch.last_user_text() == "4242 4242\n4242 4242"


def test_pieces_lead_back_to_their_places():
    joined = input_segments(Conversation((message(Role.USER, Scope.USER, "blue", "finch"),)))[3]
    assert [(joined.text[p.start : p.end], str(p.pointer)) for p in joined.pieces] == [
        ("blue", "m.blue"),
        ("finch", "m.finch"),
    ]


def test_identifiers_and_empty_texts_join_nothing():
    user = message(Role.USER, Scope.USER, "a", "")
    name = message(None, Scope.USER, "someone", identifier=True)
    found = input_segments(Conversation((user,), (name,)))
    assert [(s.text, s.identifier) for s in found] == [("a", False), ("someone", True)]


def test_no_text_in_a_repr():
    (segment,) = input_segments(Conversation((message(Role.USER, Scope.USER, "marker-words"),)))
    assert "marker" not in repr(segment)
    assert "12 chars" in repr(segment)


def said(*texts):
    """User and assistant in turn; the last word is the user's."""
    roles = [(Role.USER, Scope.USER), (Role.ASSISTANT, Scope.HISTORY)]
    return Conversation(tuple(message(*roles[at % 2], text) for at, text in enumerate(texts)))


def test_the_last_turns_of_the_user_are_one_text():
    joined = last_turns(said("a", "x", "b", "y", "c", "z", "d"))
    assert (joined.text, joined.joined, len(joined.pieces)) == ("b c d", True, TURNS)


def test_turns_too_long_to_join_are_left_out_from_the_oldest():
    long = "b" * LONGEST_JOIN
    assert last_turns(said(long, "x", "c", "y", "d")).text == "c d"
    assert last_turns(said("a", "x", long, "y", "d")) is None
    assert last_turns(said("a", "x", "b" * (LONGEST_JOIN - 1))).text.startswith("a bb")


def test_there_is_nothing_to_join_in_a_first_turn_a_batch_or_after_a_tool():
    assert last_turns(said("a")) is None
    assert last_turns(Conversation(said("a", "x", "b").messages, batch=True)) is None
    assert last_turns(said("a", "x", "b", "y")) is None
    assert last_turns(said("a", "x", "")) is None
    assert last_turns(Conversation(())) is None


def test_an_answer_of_our_own_is_marked_and_nobody_elses_text_is():
    marked = [(s.text, s.given) for s in input_segments(said("x", "x", "y", "z", "x"), lambda text: text == "x")]
    assert marked == [("x", False), ("x", True), ("y", False), ("z", False), ("x", False)]


def looked_at(conversation, count, places=()):
    return [p.text for m in latest(conversation, count, places).messages for p in m.parts]


def test_the_latest_messages_are_the_last_of_the_list():
    talk = said("a", "b", "c", "d", "e")
    assert looked_at(talk, 1) == ["e"]
    assert looked_at(talk, 3) == ["c", "d", "e"]
    assert looked_at(talk, 5) == looked_at(talk, 4096) == ["a", "b", "c", "d", "e"]


def test_instructions_and_what_stands_beside_the_messages_are_always_among_them():
    rules, talk = message(Role.SYSTEM, Scope.SYSTEM, "rules"), said("a", "b", "c").messages
    late = message(Role.DEVELOPER, Scope.SYSTEM, "more rules")
    assert looked_at(Conversation((rules, *talk)), 1) == ["rules", "c"]
    assert looked_at(Conversation((late, *talk)), 1) == ["more rules", "c"]
    assert looked_at(Conversation((talk[0], *talk)), 1, (-1, 0, 1, 2)) == ["a", "c"]
    outside = Conversation(talk, extras=(message(None, Scope.TOOL_DEFINITION, "tool"),))
    assert latest(outside, 1).extras == outside.extras


def test_what_one_message_of_the_client_became_counts_once():
    assert looked_at(said("a", "b", "c", "d"), 2, (0, 1, 2, 2)) == ["b", "c", "d"]


def test_a_batch_has_no_latest_messages():
    texts_of_a_batch = Conversation(said("a", "b", "c").messages, batch=True)
    assert looked_at(texts_of_a_batch, 1) == ["a", "b", "c"]
