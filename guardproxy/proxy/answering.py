"""The output half of the natural path: an upstream answer through the moderator, plain or streamed.

One moderator, one feed for each piece, one flush for each choice: a plain answer is a stream that comes in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from guardproxy.core.commands import Channel, ChannelKind, Command, Fault, Halt, Inspect, Release
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision, decide
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Policy, PolicyRef
from guardproxy.detectors.bench import Bench, Inspection
from guardproxy.errors import GuardUnavailable
from guardproxy.proxy.wording import Notice, Wording
from guardproxy.wire.answer import joined
from guardproxy.wire.envelope import Ask
from guardproxy.wire.logprobs import Logprobs
from guardproxy.wire.request import Request

MERGED = 512
"""Characters up to which released pieces are joined."""


@dataclass(slots=True)
class Given:
    """What one choice has been given so far."""

    releases: list[Release] = field(default_factory=list)
    halt: Decision | None = None

    def add(self, release: Release) -> None:
        """Words of a stream that follow each other unchanged are kept as one: a long answer has very many of them."""
        last = self.releases[-1] if self.releases else None
        if last is not None and len(last.text) < MERGED and _follows(last, release):
            self.releases[-1] = replace(last, end=release.end, text=last.text + release.text)
        else:
            self.releases.append(release)


def _follows(last: Release, release: Release) -> bool:
    unchanged = all(len(one.text) == one.end - one.start for one in (last, release))
    return unchanged and last.channel == release.channel and last.end == release.start


def refuse_unread(policy: PolicyRef) -> Decision:
    """An answer holds what nobody could have checked: a picture, or a call of a tool that was not offered."""
    none = decide([], policy, Stage.OUTPUT)
    return Decision(
        stage=Stage.OUTPUT,
        action=Action.REFUSE,
        policy=policy,
        would_have=max(none.would_have, Action.REFUSE),
        rule_name="unscannable",
        hazard="unscannable.media",
    )


def ask_of(request: Request, *, refusal_field: bool = False, logprobs: Logprobs = "chosen") -> Ask:
    """What of a request and its route shapes the frame of its answer."""
    return Ask(
        n=request.n,
        include_usage=request.include_usage,
        structured=request.structured,
        refusal_field=refusal_field,
        logprobs=logprobs,
    )


def notices_of(request: Request, words: Wording, decision: Decision, *, unread: bool = False) -> list[Notice]:
    """What the client reads beside an answer; nothing where a notice would corrupt it.

    `unread`: parts passed that nobody has looked at, and the reader may have to be told.
    """
    if not request.noticed:
        return []
    told = words.unread(request.conversation) if unread else []
    return [*words.notices(decision.verdicts, decision.stage, request.conversation), *told]


class Moderated:
    """A moderator with its detectors: commands go in a circle until nothing is asked any more.

    `strict`: whatever the rules say, no failure of a detector is passed over. `whole`: the answer leaves in one piece.
    """

    def __init__(
        self,
        policy: Policy,
        bench: Bench,
        context: Context,
        exchange: str,
        *,
        strict: bool = False,
        whole: bool = False,
    ) -> None:
        self._bench = bench
        self._exchange = exchange
        self._fatal = _every if strict else bench.fatal
        scanners = bench.patient_scanners if whole else bench.scanners
        self._moderator = Moderator(Plan(policy, context, scanners, bench.classifies, self._fatal))
        self._policy = policy
        self.given: dict[int, Given] = {}
        self.seen: list[Inspection] = []
        self.passed: list[Failure] = []
        """Failures that no rule minds: the text they are about goes on."""
        self.kept: list[tuple[int, Channel, str]] | None = None
        """What the model said, piece by piece; kept only for a candidate policy."""
        self.characters = 0
        """How much the model has said."""
        self._found: dict[int, list[Finding]] = {}
        self._ended: dict[int, Decision] = {}

    async def feed(self, choice: int, deltas: Sequence[tuple[Channel, str]]) -> list[Command]:
        """Text of one choice, channel by channel; returns releases and halts in order."""
        commands: list[Command] = []
        for channel, text in deltas:
            self.characters += len(text)
            if self.kept is not None:
                self.kept.append((choice, channel, text))
            commands += await self._settle(self._moderator.feed(choice, channel, text))
        return commands

    async def feed_whole(self, choice: int, texts: Sequence[tuple[Channel, str]]) -> list[Command]:
        """All texts of one choice. Those beside its words are closed one by one, so that many cost no more than few."""
        commands: list[Command] = []
        last = {channel: at for at, (channel, _) in enumerate(texts)}
        for at, (channel, text) in enumerate(texts):
            commands += await self.feed(choice, [(channel, text)])
            if channel.kind is ChannelKind.OTHER and last[channel] == at and not self.is_halted(choice):
                commands += await self.close(choice, channel)
        return commands

    async def close(self, choice: int, channel: Channel) -> list[Command]:
        """The upstream has finished this channel of a choice that goes on."""
        return await self._settle(self._moderator.close(choice, channel))

    async def flush(self, choice: int) -> list[Command]:
        """The upstream has finished this choice."""
        return await self._settle(self._moderator.flush(choice))

    @property
    def waits(self) -> bool:
        """False: nothing will come of `tick` before more text has come."""
        return self._moderator.waits

    async def tick(self, now_ms: float) -> list[Command]:
        """Time passes: text held for long is looked at early, never released unchecked."""
        return await self._settle(self._moderator.tick(now_ms))

    def end(self, choice: int, decision: Decision) -> Halt:
        """Halts a choice for a reason no rule wrote."""
        self._ended[choice] = decision
        halt = Halt(choice, decision)
        self._note(halt)
        return halt

    def harden(self, halt: Halt) -> Halt:
        """A halt to be written again, as the refusal it is once something has left."""
        return self.end(halt.choice, replace(halt.decision, action=Action.REFUSE))

    def is_halted(self, choice: int) -> bool:
        """True once the choice has been refused."""
        return self.given.get(choice, Given()).halt is not None

    def was_ended(self, choice: int) -> bool:
        """True when a choice was halted for a reason that no rule wrote."""
        return choice in self._ended and self._ended[choice].because is None

    def decision(self, choice: int) -> Decision:
        """The output decision of one choice."""
        return self._ended.get(choice) or self._moderator.decision(choice)

    def decisions(self) -> tuple[Decision, ...]:
        """The output decisions of all choices seen."""
        return tuple(self.decision(choice) for choice in sorted(self.given))

    def delivered(self) -> Iterator[str]:
        """The texts that left, whole choices only, if model detectors have judged them; else none."""
        if not self._bench.classifies or any(seen.failures for seen in self.seen):
            return
        for given in self.given.values():
            if given.halt is None:
                yield from (said.text for said in joined(given.releases))

    def found(self, choice: int) -> list[Finding]:
        """What detectors saw in the windows of one choice, whether a rule heard it or not."""
        return self._found.get(choice, [])

    async def _settle(self, commands: list[Command]) -> list[Command]:
        """Answers every inspection; windows asked for together are looked at together."""
        done: list[Command] = []
        open_commands = list(commands)
        while open_commands:
            asked = [c for c in open_commands if isinstance(c, Inspect)]
            for command in open_commands:
                if isinstance(command, Fault):
                    raise GuardUnavailable("the safety check stopped working; this says nothing about the request")
                if not isinstance(command, Inspect):
                    self._note(command)
                    done.append(command)
            if not asked:
                return done
            open_commands = []
            looks = [self._bench.inspect_window(c.window.segment(self._exchange)) for c in asked]
            for command, seen in zip(asked, await asyncio.gather(*looks), strict=True):
                self.seen.append(seen)
                self.passed += [failure for failure in seen.failures if not self._fatal(failure)]
                self._found.setdefault(command.window.choice, []).extend(seen.findings)
                open_commands += self._moderator.answer(command.window.id, seen.findings, seen.failures)
        return done

    def _note(self, command: Command) -> None:
        if isinstance(command, Release):
            self.given.setdefault(command.choice, Given()).add(command)
        elif isinstance(command, Halt):
            self.given.setdefault(command.choice, Given()).halt = command.decision


def _every(failure: Failure) -> bool:
    del failure
    return True
