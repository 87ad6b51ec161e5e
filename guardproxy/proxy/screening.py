"""The input half of the natural path: segments → findings → verdicts → decision → body for the upstream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from guardproxy.core.asked import decide_input
from guardproxy.core.catalogue import Catalogue
from guardproxy.core.conversation import Conversation, Role, Segment
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.core.judge import Context, Verdict
from guardproxy.core.redact import apply, by_place
from guardproxy.core.refusal import is_own_refusal
from guardproxy.core.rules import Action, Policy, Unscanned
from guardproxy.core.segments import input_segments, last_turns, latest
from guardproxy.detectors.base import Medium
from guardproxy.detectors.bench import Bench, Inspection, together
from guardproxy.errors import BadRequest, GuardUnavailable, Overloaded
from guardproxy.proxy.wording import Wording
from guardproxy.wire.patch import Replacement, drop_messages, patch, value_at
from guardproxy.wire.request import SEALED_KINDS, Request, unscannable_error

UNSCANNABLE, MEDIA = "unscannable", "unscannable.media"
_UNREAD = {Unscanned.REFUSE: Action.REFUSE, Unscanned.WARN: Action.WARN, Unscanned.ALLOW: Action.ALLOW}


@dataclass(frozen=True, slots=True)
class Screened:
    """The input, judged. `tree` is what may go upstream, patched where a rule redacted.

    `unread`: it holds parts that nobody has looked at, and the policy lets them pass.
    """

    decision: Decision
    tree: dict[str, object]
    digests: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Looks:
    """What looks at an exchange: the policy, its detectors, and what exceptions need to know."""

    policy: Policy
    bench: Bench
    context: Context


def forget_refused(request: Request, policy: Policy, catalogue: Catalogue) -> Request:
    """Drops user turns that we refused, and our refusals: one refusal does not lock the chat (aisix #1159)."""
    if not policy.forget_refused or not policy.disclosing.source_line:
        return request
    messages = request.conversation.messages
    entries = request.entries or range(len(messages))
    gone: set[int] = set()
    for at in range(1, len(messages)):
        said = "".join(p.text for p in messages[at].parts if not p.identifier)
        answered = messages[at].role is Role.ASSISTANT and messages[at - 1].role is Role.USER
        if answered and is_own_refusal(said, catalogue):
            # What stands between the two (thoughts) belongs to the answer.
            gone |= set(range(entries[at - 1], entries[at] + 1)) - {-1}
    if not gone:
        return request
    # The body is read again without them, so that every pointer fits the body that goes upstream.
    from_tree = drop_messages(request.tree, sorted(gone), request.speech)
    return replace(request, tree=from_tree)


def looked_at(request: Request, policy: Policy) -> Conversation:
    """What input rules look at: `conversation.messages` of the policy leaves out older messages.

    Parts nobody can read are met wherever they stand: `on_unscannable` is no rule.
    """
    return latest(request.conversation, policy.messages_looked_at, request.entries)


def check_limits(conversation: Conversation, policy: Policy, words: Wording) -> None:
    """Raises BadRequest for token ids, whatever the policy says of other unreadable parts, and for too much text.

    And for what is sealed, unless the policy lets it pass: no refusal would tell the programmer to leave it out.
    """
    for part in conversation.unscannable:
        sealed = part.kind in SEALED_KINDS and policy.on_unscannable is Unscanned.REFUSE
        if part.kind == "token_ids" or sealed:
            raise unscannable_error(part)
    texts = (p for m in (*conversation.messages, *conversation.extras) for p in m.parts)
    if sum(len(p.text) for p in texts) > policy.max_input_chars:
        raise BadRequest(words.plain("hard", "unscannable.too_long"), code="request_too_large", status=413)


async def screen(
    request: Request,
    looks: Looks,
    note: Callable[[Inspection], None],
    gave: Callable[[str], bool] = lambda _: False,
    early: Callable[[Inspection], None] | None = None,
) -> Screened:
    """Looks at everything textual and decides. Raises what `complain` does when a closed rule could not be judged.

    `gave`: is this text an answer of ours? Read as a request, a harmless one may look like a harmful one, and it
    comes back with every turn. `early`: is told what the instant detectors found while the others still look.
    """
    policy, bench = looks.policy, looks.bench
    segments = input_segments(looked_at(request, policy), gave)
    parts = request.conversation.unscannable
    shown = [part for part in parts if part.kind in bench.media]
    media = [Medium(p.kind, Segment.of_medium(p), value_at(request.tree, p.pointer.path)) for p in shown]
    seen = await bench.inspect(segments, early)
    if media:
        seen = together([seen, await bench.inspect_media(media)])
    note(seen)
    complain(bench, seen.failures)
    decision = decide_input(seen.findings, policy, looks.context)
    redacting = [v for v in decision.enforced if v.action is Action.REDACT]
    unread = not all(bench.reads(part) for part in parts)
    if unread:
        decision = unscannable(decision, policy)
    tree = request.tree
    if redacting and decision.action < Action.REFUSE:
        tree = _redacted(tree, redacting, segments)
    return Screened(
        decision=decision,
        tree=tree,
        digests=tuple(s.digest() for s in segments if not s.joined),
        findings=tuple(seen.findings),
        failures=tuple(seen.failures),
        unread=unread and policy.on_unscannable is not Unscanned.REFUSE,
    )


async def look_over_turns(
    request: Request, policy: Policy, bench: Bench, note: Callable[[Inspection], None]
) -> tuple[Finding, ...]:
    """What model detectors make of the user's last turns as one text: for the session's sum, not for rules.

    Raises as `screen` does.
    """
    joined = last_turns(looked_at(request, policy)) if policy.escalation is not None else None
    if joined is None:
        return ()
    seen = await bench.inspect_window(joined)
    note(replace(seen, findings=()))
    complain(bench, seen.failures)
    return seen.findings


def complain(
    bench: Bench, failures: Sequence[Failure], who: str = "the safety check", what: str = "the request"
) -> None:
    """Raises when a rule that fails closed could not be judged: Overloaded if nothing but a full queue was the cause.

    Both say nothing about what was asked, and neither is a refusal.
    """
    fatal = [failure for failure in failures if bench.fatal(failure)]
    if not fatal:
        return
    if all(failure.kind is FailureKind.OVERLOADED for failure in fatal):
        raise Overloaded(f"{who} has too much to look at right now; this says nothing about {what}")
    raise GuardUnavailable(f"{who} is not working right now; this says nothing about {what}")


def unscannable(decision: Decision, policy: Policy) -> Decision:
    """The decision on a stage that holds parts nobody can read, as `on_unscannable` has it; a graver one stands."""
    action = _UNREAD[policy.on_unscannable]
    if action <= decision.action:
        return decision
    would_have = max(decision.would_have, action)
    made = replace(decision, action=action, because=None, would_have=would_have)
    return replace(made, rule_name=UNSCANNABLE, hazard=MEDIA)


def _redacted(tree: dict[str, object], verdicts: list[Verdict], segments: list[Segment]) -> dict[str, object]:
    replacements = []
    for placed in by_place(verdicts, segments):
        text = next(s.text for s in segments if not s.joined and s.pieces and s.pieces[0].pointer == placed.pointer)
        replacements.append(Replacement(placed.pointer, apply(text, placed.redactions)))
    return patch(tree, replacements)
