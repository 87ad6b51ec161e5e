"""The shipped set as a whole: sound, tested, complete over the hazard tree, and as strict as it says."""

import json
from datetime import date
from pathlib import Path

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.hazards import LEAVES, Class
from guardproxy.core.rules import Action, Kind, Mode
from guardproxy.detectors.embedded import embedded_info
from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check

FOLDER = Path(__file__).parents[3] / "policies"
EMBEDDED = embedded_info().hazards
"""What the embedded classifiers report."""
BY_DETECTOR = frozenset({"privacy.pii", "security.secrets"})
LOCKED = ("sexual-minors", "weapons-cbrne", "self-harm-intent", "self-harm-instructions")


@pytest.fixture(scope="module")
def checked():
    box = toolbox()
    return check([FOLDER], World(detectors=box.infos, today=date(2026, 11, 24), settled=False), inspector(box))


@pytest.fixture(scope="module")
def policies(checked):
    return {one.policy.ref.name: one.policy for one in checked.compiled}


def rules_on(policy, hazard):
    return [rule for rule in policy.rules if rule.kind is Kind.HAZARD and rule.target == hazard]


def strongest(policy, hazard, stage):
    """The hardest thing the policy does to this leaf here."""
    rules = [r for r in rules_on(policy, hazard) if stage in r.checks and r.mode is Mode.ENFORCE]
    return max((r.strongest for r in rules), default=Action.ALLOW)


def test_the_set_is_sound(checked, policies):
    assert [str(p) for p in checked.errors] == []
    assert set(policies) == {"base", "default", "strict", "permissive"}


def test_every_test_passes_and_every_step_of_base_is_reached(checked):
    for run in checked.runs:
        assert run.results
        assert [r.name for r in run.results if r.state != "passed"] == []
    base = next(run for run in checked.runs if run.policy.startswith("base"))
    left = {step.rule for step in base.steps if step not in base.reached}
    off = {leaf.id.replace(".", "-").replace("_", "-") for leaf in LEAVES if leaf.klass is Class.OFF}
    assert left == off


def test_what_the_classifiers_report_is_heard(policies):
    heard = {rule.target for rule in policies["base"].rules if rule.kind is Kind.HAZARD}
    assert heard >= EMBEDDED


EXPECTED = {
    Class.HARD: (Action.REFUSE, Action.REFUSE),
    Class.DUAL_USE: (Action.REFUSE, Action.REFUSE),  # input: a notice, and only from 0.95 on a refusal
    Class.CONDUCT: (Action.ALLOW, Action.REFUSE),
    Class.ATTACK: (Action.REFUSE, Action.ALLOW),
    Class.OFF: (Action.ALLOW, Action.ALLOW),
    Class.POLICY: (Action.REFUSE, Action.REFUSE),
}
ORDINARY = [leaf for leaf in LEAVES if leaf.klass in EXPECTED and leaf.id not in BY_DETECTOR]


@pytest.mark.parametrize("leaf", ORDINARY, ids=lambda leaf: leaf.id)
def test_base_does_what_the_class_says(policies, leaf):
    found = tuple(strongest(policies["base"], leaf.id, stage) for stage in (Stage.INPUT, Stage.OUTPUT))
    assert found == EXPECTED[leaf.klass]


@pytest.mark.parametrize("leaf", [leaf.id for leaf in LEAVES if leaf.klass is Class.DUAL_USE])
def test_dual_use_questions_are_refused_only_when_clearest(policies, leaf):
    asked = policies["base"].rule(leaf.replace(".", "-").replace("_", "-") + "-asked")
    steps = {step.action: step.threshold for step in asked.ladder.steps}
    assert steps[Action.WARN] < 0.95 <= steps[Action.REFUSE]


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf.klass is Class.CARE], ids=lambda leaf: leaf.id)
def test_care_is_never_a_refusal(policies, leaf):
    for policy in policies.values():
        assert strongest(policy, leaf.id, Stage.INPUT) is Action.WARN
        assert strongest(policy, leaf.id, Stage.OUTPUT) in (Action.WARN, Action.ALLOW)


def test_leaves_without_a_hazard_rule_are_named():
    text = (FOLDER / "base.yaml").read_text(encoding="utf-8")
    for hazard in BY_DETECTOR:
        assert hazard in text.partition("guardproxy: policy/v1")[0]


@pytest.mark.parametrize("name", LOCKED)
def test_locked_rules_cannot_be_loosened(name, tmp_path):
    child = tmp_path / "child.yaml"
    child.write_text(
        "guardproxy: policy/v1\npolicy: child\nrevision: 1\nowner: test@example.org\n"
        "about: Tries to switch a locked rule off.\nextends: base\n"
        f"override:\n  - rule: {name}\n    change: {{mode: disabled}}\n    because: This must not be possible.\n",
        encoding="utf-8",
    )
    found = check([child], World(detectors=toolbox().infos, today=date(2026, 11, 24), settled=False), None)
    assert "GP309" in [p.code for p in found.errors]


@pytest.mark.parametrize(("name", "at_least"), [("strict", True), ("permissive", False)])
def test_strict_and_permissive_lie_on_either_side_of_base(policies, name, at_least):
    """Each enforced refuse step of base is reached no later in strict, and no earlier in permissive."""
    for rule in policies["base"].rules:
        other = policies[name].rule(rule.id)
        mine, theirs = (_refuses_from(r) for r in (rule, other))
        if rule.mode is Mode.ENFORCE and mine is not None:
            assert theirs is not None
            assert theirs <= mine if at_least else theirs >= mine


def _refuses_from(rule):
    return next((step.threshold for step in rule.ladder.steps if step.action is Action.REFUSE), None)


def test_nothing_of_personal_data_is_refused_and_what_has_a_checksum_is_taken_out(policies):
    base = policies["base"]
    taken = {r.target for r in base.rules if r.kind is Kind.DETECTOR and r.strongest is Action.REDACT}
    assert {"pii.card_number", "pii.iban", "secrets.api_key", "secrets.private_key", "secrets.token"} <= taken
    assert {base.rule(f"pii-{what}").strongest for what in ("email", "phone", "ip-address")} == {Action.LOG}


def test_default_is_base_for_everything(policies):
    names = [rule.id for rule in policies["base"].rules]
    assert [rule.id for rule in policies["default"].rules] == names
    assert [rule.ladder for rule in policies["default"].rules] == [rule.ladder for rule in policies["base"].rules]


def test_thresholds_are_those_the_classifiers_were_calibrated_for(policies):
    """A step below the recommended one would refuse or warn more harmless chats than the card says."""
    file = Path(__file__).parents[3] / "guardproxy" / "models" / "embedded" / "thresholds.json"
    recommended = json.loads(file.read_text(encoding="utf-8"))
    assert set(recommended) == EMBEDDED
    for hazard, steps in recommended.items():
        for rule in rules_on(policies["base"], hazard):
            for step in rule.ladder.steps:
                assert step.threshold >= steps[step.action.word], rule.id
