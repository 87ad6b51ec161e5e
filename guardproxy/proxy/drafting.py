"""When a rule says `regenerate`: a draft is thrown away before anything of it has left, and the model is asked again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from guardproxy.core.decide import Decision
from guardproxy.core.drafts import rejects
from guardproxy.core.rules import Action
from guardproxy.proxy.answering import Moderated


class DraftRejected(Exception):
    """The draft is not to leave. Holds the decision, never the text."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("a draft is written again")
        self.decision = decision


@dataclass(slots=True)
class Drafts:
    """The drafts of one exchange that were thrown away."""

    rejected: list[Decision] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Of the draft that comes now; 0 is the model's first answer."""
        return len(self.rejected)

    def seen(self, decision: Decision) -> Decision:
        """The decision on the draft that was kept, as everybody is told: nobody is to think it was the first."""
        if not self.rejected or decision.action >= Action.REGENERATE:
            return decision
        last = self.rejected[-1]
        return replace(
            decision,
            action=Action.REGENERATE,
            because=last.because,
            verdicts=(*decision.verdicts, *last.verdicts),
            would_have=max(decision.would_have, last.would_have),
            rule_name=last.rule_name,
            hazard=last.hazard,
        )


def give_up_on(moderated: Moderated) -> None:
    """Raises DraftRejected when a choice of the draft was stopped to be written again."""
    for choice in sorted(moderated.given):
        if moderated.is_halted(choice) and rejects(moderated.decision(choice)):
            raise DraftRejected(moderated.decision(choice))
