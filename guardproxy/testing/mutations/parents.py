"""Faults between policies: parents and overrides."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Excluded, Fault, inside, put, top, twice, without

PARENTS = "parents and overrides"
_REASON = "    because: Strict routes accept more needless refusals for fewer misses.\n"
_TEST = "\ntests:\n"

FAULTS = (
    Fault("parent-misspelt", PARENTS, "strict.yaml", "wrote `extends: bass`", put("extends: base", "extends: bass")),
    Fault("parent-lost", PARENTS, "strict.yaml", "deleted `extends`", put("extends: base\n", "")),
    Fault(
        "default-parent-lost",
        PARENTS,
        "default.yaml",
        "deleted `extends` of a policy without rules",
        put("extends: base\n", ""),
    ),
    Fault(
        "parent-a-path",
        PARENTS,
        "strict.yaml",
        "wrote a path for the parent",
        put("extends: base", "extends: ./base.yaml"),
    ),
    Fault(
        "own-parent",
        PARENTS,
        "strict.yaml",
        "wrote the policy's own name for the parent",
        put("extends: base", "extends: strict"),
    ),
    Fault("parent-circle", PARENTS, "base.yaml", "let the parent extend its child", top("extends: default")),
    Fault(
        "wrong-parent",
        PARENTS,
        "default.yaml",
        "wrote `extends: permissive`",
        put("extends: base", "extends: permissive"),
    ),
    Fault(
        "stricter-parent", PARENTS, "default.yaml", "wrote `extends: strict`", put("extends: base", "extends: strict")
    ),
    Fault(
        "because-lost", PARENTS, "strict.yaml", "overrode without a reason", inside("rule: hate-threat", _REASON, "")
    ),
    Fault(
        "because-empty",
        PARENTS,
        "strict.yaml",
        "gave `ok` for a reason",
        inside("rule: hate-threat", _REASON, "    because: ok\n"),
    ),
    Fault(
        "override-misspelt",
        PARENTS,
        "strict.yaml",
        "overrode a rule that is not there",
        inside("rule: hate-threat", "rule: hate-threat", "rule: hate-threats"),
    ),
    Fault(
        "override-of-the-neighbour",
        PARENTS,
        "strict.yaml",
        "overrode the answer's rule for the question's",
        inside("rule: crime-drugs-asked", "rule: crime-drugs-asked", "rule: crime-drugs"),
    ),
    Fault("override-twice", PARENTS, "strict.yaml", "overrode a rule twice", twice("rule: hate-threat")),
    Fault("override-lost", PARENTS, "strict.yaml", "deleted an override", without("rule: hate-threat")),
    Fault(
        "override-of-an-attack-lost",
        PARENTS,
        "strict.yaml",
        "deleted the override of an attack rule",
        without("rule: attack-injection"),
    ),
    Fault(
        "override-weakened",
        PARENTS,
        "strict.yaml",
        "raised an override's refusal above its parent's",
        inside("rule: violence-crime", "0.75", "0.95"),
    ),
    Fault(
        "override-half-weakened",
        PARENTS,
        "strict.yaml",
        "raised an override's refusal, still below its parent's",
        inside("rule: violence-crime", "0.75", "0.85"),
    ),
    Fault(
        "override-tightened",
        PARENTS,
        "strict.yaml",
        "lowered an override's refusal from 0.75 to 0.55",
        inside("rule: violence-animal", "0.75", "0.55"),
    ),
    Fault(
        "override-notice-lowered",
        PARENTS,
        "strict.yaml",
        "lowered the notice of a question from 0.60 to 0.45",
        inside("rule: crime-cyber-asked", "0.60", "0.45"),
    ),
    Fault(
        "lenient-raised",
        PARENTS,
        "permissive.yaml",
        "raised a refusal from 0.97 to 0.995",
        inside("rule: violence-crime", "0.97", "0.995"),
    ),
    Fault(
        "lenient-lowered",
        PARENTS,
        "permissive.yaml",
        "lowered the refusal of an answer from 0.97 to 0.92",
        inside("rule: crime-cyber", "0.97", "0.92"),
    ),
    Fault(
        "lenient-question-lowered",
        PARENTS,
        "permissive.yaml",
        "lowered the refusal of a question from 0.99 to 0.98",
        inside("rule: crime-cyber-asked", "0.99", "0.98"),
    ),
    Fault(
        "refusal-removed",
        PARENTS,
        "permissive.yaml",
        "wrote `refuse: never`",
        inside("rule: violence-crime", "refuse: 0.97", "refuse: never"),
    ),
    Fault(
        "notice-brought-back",
        PARENTS,
        "permissive.yaml",
        "deleted `warn: never`",
        inside("rule: crime-cyber-asked", "warn: never, ", ""),
    ),
    Fault(
        "override-changes-the-hazard",
        PARENTS,
        "strict.yaml",
        "changed a hazard by override",
        inside("rule: hate-threat", "change: {", "change: {hazard: hate.speech, "),
    ),
    Fault(
        "override-on-match",
        PARENTS,
        "strict.yaml",
        "overrode a ladder with `on_match`",
        inside("rule: hate-threat", "thresholds: {refuse: 0.75}", "on_match: refuse"),
    ),
    Fault(
        "override-without-change",
        PARENTS,
        "strict.yaml",
        "left the change empty",
        inside("rule: hate-threat", "{thresholds: {refuse: 0.75}}", "{}"),
    ),
    Fault(
        "override-falls",
        PARENTS,
        "strict.yaml",
        "overrode one step below another",
        inside("rule: hate-threat", "refuse: 0.75", "refuse: 0.35"),
    ),
    Fault(
        "locked-raised", PARENTS, "strict.yaml", "loosened a locked rule", inside("rule: sexual-minors", "0.75", "0.95")
    ),
    Fault(
        "locked-disabled",
        PARENTS,
        "strict.yaml",
        "switched a locked rule off",
        inside("rule: sexual-minors", "{thresholds: {refuse: 0.75}}", "{mode: disabled}"),
    ),
    Fault("child-shadow", PARENTS, "default.yaml", "left `mode: shadow` in for the whole policy", top("mode: shadow")),
    Fault(
        "child-fails-open", PARENTS, "default.yaml", "let the whole policy fail open", top("if_detector_fails: open")
    ),
    Fault(
        "rule-repeated",
        PARENTS,
        "default.yaml",
        "copied an inherited rule instead of overriding it",
        put(
            _TEST,
            "\nrules:\n  - id: hate-threat\n    about: Copied from the parent and made milder.\n    hazard: hate.threat\n    thresholds: {warn: 0.90}\n"
            + _TEST,
        ),
    ),
    Fault(
        "swearing-not-switched-on",
        PARENTS,
        "strict.yaml",
        "deleted `mode: enforce` of a rule that is off",
        inside("rule: harassment-profanity", "mode: enforce, ", ""),
    ),
    Fault(
        "addresses-pass",
        PARENTS,
        "strict.yaml",
        "counted e-mail addresses instead of taking them out",
        inside("rule: pii-email", "redact", "log"),
    ),
    Fault(
        "copied-policy",
        PARENTS,
        "strict.yaml",
        "copied the policy over another one's file",
        put("policy: strict", "policy: permissive"),
    ),
)

EXCLUDED = (
    Excluded(
        Fault(
            "override-to-the-same",
            PARENTS,
            "strict.yaml",
            "overrode a step with the value it inherits",
            inside("rule: hate-threat", "{thresholds: {refuse: 0.75}}", "{thresholds: {log: 0.40, refuse: 0.75}}"),
        ),
        "the rule does what it did",
    ),
)
