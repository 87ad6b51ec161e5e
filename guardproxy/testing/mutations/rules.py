"""Faults of what a rule hears, what it does, and whether it acts at all."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Excluded, Fault, both, inside, longer, put, top, without

ACTION = "action"
HEARS = "what a rule hears"
ACTS = "whether a rule acts"

FAULTS = (
    Fault(
        "refuse-to-warn",
        ACTION,
        "base.yaml",
        "weakened a refusal to a notice",
        inside("id: violence-crime", "refuse: 0.90", "warn: 0.90"),
    ),
    Fault(
        "refuse-to-log",
        ACTION,
        "base.yaml",
        "weakened the only action to counting",
        inside("id: hidden-text", "on_match: refuse", "on_match: log"),
    ),
    Fault(
        "redact-to-log",
        ACTION,
        "base.yaml",
        "let card numbers through, counted",
        inside("id: pii-card-number", "on_match: redact", "on_match: log"),
    ),
    Fault(
        "redact-to-refuse",
        ACTION,
        "base.yaml",
        "refused whoever types a card number",
        inside("id: pii-card-number", "on_match: redact", "on_match: refuse"),
    ),
    Fault(
        "log-to-redact",
        ACTION,
        "base.yaml",
        "took out every e-mail address",
        inside("id: pii-email", "on_match: log", "on_match: redact"),
    ),
    Fault(
        "log-to-refuse",
        ACTION,
        "base.yaml",
        "refused every e-mail address",
        inside("id: pii-email", "on_match: log", "on_match: refuse"),
    ),
    Fault(
        "on-match-lost",
        ACTION,
        "base.yaml",
        "deleted what a rule does",
        inside("id: pii-iban", "    on_match: redact\n", ""),
    ),
    Fault(
        "warn-to-refuse-at-risk",
        ACTION,
        "base.yaml",
        "refused a person at risk instead of helping",
        inside("id: self-harm-intent", "warn: 0.60", "refuse: 0.60"),
    ),
    Fault(
        "redact-at-risk",
        ACTION,
        "base.yaml",
        "cut out what a person at risk says",
        inside("id: self-harm-intent", "warn: 0.60", "redact: 0.60"),
    ),
    Fault(
        "redact-without-places",
        ACTION,
        "base.yaml",
        "asked for redaction of a hazard that has no place in the text",
        inside("id: hate-speech", "refuse: 0.90", "redact: 0.90"),
    ),
    Fault(
        "regenerate-input",
        ACTION,
        "base.yaml",
        "asked for a question to be written again",
        inside("id: violence-crime", "refuse: 0.90", "regenerate: 0.90"),
    ),
    Fault(
        "care-to-refusal",
        ACTION,
        "base.yaml",
        "refused medical questions",
        inside("id: advice-medical", "warn: 0.90", "refuse: 0.90"),
    ),
    Fault(
        "hazard-misspelt",
        HEARS,
        "base.yaml",
        "wrote `crime.frauds`",
        inside("id: crime-fraud", "crime.fraud", "crime.frauds"),
    ),
    Fault(
        "hazard-with-hyphen",
        HEARS,
        "base.yaml",
        "wrote `crime-fraud` for the hazard",
        inside("id: crime-fraud", "hazard: crime.fraud", "hazard: crime-fraud"),
    ),
    Fault("hazard-starred", HEARS, "base.yaml", "wrote `crime.*`", inside("id: crime-fraud", "crime.fraud", "crime.*")),
    Fault(
        "hazard-of-the-neighbour",
        HEARS,
        "base.yaml",
        "left the hazard of the rule it was copied from",
        inside("id: crime-fraud", "crime.fraud", "crime.cyber"),
    ),
    Fault(
        "hazards-swapped",
        HEARS,
        "base.yaml",
        "swapped the hazards of two rules",
        both(
            inside("id: hate-speech", "hate.speech", "harassment.abuse"),
            inside("id: harassment-abuse", "hazard: harassment.abuse", "hazard: hate.speech"),
        ),
    ),
    Fault(
        "hazard-to-family",
        HEARS,
        "base.yaml",
        "widened a hazard to its family",
        inside("id: crime-fraud", "crime.fraud", "crime"),
    ),
    Fault(
        "family-with-off-leaves",
        HEARS,
        "base.yaml",
        "widened `hate.speech` to `hate`, which switches bias on",
        inside("id: hate-speech", "hate.speech", "hate"),
    ),
    Fault(
        "detector-misspelt",
        HEARS,
        "base.yaml",
        "wrote `pii.card_numbers`",
        inside("id: pii-card-number", "pii.card_number", "pii.card_numbers"),
    ),
    Fault(
        "detector-of-the-neighbour",
        HEARS,
        "base.yaml",
        "left the detector of the rule it was copied from",
        inside("id: pii-iban", "pii.iban", "pii.card_number"),
    ),
    Fault(
        "checks-lost",
        HEARS,
        "base.yaml",
        "deleted `checks: [output]`, so that questions are refused, too",
        inside("id: crime-fraud", "    checks: [output]\n", ""),
    ),
    Fault(
        "checks-lost-conduct",
        HEARS,
        "base.yaml",
        "deleted `checks: [output]` of a conduct rule",
        inside("id: hate-speech", "    checks: [output]\n", ""),
    ),
    Fault(
        "checks-swapped", HEARS, "base.yaml", "wrote input for output", inside("id: crime-fraud", "[output]", "[input]")
    ),
    Fault(
        "checks-narrowed",
        HEARS,
        "base.yaml",
        "looked at questions only, where answers count as well",
        longer("id: violence-crime", "checks: [input]"),
    ),
    Fault(
        "checks-narrowed-detector",
        HEARS,
        "base.yaml",
        "looked for card numbers in questions only",
        longer("id: pii-card-number", "checks: [input]"),
    ),
    Fault(
        "checks-narrowed-iban",
        HEARS,
        "base.yaml",
        "looked for account numbers in questions only",
        longer("id: pii-iban", "checks: [input]"),
    ),
    Fault(
        "checks-narrowed-keys",
        HEARS,
        "base.yaml",
        "looked for private keys in answers only",
        longer("id: secrets-private-key", "checks: [output]"),
    ),
    Fault(
        "checks-impossible",
        HEARS,
        "base.yaml",
        "looked for jailbreaks in answers",
        inside("id: attack-jailbreak", "[input]", "[output]"),
    ),
    Fault("checks-empty", HEARS, "base.yaml", "emptied `checks`", inside("id: crime-fraud", "[output]", "[]")),
    Fault(
        "scopes-narrowed",
        HEARS,
        "base.yaml",
        "looked for injected instructions in user messages only, where none are",
        longer("id: attack-injection", "scopes: [user]"),
        why="fake scores are about the last user message: a test cannot say that a tool's result scored",
    ),
    Fault(
        "scopes-narrowed-detector",
        HEARS,
        "base.yaml",
        "looked for private keys in user messages only",
        longer("id: secrets-private-key", "scopes: [user]"),
    ),
    Fault("rule-lost", ACTS, "base.yaml", "deleted a rule", without("id: violence-threat")),
    Fault(
        "rule-without-override-lost",
        ACTS,
        "base.yaml",
        "deleted a rule that no child names",
        without("id: pii-national-id"),
    ),
    Fault(
        "shadow-left-in",
        ACTS,
        "base.yaml",
        "left `mode: shadow` in after a trial",
        longer("id: violence-crime", "mode: shadow"),
    ),
    Fault(
        "disabled-left-in",
        ACTS,
        "base.yaml",
        "left `mode: disabled` in after a trial",
        longer("id: violence-crime", "mode: disabled"),
    ),
    Fault(
        "level-left-in", ACTS, "base.yaml", "left `level: 2` in after a trial", longer("id: violence-crime", "level: 2")
    ),
    Fault("policy-shadow", ACTS, "base.yaml", "left `mode: shadow` in for the whole policy", top("mode: shadow")),
    Fault(
        "off-switched-on",
        ACTS,
        "base.yaml",
        "deleted `mode: disabled` of a rule that is off",
        inside("id: harassment-profanity", "    mode: disabled\n", ""),
    ),
    Fault(
        "rule-fails-open",
        ACTS,
        "base.yaml",
        "let a rule fail open",
        longer("id: violence-crime", "if_detector_fails: open"),
    ),
    Fault("policy-fails-open", ACTS, "base.yaml", "let the whole policy fail open", top("if_detector_fails: open")),
    Fault(
        "unlocked",
        ACTS,
        "base.yaml",
        "deleted `locked: true`",
        inside("id: sexual-minors", "    locked: true\n", ""),
        why="nothing acts differently until a child loosens the rule, and that child is warned of (GP702)",
    ),
    Fault(
        "place-lost",
        ACTS,
        "base.yaml",
        "deleted `place: before` of a notice",
        inside("id: vulnerable-user", "    place: before\n", ""),
        why="a test sees the decision and the texts that pass, not where a notice stands beside them",
    ),
    Fault(
        "not-appealable",
        ACTS,
        "base.yaml",
        "took the way to a review away",
        longer("id: violence-crime", "appealable: false"),
        why="a test sees the decision, not the lines that stand below a refusal",
    ),
    Fault(
        "overlap-shortened",
        ACTS,
        "base.yaml",
        "shortened the overlap of answer windows below what the classifiers need",
        put("overlap: 128", "overlap: 12"),
    ),
)

EXCLUDED = (
    Excluded(
        Fault(
            "checks-by-default",
            HEARS,
            "base.yaml",
            "deleted `checks: [input]` of the jailbreak rule",
            inside("id: attack-jailbreak", "    checks: [input]\n", ""),
        ),
        "jailbreaks occur in questions only: the default is the same (the hash of the policy differs)",
    ),
    Excluded(
        Fault(
            "crisis-place",
            ACTS,
            "base.yaml",
            "deleted `place: before` of the crisis rule",
            inside("id: self-harm-intent", "    place: before\n", ""),
        ),
        "a crisis text always stands before the answer (the hash of the policy differs)",
    ),
    Excluded(
        Fault(
            "tag", ACTS, "base.yaml", "changed a tag into another one", inside("id: crime-fraud", "[legal]", "[brand]")
        ),
        "tags sort reports and decide nothing (the hash of the policy differs)",
    ),
)
