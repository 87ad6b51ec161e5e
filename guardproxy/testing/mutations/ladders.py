"""Faults of ladders: from which score on which action begins."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Excluded, Fault, inside

LADDER = "ladder"
_FRAUD = "thresholds: {log: 0.40, refuse: 0.90}"
_ASKED = "thresholds: {log: 0.40, warn: 0.90, refuse: 0.95}"

FAULTS = (
    Fault(
        "refuse-raised",
        LADDER,
        "base.yaml",
        "raised a refusal from 0.90 to 0.95",
        inside("id: crime-fraud", "0.90", "0.95"),
    ),
    Fault(
        "refuse-lowered",
        LADDER,
        "base.yaml",
        "lowered a refusal from 0.90 to 0.80",
        inside("id: crime-fraud", "0.90", "0.80"),
    ),
    Fault(
        "refuse-a-hair-up",
        LADDER,
        "base.yaml",
        "raised a refusal from 0.90 to 0.91",
        inside("id: hate-threat", "0.90", "0.91"),
    ),
    Fault(
        "refuse-a-hair-down",
        LADDER,
        "base.yaml",
        "lowered a refusal from 0.90 to 0.89",
        inside("id: hate-threat", "0.90", "0.89"),
    ),
    Fault(
        "log-raised",
        LADDER,
        "base.yaml",
        "raised a log step from 0.40 to 0.60",
        inside("id: crime-fraud", "0.40", "0.60"),
    ),
    Fault(
        "log-lowered",
        LADDER,
        "base.yaml",
        "lowered a log step from 0.40 to 0.04",
        inside("id: crime-fraud", "0.40", "0.04"),
        why="`expect: allow` means allow or log, so no test can say that nothing was counted; nobody is treated otherwise",
    ),
    Fault(
        "asked-refuse-raised",
        LADDER,
        "base.yaml",
        "raised the refusal of a dual-use question from 0.95 to 0.98",
        inside("id: crime-fraud-asked", "0.95", "0.98"),
    ),
    Fault(
        "asked-refuse-lowered",
        LADDER,
        "base.yaml",
        "lowered the refusal of a dual-use question from 0.95 to 0.92",
        inside("id: crime-fraud-asked", "0.95", "0.92"),
    ),
    Fault(
        "asked-warn-lowered",
        LADDER,
        "base.yaml",
        "lowered the notice of a dual-use question from 0.90 to 0.50",
        inside("id: crime-fraud-asked", "warn: 0.90", "warn: 0.50"),
    ),
    Fault(
        "crisis-raised",
        LADDER,
        "base.yaml",
        "raised the crisis text from 0.60 to 0.90",
        inside("id: self-harm-intent", "0.60", "0.90"),
    ),
    Fault(
        "steps-swapped",
        LADDER,
        "base.yaml",
        "swapped two numbers of a ladder",
        inside("id: crime-fraud", _FRAUD, "thresholds: {log: 0.90, refuse: 0.40}"),
    ),
    Fault(
        "warn-above-refuse",
        LADDER,
        "base.yaml",
        "put the notice above the refusal",
        inside("id: crime-fraud-asked", "warn: 0.90", "warn: 0.97"),
    ),
    Fault(
        "warn-equals-refuse",
        LADDER,
        "base.yaml",
        "put notice and refusal at the same score",
        inside("id: crime-fraud-asked", "warn: 0.90", "warn: 0.95"),
    ),
    Fault(
        "refuse-step-lost",
        LADDER,
        "base.yaml",
        "deleted the refusal of a ladder",
        inside("id: crime-fraud", _FRAUD, "thresholds: {log: 0.40}"),
    ),
    Fault(
        "log-step-lost",
        LADDER,
        "base.yaml",
        "deleted the log step of a ladder",
        inside("id: crime-fraud", _FRAUD, "thresholds: {refuse: 0.90}"),
    ),
    Fault(
        "warn-step-lost",
        LADDER,
        "base.yaml",
        "deleted the notice of a dual-use question",
        inside("id: crime-fraud-asked", _ASKED, "thresholds: {log: 0.40, refuse: 0.95}"),
    ),
    Fault(
        "ladder-emptied", LADDER, "base.yaml", "deleted every step", inside("id: crime-fraud", _FRAUD, "thresholds: {}")
    ),
    Fault("ladder-lost", LADDER, "base.yaml", "deleted the ladder", inside("id: crime-fraud", f"    {_FRAUD}\n", "")),
    Fault("percent", LADDER, "base.yaml", "wrote percent: `refuse: 90`", inside("id: crime-fraud", "0.90", "90")),
    Fault("point-shifted", LADDER, "base.yaml", "wrote `refuse: 0.09`", inside("id: crime-fraud", "0.90", "0.09")),
    Fault(
        "point-shifted-in-order",
        LADDER,
        "base.yaml",
        "wrote `log: 0.04`, which still rises",
        inside("id: violence-crime", "0.40", "0.04"),
        why="as above: `expect: allow` means allow or log, so no test can say that nothing was counted; nobody is treated otherwise",
    ),
    Fault("zero", LADDER, "base.yaml", "wrote `log: 0`, meaning always", inside("id: crime-fraud", "0.40", "0")),
    Fault(
        "quoted-threshold",
        LADDER,
        "base.yaml",
        "put a threshold into quotes",
        inside("id: crime-fraud", "0.90", '"0.90"'),
    ),
    Fault("leading-point", LADDER, "base.yaml", "wrote `.90`", inside("id: crime-fraud", "0.90", ".90")),
    Fault(
        "letter-for-zero",
        LADDER,
        "base.yaml",
        "typed the letter O for a zero",
        inside("id: crime-fraud", "0.90", "0.9O"),
    ),
    Fault("step-invented", LADDER, "base.yaml", "wrote `deny: 0.90`", inside("id: crime-fraud", "refuse:", "deny:")),
    Fault(
        "ladder-of-the-neighbour",
        LADDER,
        "base.yaml",
        "gave the answer's rule the question's ladder",
        inside("id: crime-fraud", _FRAUD, _ASKED),
    ),
)

EXCLUDED = (
    Excluded(
        Fault(
            "steps-in-another-order",
            LADDER,
            "base.yaml",
            "wrote the steps of a ladder in another order",
            inside("id: crime-fraud", _FRAUD, "thresholds: {refuse: 0.90, log: 0.40}"),
        ),
        "a ladder is a mapping: its order on the page means nothing",
    ),
)
