"""One exchange as a turn of its session: who it is, where it stands, what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.conversation import Conversation, Message, Role
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Finding
from guardproxy.core.rules import Policy
from guardproxy.core.session import SessionState, Visit, step_word
from guardproxy.observe.outcome import SessionNote, subject_of
from guardproxy.state.sessions import Kept, Memory, Recalled

LONGEST_NAME = 512
OPENING_MESSAGES, OPENING_CHARACTERS = 2, 40
"""How much of what the user says must be there before a history tells sessions apart: many begin with "hi"."""


@dataclass(frozen=True, slots=True)
class Who:
    """How a session is told apart: `source` is safety_identifier, header or history; `key` a keyed hash.

    Without a key the turn is judged with the history that came with it, and nothing is remembered.
    """

    source: str
    key: str


def who_of(
    sessions: Memory, tenant: str, conversation: Conversation, *, identifier: str | None, header: str
) -> Who | None:
    """The end user as the client names them, else the header, else whoever began with these words. None: a batch.

    `conversation`: as it was sent, for a beginning that was refused is a beginning still.
    """
    users = [m for m in conversation.messages if m.role is Role.USER]
    if conversation.batch or not (users or identifier or header):
        return None
    for source, value in (("safety_identifier", identifier or ""), ("header", header)):
        if value:
            return Who(source, sessions.key(tenant, source, value[:LONGEST_NAME]))
    opening = _opening(users)
    return Who("history", sessions.key(tenant, "history", opening) if opening else "")


def _opening(users: Sequence[Message]) -> str:
    """The first words of the user that few others will have begun with; "" while there are too few of them."""
    said = ""
    for number, message in enumerate(users, 1):
        said += "\n".join(part.text for part in message.parts if not part.identifier) + "\0"
        if number >= OPENING_MESSAGES and len(said) >= OPENING_CHARACTERS:
            return said
    return ""


def subject_named(tenant: str, *, identifier: str | None, header: str) -> str:
    """Whom the decision log is to forget on request: an end user whom the client names. "" for nobody.

    Whoever began with some words is no subject: nobody could ask for it.
    """
    for source, value in (("safety_identifier", identifier or ""), ("header", header)):
        if value:
            return subject_of(tenant, source, value)
    return ""


@dataclass(slots=True)
class SessionWatch:
    """Asked once for the input, told once at the end."""

    memory: Memory
    who: Who
    seen: Recalled
    visit: Visit
    _outputs: Sequence[Decision] | None = None
    _findings: Sequence[Finding] = ()
    _kept: bool = False

    def settle(self, outputs: Sequence[Decision], findings: Sequence[Finding]) -> None:
        """How the turn has ended; only the first word counts. `findings`: what was seen in the answer."""
        if self._outputs is None:
            self._outputs, self._findings = outputs, findings

    async def keep(self) -> None:
        """Remembers the turn, once."""
        if not self._kept and self.who.key:
            self._kept = True
            await self.memory.keep(self.who.key, self.seen, self._settled)

    def _settled(self, current: SessionState) -> Kept:
        state = self.visit.settled(self._outputs or (), self._findings, current)
        return Kept(state, self._expires(state))

    def note(self) -> SessionNote:
        """What the decision log says of it: numbers."""
        visit = self.visit
        levels = tuple((level.leaf, level.total) for level in visit.levels)
        return SessionNote(self.who.source, levels, step_word(visit.levels, visit.policy), visit.resting)

    def _expires(self, state: SessionState) -> float:
        """What still counts is remembered to its end."""
        policy = self.visit.policy
        ends = [pause.until for pause in state.pauses.running]
        if policy.cool_down:
            ends += [mark.at + policy.cool_down.within for mark in state.pauses.marks]
        return max([self.visit.now + policy.memory.keep, *ends])


async def watch_of(memory: Memory, who: Who | None, policy: Policy, now: float) -> SessionWatch | None:
    """None where the policy keeps no session in mind."""
    if who is None or (policy.escalation is None and policy.cool_down is None):
        return None
    seen = await memory.recall(who.key, now) if who.key else Recalled(SessionState(at=now), now)
    return SessionWatch(memory, who, seen, Visit(policy, seen.state, now))
