"""Rules and detectors: every rule can fire, every finding is heard (`policy-language.md` 4 and 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.hazards import covers, exists
from guardproxy.core.rules import Action, Kind, Mode, Rule, Source
from guardproxy.policy.compile import get, part, streaming_of
from guardproxy.policy.compose import Effective, Placed
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.problems import Problems
from guardproxy.policy.rulekeys import SELECTABLE, acting_place

WITHOUT_SETTINGS = "judged against the default install; name your settings with --settings"


@dataclass(frozen=True, slots=True)
class World:
    """What policies are judged against.

    `detectors`: what is installed. `settled`: these are the operator's own, so what they cannot do is an error;
    otherwise it is GP711. `serving`: an expired exception only warns, so that a restart on the day after works.
    `signers`: public keys, one of which must have signed each file; (): none has to.
    """

    detectors: tuple[DetectorInfo, ...]
    today: date
    settled: bool = True
    serving: bool = False
    signers: tuple[bytes, ...] = ()

    def named(self, detector: str) -> DetectorInfo | None:
        """The installed detector of this id."""
        return next((info for info in self.detectors if info.id == detector), None)

    def reporting(self, hazard: str) -> tuple[DetectorInfo, ...]:
        """The detectors a rule on this hazard hears."""
        return tuple(info for info in self.detectors if any(covers(hazard, h) for h in info.hazards))


class Hearing:
    """Checks one effective policy against the installed detectors."""

    def __init__(self, world: World, problems: Problems, *, lenient: bool) -> None:
        self._world = world
        self._problems = problems
        self._lenient = lenient

    def check(self, made: Effective) -> None:
        """GP202, GP207, GP210, GP212, GP217, GP403."""
        own = [rule for rule in made.rules if rule.home == made.document.name]
        for rule in own:
            if "detector" in rule.fields:
                self._detector(rule)
            elif "hazard" in rule.fields:
                self._hazard(rule, made)
        compiled = made.compiled
        self._faked(made)
        self._escalates(made)
        self._unheard(made, compiled)
        self._overlap(made, compiled)

    def _unsettled(self, code: str, place: Source, message: str, hint: str) -> None:
        """An error when we know what is installed, else GP711."""
        if self._world.settled and not self._lenient:
            self._problems.error(code, place, message, hint)
        else:
            self._problems.warning("GP711", place, f"{message} ({code})", WITHOUT_SETTINGS)

    def _detector(self, rule: Placed) -> None:
        field = rule.fields["detector"]
        info = self._world.named(field.value)
        if info is None:
            known = [d.id for d in self._world.detectors]
            hint = did_you_mean(field.value, known) or f"installed: {', '.join(known) or 'none'}"
            self._unsettled("GP202", field.place, f'unknown detector "{field.value}"', hint)
            return
        if info.unit is Unit.MATCH and "thresholds" in rule.fields:
            place = rule.fields["thresholds"].key
            self._problems.error("GP207", place, f"{info.id} matches or does not", "write on_match: <action>")
        if info.unit is Unit.SCORE and "on_match" in rule.fields:
            place = rule.fields["on_match"].key
            self._problems.error("GP207", place, f"{info.id} gives scores", "write thresholds: {<action>: 0.90}")
        if not info.spans and _redacts(rule):
            self._no_spans(rule, info.id)

    def _hazard(self, rule: Placed, made: Effective) -> None:
        field = rule.fields["hazard"]
        reporting = self._world.reporting(field.value)
        if not reporting and rule.compiled(made.scene).mode is not Mode.DISABLED:
            hint = "install a detector for it, or switch the rule off: mode: disabled"
            self._unsettled("GP212", field.place, f"no installed detector reports {field.value}", hint)
        without = [info.id for info in reporting if not info.spans]
        if _redacts(rule) and without:
            self._no_spans(rule, ", ".join(without))
        elif _redacts(rule) and not reporting:
            self._no_spans(rule, "what reports it")

    def _escalates(self, made: Effective) -> None:
        """`uncovered_language: escalate` needs somebody to ask."""
        field = made.fields.get("uncovered_language")
        able = [info.id for info in self._world.detectors if info.tier is not Tier.INSTANT and not info.languages]
        if field is not None and field.value == "escalate" and not able:
            hint = "write warn or refuse, or install a guard model that reads other languages"
            self._unsettled("GP202", field.place, "no installed detector covers other languages", hint)

    def _no_spans(self, rule: Placed, who: str) -> None:
        place = acting_place(rule.fields, "redact", rule.place)
        message = f"redact needs places in the text, and {who} gives none"
        self._problems.error("GP210", place, message, "refuse or warn instead")

    def _faked(self, made: Effective) -> None:
        """Fake scores of tests name hazards or installed detectors: a typing error would test nothing."""
        for written in made.document.tests:
            stages = part(written.fields, "scores").values()
            for name, field in ((n, f) for stage in stages for n, f in stage.value.items()):
                if exists(name) or self._world.named(name) is not None:
                    continue
                meant = did_you_mean(name, SELECTABLE)
                if meant:
                    self._problems.error("GP201", field.key, f'unknown hazard "{name}"', meant)
                else:
                    hint = "a hazard, or the id of a detector"
                    self._unsettled("GP202", field.key, f'unknown detector "{name}"', hint)

    def _unheard(self, made: Effective, rules: Sequence[Rule]) -> None:
        """GP217: what a model detector in use can report is heard by a rule, or knowingly left alone."""
        left_alone = get(made.fields, "not_watched", ())
        hazard_rules = [r for r in rules if r.kind is Kind.HAZARD]
        running = [r for r in hazard_rules if r.mode is not Mode.DISABLED]
        if "rest" in left_alone or not running:
            return
        for info in self._world.detectors:
            used = any(covers(r.target, h) for r in running for h in info.hazards)
            named = any(r.kind is Kind.DETECTOR and r.target == info.id for r in rules)
            if info.tier is Tier.INSTANT or not used or named:
                continue
            heard = [*(r.target for r in hazard_rules), *left_alone]
            open_ids = sorted(h for h in info.hazards if not any(covers(target, h) for target in heard))
            if open_ids:
                place = next((r.fields["hazard"].place for r in made.rules if "hazard" in r.fields), made.document.top)
                message = f"{info.id} also reports what no rule hears: {', '.join(open_ids)}"
                hint = "add rules (mode: disabled counts), or not_watched: rest, or extends: base"
                self._unsettled("GP217", place, message, hint)

    def _overlap(self, made: Effective, rules: Sequence[Rule]) -> None:
        """GP403."""
        overlap = streaming_of(made.fields).overlap
        for info in self._world.detectors:
            listening = [r for r in rules if r.mode is not Mode.DISABLED and _hears(r, info)]
            if info.tier is Tier.INSTANT or not listening or overlap >= info.overlap:
                continue
            place = made.fields["streaming"].place if "streaming" in made.fields else made.document.top
            message = f"the overlap of {overlap} is shorter than the {info.overlap} characters {info.id} needs"
            self._unsettled("GP403", place, message, "raise streaming.window.overlap")


def _hears(rule: Rule, info: DetectorInfo) -> bool:
    if rule.kind is Kind.DETECTOR:
        return rule.target == info.id
    return rule.kind is Kind.HAZARD and any(covers(rule.target, h) for h in info.hazards)


def _redacts(rule: Placed) -> bool:
    if "on_match" in rule.fields:
        return bool(rule.fields["on_match"].value == Action.REDACT.word)
    return "thresholds" in rule.fields and Action.REDACT.word in rule.fields["thresholds"].value
