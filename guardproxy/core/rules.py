"""A policy as the proxy runs it: compiled, frozen, without files or formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from hashlib import sha256
from types import MappingProxyType

from guardproxy.core.conversation import INPUT_SCOPES, Scope, Stage


class Action(IntEnum):
    """What we do, mildest first; the largest one is the decision."""

    ALLOW = 0
    LOG = 1
    WARN = 2
    REDACT = 3
    REGENERATE = 4
    REFUSE = 5

    @property
    def word(self) -> str:
        """The name used in policies, headers, labels and logs."""
        return self._name_.lower()


class Kind(StrEnum):
    """What a rule listens to."""

    HAZARD = "hazard"
    DETECTOR = "detector"
    WORDS = "words"
    PATTERN = "pattern"


class Mode(StrEnum):
    """Whether a verdict counts."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    DISABLED = "disabled"


class FailMode(StrEnum):
    """What happens when a detector a rule needs cannot look."""

    CLOSED = "closed"
    OPEN = "open"


class NoticePlace(StrEnum):
    """Where a warn notice stands in the answer."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class LadderStep:
    """From `threshold` on (equal counts), `action` is reached."""

    action: Action
    threshold: float


@dataclass(frozen=True, slots=True)
class Ladder:
    """Steps with rising thresholds and rising actions. `on_match: x` is the ladder `[x at 1.0]`."""

    steps: tuple[LadderStep, ...]

    def reached(self, score: float) -> LadderStep | None:
        """The highest step at or below the score."""
        best = None
        for step in self.steps:
            if score >= step.threshold:
                best = step
        return best


@dataclass(frozen=True, slots=True)
class Source:
    """Where something was written, for `explain` and reports."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class LocaleTexts:
    """Texts by BCP-47 tag."""

    by_locale: tuple[tuple[str, str], ...] = ()

    def get(self, locale: str) -> str | None:
        """The text for exactly this tag."""
        return dict(self.by_locale).get(locale)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled.

    `target` is the hazard id, the detector id or the RE2 expression, by `kind`; `phrases` only for
    `words`. `mode` is already the stricter of rule, policy and levels: a rule that does not run at all
    is DISABLED.
    """

    id: str
    kind: Kind
    target: str
    ladder: Ladder
    phrases: tuple[str, ...] = ()
    checks: frozenset[Stage] = frozenset(Stage)
    scopes: frozenset[Scope] = INPUT_SCOPES
    scopes_written: bool = False
    level: int = 1
    mode: Mode = Mode.ENFORCE
    place: NoticePlace = NoticePlace.AFTER
    every_turn: bool = False
    replace_with: str | None = None
    counts_as: str | None = None
    topic: LocaleTexts = LocaleTexts()
    appealable: bool = True
    fails: FailMode = FailMode.CLOSED
    about: str = ""
    source: Source = Source("", 0)

    @property
    def enforced(self) -> bool:
        """True when its verdicts count."""
        return self.mode is Mode.ENFORCE

    @property
    def wording(self) -> str:
        """Names what a words or pattern rule waits for without saying it: eight hex digits; "" for other rules."""
        if self.kind is Kind.WORDS:
            return digest_of(sorted(self.phrases))
        return digest_of([self.target]) if self.kind is Kind.PATTERN else ""

    @property
    def strongest(self) -> Action:
        """The hardest thing this rule can do."""
        return max((s.action for s in self.ladder.steps), default=Action.ALLOW)


def digest_of(words: Iterable[str]) -> str:
    """Eight hex digits that change with any word."""
    return sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:8]


class Release(StrEnum):
    """When answer text may leave."""

    AFTER_CHECK = "after_check"
    BUFFER = "buffer"
    IMMEDIATE = "immediate"


@dataclass(frozen=True, slots=True)
class Streaming:
    """How output text is cut and held. Characters are code points, times milliseconds."""

    release: Release = Release.AFTER_CHECK
    first: int = 160
    characters: int = 400
    overlap: int = 120
    cut_at_sentence: bool = True
    longest_hold_ms: int = 1500
    longest_match: int = 1000


class ThenDo(StrEnum):
    """What an exception turns a finding into."""

    LOG = "log"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class RuleException:
    """A narrow hole in one rule. `phrases` drop findings that lie wholly inside an occurrence.

    `expires` is the POSIX time (seconds) at which it stops to apply.
    """

    rule: str
    then: ThenDo
    expires: float
    phrases: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Names its phrases without saying them: eight hex digits; "" without phrases."""
        return digest_of(sorted(phrase.casefold() for phrase in self.phrases)) if self.phrases else ""


@dataclass(frozen=True, slots=True)
class Regenerate:
    """Safe completion: at most `tries` further drafts with an instruction more, then `fallback`.

    `instruction` empty: the default one (`core.drafts`). `notice`: people are told that the answer was made anew.
    """

    tries: int = 1
    instruction: str = ""
    fallback: Action = Action.REFUSE
    notice: bool = False


DRIFT = 0.22
"""Where benign turns add nothing up in the long run (alignment.md 5.1, simulated scores)."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """How risk adds up over the turns of a session (`core.escalation`). `ladder` has levels of the sum, not scores."""

    hazards: tuple[str, ...]
    ladder: Ladder
    drift: float = DRIFT


@dataclass(frozen=True, slots=True)
class CoolDown:
    """`after` refusals of one hazard family `within` the seconds pause it for `lasts` seconds."""

    after: int
    within: float
    lasts: float


@dataclass(frozen=True, slots=True)
class Memory:
    """How long the numbers of a session are kept, and how fast they halve. Seconds."""

    keep: float = 1800.0
    half_life: float = 600.0


class Unscanned(StrEnum):
    """What happens to parts nobody can read, and to languages nobody covers."""

    REFUSE = "refuse"
    WARN = "warn"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """The policy's name as everybody outside sees it."""

    name: str
    revision: int
    hash: str

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}"


@dataclass(frozen=True, slots=True)
class Disclosing:
    """What the policy tells the user about itself. `first_turn`: the first answer says that an AI speaks."""

    source_line: bool = True
    first_turn: bool = False
    hazards: str = "leaf"


@dataclass(frozen=True, slots=True)
class TaxBudget:
    """What harmless requests may cost (`policy-language.md` 15); None: no promise. It has no effect at run time.

    `over_refusal`: share of harmless requests refused or withheld. `added_p95_ms`: milliseconds that 95 of 100 stay
    below. `extra_tokens`: injected, written again or thrown away for each one delivered.
    """

    over_refusal: float | None = None
    added_p95_ms: int | None = None
    extra_tokens: float | None = None

    @property
    def promises(self) -> bool:
        """True when anything is promised."""
        return self != TaxBudget()


@dataclass(frozen=True, slots=True)
class PolicyTexts:
    """The policy's own texts. Key: `(cell, shape)`, cell = `rule:<id>`, a hazard id, or "" for all."""

    default_locale: str = "en"
    tone: str = "neutral"
    cells: Mapping[tuple[str, str], LocaleTexts] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the flow needs to know of one policy. Made by `policy.compile`, never by hand in the proxy.

    Worked out once: `holding`, the rules that can stop or replace text of an answer, and `reach`, how far an
    exception's phrase may reach beyond the finding it excuses, in characters.
    """

    ref: PolicyRef
    rules: tuple[Rule, ...]
    owner: str = ""
    about: str = ""
    on_unscannable: Unscanned = Unscanned.REFUSE
    max_input_chars: int = 200_000
    refuse_logit_bias: bool = False
    streaming: Streaming = Streaming()
    disclosing: Disclosing = Disclosing()
    texts: PolicyTexts = field(default_factory=PolicyTexts)
    exceptions: tuple[RuleException, ...] = ()
    forget_refused: bool = True
    messages_looked_at: int | None = None
    crisis_instruction: str = ""
    under_18: bool = False
    escalation: Escalation | None = None
    cool_down: CoolDown | None = None
    memory: Memory = Memory()
    regenerate: Regenerate = Regenerate()
    tax_budget: TaxBudget = TaxBudget()
    holding: tuple[Rule, ...] = field(init=False, compare=False, repr=False)
    reach: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """A policy serves many answers; every answer asks for these."""
        phrases = [phrase for exception in self.exceptions for phrase in exception.phrases]
        object.__setattr__(self, "reach", max(map(len, phrases), default=0))
        acting = (r for r in self.rules if r.enforced and Stage.OUTPUT in r.checks and r.strongest >= Action.REDACT)
        object.__setattr__(self, "holding", tuple(acting))

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of this id."""
        return next((r for r in self.rules if r.id == rule_id), None)
