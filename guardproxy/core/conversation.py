"""What the request says, with the surface removed, and the pieces of text that get looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

Step = str | int
"""One step of a path into a JSON tree: a key or a list index."""


class Stage(StrEnum):
    """Where a text stands: on its way to the model, or on its way back."""

    INPUT = "input"
    OUTPUT = "output"


class Scope(StrEnum):
    """Whose text an input segment is. Output text has the scope of its stage: `MODEL`."""

    USER = "user"
    HISTORY = "history"
    SYSTEM = "system"
    TOOL_RESULT = "tool_result"
    TOOL_DEFINITION = "tool_definition"
    MODEL = "model"


INPUT_SCOPES = frozenset(Scope) - {Scope.MODEL}


class Role(StrEnum):
    """Who speaks, in the words of the chat surface."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place in the parsed body.

    `path` leads to a string; when that string is itself JSON (tool arguments), `inner` leads on inside
    the decoded value. `key` is true when the text is the name of an object's member, not its value:
    such a text can be refused but not replaced.
    """

    path: tuple[Step, ...]
    inner: tuple[Step, ...] | None = None
    key: bool = False

    def __str__(self) -> str:
        out = ""
        for step in self.path + (self.inner or ()):
            out += f"[{step}]" if isinstance(step, int) else (f".{step}" if out else step)
        return out


@dataclass(frozen=True, slots=True)
class Part:
    """One text leaf of a message. `identifier` marks fields that only personal-data rules look at."""

    text: str
    pointer: Pointer
    identifier: bool = False

    def __repr__(self) -> str:
        return f"Part({len(self.text)} chars at {self.pointer})"


@dataclass(frozen=True, slots=True)
class Message:
    """What one speaker says in one go.

    Texts outside `messages` (tool definitions, unknown fields …) come as messages of their own with
    `role` None: they are looked at singly and never joined with a neighbour.
    """

    role: Role | None
    scope: Scope
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Unscannable:
    """A part no text detector can read: its kind (`image`, `audio`, `file`, `audio_answer`, `token_ids`), its place.

    `redacted_thinking` and `compaction`: only the model's maker can read them. `scope` is that of the message it stands in.
    """

    kind: str
    pointer: Pointer
    scope: Scope = Scope.USER


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything textual in one request, in order; `extras` holds the texts outside the messages.

    `batch`: the messages are texts of their own, and nobody reads one after the other.
    """

    messages: tuple[Message, ...]
    extras: tuple[Message, ...] = ()
    unscannable: tuple[Unscannable, ...] = ()
    batch: bool = False

    def last_user_text(self) -> str:
        """The last thing the user says, parts joined by line feeds; of a batch all texts; "" if there is none."""
        if self.batch:
            return "\n".join(part.text for message in self.messages for part in message.parts)
        for message in reversed(self.messages):
            if message.role is Role.USER:
                return "\n".join(part.text for part in message.parts if not part.identifier)
        return ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Which part of a segment's text came from which place: `text[start:end]` stands at `pointer`."""

    pointer: Pointer
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A text to look at, and where it came from.

    Offsets are code points. Input: `pieces` map the text back to places in the body; a segment with
    several pieces is a join of neighbours, made so that a phrase cut in two is seen. Output: `at` is
    the offset of the text in its channel, and `pieces` is empty.
    """

    text: str
    stage: Stage
    scope: Scope
    pieces: tuple[Piece, ...] = ()
    at: int = 0
    identifier: bool = False
    context: str = ""
    """For detectors that judge an exchange: the last user text. Never scanned by itself."""
    given: bool = False
    """An answer of the history that this service gave itself: model detectors have judged it, as an answer."""

    @property
    def joined(self) -> bool:
        """True for a join of several pieces."""
        return len(self.pieces) > 1

    @classmethod
    def of_medium(cls, part: Unscannable) -> Segment:
        """What a finding about a picture, a sound or a file is about: a place without text."""
        return cls("", Stage.INPUT, part.scope, (Piece(part.pointer, 0, 0),))

    def digest(self) -> str:
        """SHA-256 of the text, hex: equality without content."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def __repr__(self) -> str:
        return f"Segment({self.stage}/{self.scope}, {len(self.text)} chars, sha256 {self.digest()[:12]})"
