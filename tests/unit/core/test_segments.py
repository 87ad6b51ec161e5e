"""A phrase cut between parts or turns of one speaker is whole again in a join."""

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.core.segments import input_segments


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
