"""What a request says, and what it never shows."""

import hashlib

import pytest

from guardproxy.core.conversation import (
    INPUT_SCOPES,
    Conversation,
    Message,
    Part,
    Piece,
    Pointer,
    Role,
    Scope,
    Segment,
    Stage,
)

HERE = Pointer(("messages", 0, "content"))


@pytest.mark.parametrize(
    ("pointer", "shown"),
    [
        (HERE, "messages[0].content"),
        (Pointer(("messages", 2, "content", 1, "text")), "messages[2].content[1].text"),
        (Pointer(("user",)), "user"),
        (Pointer(("tools", 0, "function", "arguments"), ("a", 1)), "tools[0].function.arguments.a[1]"),
        (Pointer(("x",), ()), "x"),
        (Pointer((0,)), "[0]"),
        (Pointer(()), ""),
    ],
)
def test_a_pointer_reads_like_a_path(pointer, shown):
    assert str(pointer) == shown


def said(role, *texts, identifier=False):
    return Message(role, Scope.USER, tuple(Part(t, HERE, identifier) for t in texts))


@pytest.mark.parametrize(
    ("messages", "last"),
    [
        ((), ""),
        ((said(Role.ASSISTANT, "a"),), ""),
        ((said(None, "a"),), ""),
        ((said(Role.USER, "a"), said(Role.ASSISTANT, "b")), "a"),
        ((said(Role.USER, "a"), said(Role.USER, "b", "c"), said(Role.TOOL, "d")), "b\nc"),
        ((said(Role.USER, "a"), said(Role.USER, "name", identifier=True)), ""),
        ((said(Role.USER),), ""),
    ],
)
def test_the_last_user_text(messages, last):
    assert Conversation(messages).last_user_text() == last


def segment(text="a walrus", *pieces):
    return Segment(text, Stage.INPUT, Scope.USER, pieces)


def test_a_join_has_several_pieces():
    assert [segment("ab", *[Piece(HERE, 0, 1)] * n).joined for n in (0, 1, 2)] == [False, False, True]


@pytest.mark.parametrize("text", ["", "a walrus", "é", "\ud800"])
def test_equal_texts_have_equal_digests(text):
    assert segment(text).digest() == hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    assert segment(text).digest() != segment(text + " ").digest()


def test_no_repr_shows_text():
    for thing in (segment(), Part("a walrus", HERE), Conversation((said(Role.USER, "a walrus"),))):
        assert "walrus" not in repr(thing)


def test_input_scopes_are_all_but_the_models():
    assert frozenset(Scope) - {Scope.MODEL} == INPUT_SCOPES
