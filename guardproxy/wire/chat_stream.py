"""The stream writer: upstream chunks in, released chunks out. No I/O.

    stream = ChatStream(envelope, ask)
    reading = stream.chunk(tree)             Reading(deltas, finished, called): feed the deltas to the moderator,
                                             flush it for each finished choice; raises errors.UpstreamBadAnswer
    stream.release(Release) -> list[bytes]   for every Release the moderator answers with
    stream.ready() -> list[bytes]            after each chunk: what needs no text (more) to leave
    stream.notice(choice, text, before=…) -> list[bytes]
    stream.halt(choice, text) -> list[bytes]              the choice is refused; others go on
    stream.finish(annotation) -> list[bytes]              finish chunks, usage, [DONE]
    stream.fault(code, message, annotation) -> list[bytes]   error frame, finish `length`, [DONE]
    stream.complete                          every choice seen has its finish reason (or was halted)
    read_chunk(Event, shape=CHAT) -> dict    an event's JSON

Finish chunks wait for `finish`, because the last chunk with choices carries the annotation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.commands import CONTENT, ChannelKind, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import WHOLE_CONTENT, Called
from guardproxy.wire.answer_fields import (
    TextLeaf,
    called_names,
    calls_tools,
    choice_leaves,
    load_answer,
    normalise,
    top_leaves,
)
from guardproxy.wire.body import Tree
from guardproxy.wire.dialect import AnswerStream, Delta, Reading
from guardproxy.wire.envelope import NO_USAGE, Ask, Envelope, delta_choice, refusal_deltas, refused_finish
from guardproxy.wire.errors import error_body
from guardproxy.wire.fence import Fence
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.held_chunk import FRAME
from guardproxy.wire.inline_moderation import NAME
from guardproxy.wire.shape import CHAT, Shape
from guardproxy.wire.sse import DONE, Event, event
from guardproxy.wire.stream_fields import UnknownFields, Watched
from guardproxy.wire.stream_queue import ChoiceQueue, Out, below_choice

MOST_CHOICES = 128


@dataclass(frozen=True, slots=True)
class _Loose:
    """A chunk without choices; its unknown strings are cleared by the queue of one of the choices."""

    seq: int
    tree: Tree
    watched: tuple[Watched, ...]
    fields: UnknownFields


@dataclass(slots=True)
class _Choice:
    queue: ChoiceQueue
    seen: bool = False
    finished: bool = False
    own_finish: Out | None = None
    halted: bool = False
    role_sent: bool = False
    own_role: bool = False
    wrote: bool = False
    fence: Fence = field(default_factory=Fence)
    names: dict[str, list[str]] = field(default_factory=dict)
    after: str = ""
    tail: list[Out] = field(default_factory=list)


def read_chunk(received: Event, shape: Shape = CHAT) -> Tree:
    """The JSON of an event. Raises UpstreamBadAnswer unless it is an object."""
    return shape.inward(load_answer(received.data), "delta")


class ChatStream(AnswerStream):
    """See the module's text."""

    def __init__(self, envelope: Envelope, ask: Ask = Ask()) -> None:  # noqa: B008 - frozen
        self._envelope = envelope
        self._ask = ask
        self._content = WHOLE_CONTENT if ask.structured else CONTENT
        self._choices: dict[int, _Choice] = {}
        self._loose: list[_Loose] = []
        self._usage_chunk: _Loose | None = None
        self._usage: Tree | None = None
        self._like: Tree = {}
        self._seq = 0
        self._over = False

    @property
    def complete(self) -> bool:
        """True when at least one choice came and each has ended; else the stream was cut."""
        seen = [choice for choice in self._choices.values() if choice.seen]
        return bool(seen) and all(choice.finished or choice.halted for choice in seen)

    @property
    def all_halted(self) -> bool:
        """True when every choice asked for has been refused: the upstream may be closed."""
        halted = sum(choice.halted for choice in self._choices.values())
        return halted >= max(self._ask.n, len(self._choices))

    def chunk(self, tree: Tree) -> Reading:
        """Queues a chunk of the upstream, one piece for each of its choices. Takes the tree over."""
        if tree.get("choices") is None:
            tree["choices"] = []
        choices = normalise(tree, "delta")
        if isinstance(tree.get("usage"), dict):
            self._usage = tree["usage"]
        if not choices:
            return self._take_loose(tree)
        self._like = self._like or _frame_of(tree)
        deltas: list[Delta] = []
        finished: list[int] = []
        called: list[Called] = []
        for choice in choices:
            index = _index(choice)
            state = self._choice(index)
            state.seen = True
            if state.halted:
                continue
            was_finished = state.finished
            deltas += self._take(index, state, {**tree, "choices": [choice]})
            if state.finished and not was_finished:
                finished.append(index)
                called += [Called(index, _called_name(parts)) for parts in state.names.values()]
        return Reading(tuple(deltas), tuple(finished), tuple(called))

    def release(self, release: Release) -> list[bytes]:
        """Lets text of a choice leave; gives the chunks that can go now."""
        state = self._choice(release.choice)
        if state.halted:
            return []
        state.queue.release(release)
        return self._drain(release.choice)

    def ready(self) -> list[bytes]:
        """Chunks that wait for no text any more."""
        out = [frame for index in self._choices for frame in self._drain(index)]
        waiting = any(state.queue.first_seq is not None for state in self._choices.values())
        return out if waiting or not self._wrote() else [*out, *self._loose_until(self._seq + 1)]

    def notice(self, choice: int, text: str, *, before: bool) -> list[bytes]:
        """A notice before the first or after the last text of a choice."""
        state = self._choice(choice)
        if not before:
            state.after = text
            return []
        return [*self._role(choice, state), *self._own(choice, state, [{"content": text + "\n\n"}])]

    def halt(self, choice: int, text: str) -> list[bytes]:
        """Refuses a choice: what left is closed cleanly, a blank line and the text follow. Later chunks are dropped."""
        state = self._choice(choice)
        if state.halted:
            raise AssertionError("a choice was halted twice; this is a bug")
        state.queue.drop()
        state.seen, state.halted, state.tail, state.after = True, True, [], ""
        in_field = self._ask.in_field and not state.wrote
        out = self._role(choice, state, content=None if in_field else "")
        if state.wrote:
            out += self._own(choice, state, [{"content": state.fence.closing() + "\n\n"}])
        state.own_finish = self._own_finish(choice, refused_finish(in_field))
        return [*out, *self._own(choice, state, refusal_deltas(text, in_field))]

    def finish(self, annotation: Tree | None = None) -> list[bytes]:
        """The regular end: what is released leaves, then finish chunks in the order of arrival, usage, [DONE]."""
        out: list[bytes] = []
        for index, state in sorted(self._choices.items()):
            out += self._drain(index, final=True)
            if state.after and not state.halted:
                out += self._own(index, state, [{"content": ("\n\n" if state.wrote else "") + state.after}])
        out += self._loose_until(self._seq + 1)
        return [*out, *self._ends(annotation), *self._moderation_end(annotation), *self._usage_end(), self._done()]

    def broke_off(self, choice: int) -> None:
        """See `AnswerStream`."""
        self._choice(choice).finished = False

    def fault(self, code: str, message: str, annotation: Tree | None = None) -> list[bytes]:
        """The end after a fault: held text is dropped, an error frame, finish `length`, [DONE].

        A choice that has ended keeps its reason, but not when the log has no record of how: nothing of it counts then.
        """
        unrecorded = code == "audit_unavailable"
        frame = event(error_body(message, kind="server_error", code=code))
        for index in [at for at, state in self._choices.items() if state.seen] or [0]:
            state = self._choice(index)
            open_ = not state.halted and (not state.finished or state.queue.first_seq is not None)
            if unrecorded or open_:
                state.queue.drop()
                state.own_finish, state.tail = self._own_finish(index, "length"), []
        return [frame, *self._ends(annotation), self._done()]

    def _take(self, index: int, state: _Choice, tree: Tree) -> list[Delta]:
        """Queues one choice's chunk; a finish reason is split off, so that text never waits for the end."""
        choice = tree["choices"][0]
        leaves = choice_leaves(choice, "delta", self._content, state.queue.keys)
        speaks = calls_tools(choice, "delta") or any(leaf.channel.kind is not ChannelKind.OTHER for leaf in leaves)
        if state.finished:
            if not speaks:  # text after the finish reason is against the protocol: it does not leave
                state.tail.append(self._late_chunk(state, tree, leaves))
            return []
        for called in called_names(choice, "delta", state.queue.keys):
            state.names.setdefault(called.key, []).append(called.name)
        ends = choice.get("finish_reason") is not None
        texts = []
        if speaks or not ends:
            first = (_without_finish(tree), None) if ends else (tree, leaves)
            texts += state.queue.add(first[0], self._next(), first[1])
        if ends:
            state.finished = True
            texts += state.queue.end(_without_text(tree) if speaks else tree, self._next())
        return [Delta(index, text.channel, text.text) for text in texts]

    def _late_chunk(self, state: _Choice, tree: Tree, leaves: list[TextLeaf]) -> Out:
        """A chunk that comes after the finish reason (Azure's filter results): no new string leaves any more."""
        if tree["choices"][0].get("logprobs") is not None:
            tree["choices"][0]["logprobs"] = None
        fields = state.queue.fields
        watched = fields.watch([*top_leaves(tree), *map(below_choice, leaves)], new=False)
        return Out(self._next(), fields.only_cleared(tree, watched))

    def _take_loose(self, tree: Tree) -> Reading:
        """A chunk without choices: one with usage waits for the end, others leave in order."""
        seen = [index for index, state in self._choices.items() if state.seen]
        running = [index for index in seen if not (self._choices[index].finished or self._choices[index].halted)]
        index = min(running or seen, default=0)
        fields = self._choice(index).queue.fields
        watched = fields.watch(top_leaves(tree), new=bool(running or not seen))
        loose = _Loose(self._next(), tree, tuple(watched), fields)
        if isinstance(tree.get("usage"), dict):
            self._usage_chunk = loose
        else:
            self._loose.append(loose)
        return Reading(tuple(Delta(index, w.leaf.channel, w.told) for w in watched if w.fresh))

    def _drain(self, index: int, *, final: bool = False) -> list[bytes]:
        state = self._choices[index]
        out: list[bytes] = []
        for ready in state.queue.ready(final=final):
            out += [*self._loose_until(ready.seq), self._frame(state, ready.tree)]
        return out

    def _frame(self, state: _Choice, tree: Tree) -> bytes:
        delta = tree["choices"][0].get("delta")
        if isinstance(delta, dict):
            if delta.get("role") and state.own_role:
                delta.pop("role")
            state.role_sent = state.role_sent or bool(delta.get("role"))
            content = _content_text(delta.get("content"))
            state.wrote = state.wrote or bool(content)
            state.fence.feed(content)
        return self._envelope.frame(tree)

    def _loose_until(self, seq: int) -> list[bytes]:
        gone = [loose for loose in self._loose if loose.seq < seq]
        self._loose = [loose for loose in self._loose if loose.seq >= seq]
        return [self._envelope.frame(loose.fields.only_cleared(loose.tree, loose.watched)) for loose in gone]

    def _role(self, index: int, state: _Choice, content: str | None = "") -> list[bytes]:
        if state.role_sent or not self._envelope.shape.roles:
            return []
        state.role_sent = state.own_role = True
        start = delta_choice(index, {"role": "assistant", "content": content})
        return [self._envelope.frame(self._like_chunk([start]))]

    def _own(self, index: int, state: _Choice, deltas: list[Tree]) -> list[bytes]:
        state.queue.started = True
        return [self._frame(state, self._like_chunk([delta_choice(index, delta)])) for delta in deltas]

    def _own_finish(self, index: int, reason: str) -> Out:
        return Out(self._next(), self._like_chunk([delta_choice(index, {}, reason)]))

    def _ends(self, annotation: Tree | None) -> list[bytes]:
        ends = [state.own_finish or state.queue.finish() for state in self._choices.values()]
        late = [chunk for state in self._choices.values() for chunk in state.tail]
        chunks = [end.tree for end in sorted([*filter(None, ends), *late], key=lambda end: end.seq)]
        if chunks and annotation:
            chunks[-1] = {**chunks[-1], **annotation}
        return [self._envelope.frame(chunk) for chunk in chunks]

    def _moderation_end(self, annotation: Tree | None) -> list[bytes]:
        """OpenAI's own chunk for what moderation says, beside the one on the last chunk with choices."""
        if not annotation or NAME not in annotation:
            return []
        return [self._envelope.frame({**self._like_chunk([]), NAME: annotation[NAME]})]

    def _usage_end(self) -> list[bytes]:
        """The upstream's own usage chunk; if there is none, one of ours when it was asked for."""
        if self._usage_chunk is not None:
            loose = self._usage_chunk
            return [self._envelope.frame(loose.fields.only_cleared(loose.tree, loose.watched))]
        if not self._ask.include_usage:
            return []
        return [self._envelope.frame({**self._like_chunk([]), "usage": self._usage or dict(NO_USAGE)})]

    def _like_chunk(self, choices: list[Tree]) -> Tree:
        """A chunk of ours that looks like the upstream's: same id, same model."""
        return {**self._envelope.chunk([]), **self._like, "choices": choices}

    def _choice(self, index: int) -> _Choice:
        if index not in self._choices:
            self._choices[index] = _Choice(ChoiceQueue(self._content, self._ask.logprobs))
        return self._choices[index]

    def _wrote(self) -> bool:
        return any(state.queue.started for state in self._choices.values())

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _done(self) -> bytes:
        if self._over:
            raise AssertionError("a stream ended twice; this is a bug")
        self._over = True
        return DONE


def _frame_of(tree: Tree) -> Tree:
    """What our own chunks take over from the upstream's."""
    names = {name: tree.get(name) for name in ("id", "model")}
    frame: Tree = {name: value for name, value in names.items() if isinstance(value, str) and is_control_value(value)}
    if isinstance(tree.get("created"), int):
        frame["created"] = tree["created"]
    return frame


def _without_finish(tree: Tree) -> Tree:
    """The text of a chunk that also ends its choice."""
    choice = tree["choices"][0]
    first = {name: choice[name] for name in ("index", "delta", "logprobs") if name in choice}
    frame = {name: tree[name] for name in FRAME if name in tree}
    return {**frame, "choices": [{**first, "finish_reason": None}]}


def _without_text(tree: Tree) -> Tree:
    """The end of such a chunk."""
    choice = tree["choices"][0]
    last = {name: value for name, value in choice.items() if name != "logprobs"}
    return {**tree, "choices": [{**last, "delta": {}}]}


def _index(choice: Tree) -> int:
    index = choice.get("index", 0)
    if not isinstance(index, int) or isinstance(index, bool):
        return 0
    if not 0 <= index < MOST_CHOICES:
        raise UpstreamBadAnswer("the upstream sends more choices than anybody asked for")
    return index


def _called_name(parts: list[str]) -> str:
    """Names come whole, in pieces, or again with every piece of the arguments."""
    return parts[0] if len(set(parts)) == 1 else "".join(parts)


def _content_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
    return content if isinstance(content, str) else ""
