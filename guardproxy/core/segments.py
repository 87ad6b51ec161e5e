"""A conversation → the texts to look at, singly and joined.

input_segments(conversation, gave)     every text, and joins of neighbours
last_turns(conversation)               the user's last turns as one text, or None
latest(conversation, count, places)    the conversation without its older messages
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from guardproxy.core.conversation import Conversation, Message, Part, Piece, Role, Scope, Segment, Stage

TURNS = 3
"""What the user says in so many turns is read as one text, too."""
LONGEST_JOIN = 400
"""Characters of that text: where the last turns are longer, fewer are joined. Classifiers misread longer medleys."""

_INSTRUCTIONS = (Role.SYSTEM, Role.DEVELOPER)


def _nobody_s(text: str) -> bool:
    del text
    return False


def input_segments(conversation: Conversation, gave: Callable[[str], bool] = _nobody_s) -> list[Segment]:
    """Every text leaf as a segment of its own, then the joins that make a cut phrase visible.

    Joined, without and with a space: the parts of one message, and messages of one role in a row
    (policy-language.md 8, 1; wire.md 1.2). The texts of a batch stay apart. `gave`: is this an answer of our own?
    """
    found = [
        _single(m.scope, p, gave) for m in (*conversation.messages, *conversation.extras) for p in m.parts if p.text
    ]
    for run in () if conversation.batch else _runs(conversation.messages):
        parts = [p for m in run for p in m.parts if p.text and not p.identifier]
        if len(parts) > 1:
            found += [_join(run[0].scope, parts, glue) for glue in ("", " ")]
    return found


def latest(conversation: Conversation, count: int | None, places: Sequence[int] = ()) -> Conversation:
    """The conversation with its last `count` messages and all instructions; `count` ≥ 1, None: all of it.

    `places[i]`: which message of the client's list message i came from, -1 if it stands beside the list; without it
    each is one of its own. Instructions hold for every turn, and what stands beside the messages is none: both stay.
    The texts of a batch are no conversation: all stay.
    """
    if count is None or conversation.batch:
        return conversation
    messages = conversation.messages
    where = places or range(len(messages))
    kept = set(sorted({at for at in where if at >= 0})[-count:])
    stays = [m for m, at in zip(messages, where, strict=True) if at in kept or at < 0 or m.role in _INSTRUCTIONS]
    return replace(conversation, messages=tuple(stays))


def last_turns(conversation: Conversation) -> Segment | None:
    """What the user said in the last turns, as one text with spaces: a request cut over turns is whole in it.

    For model detectors of a policy with a memory of sessions. None where there is nothing to join.
    """
    users = [m for m in conversation.messages if m.role is Role.USER and m.scope is Scope.USER]
    if conversation.batch or not users or conversation.messages[-1] is not users[-1]:
        return None
    parts: list[Part] = []
    turns = length = 0
    for message in reversed(users[-TURNS:]):
        said = [p for p in message.parts if p.text and not p.identifier]
        length += sum(len(p.text) for p in said)
        if length > LONGEST_JOIN:
            break
        parts = [*said, *parts]
        turns += bool(said)
    return _join(Scope.USER, parts, " ") if turns > 1 else None


def _single(scope: Scope, part: Part, gave: Callable[[str], bool]) -> Segment:
    piece = Piece(part.pointer, 0, len(part.text))
    given = scope is Scope.HISTORY and not part.identifier and gave(part.text)
    return Segment(part.text, Stage.INPUT, scope, (piece,), identifier=part.identifier, given=given)


def _runs(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Neighbours that one speaker sent."""
    run: list[Message] = []
    for message in messages:
        if run and (run[0].role is not message.role or run[0].scope is not message.scope):
            yield run
            run = []
        run.append(message)
    if run:
        yield run


def _join(scope: Scope, parts: Iterable[Part], glue: str) -> Segment:
    text, pieces = "", []
    for part in parts:
        text += glue if text else ""
        pieces.append(Piece(part.pointer, len(text), len(text) + len(part.text)))
        text += part.text
    return Segment(text, Stage.INPUT, scope, tuple(pieces))
