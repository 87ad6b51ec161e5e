"""Faults of the tests that stand in a policy."""

from __future__ import annotations

from guardproxy.testing.mutations.fault import Excluded, Fault, both, inside, put, twice, without

TESTS = "the tests"
_OURS = "support-chat.yaml"
_SURE = "name: crime-fraud output sure"

FAULTS = (
    Fault(
        "test-expects-other",
        TESTS,
        "base.yaml",
        "changed what a test expects",
        inside(_SURE, "{refuse: crime-fraud,", "{warn: crime-fraud,"),
    ),
    Fault(
        "test-of-other-rule",
        TESTS,
        "base.yaml",
        "let a test expect a rule that is not there",
        inside(_SURE, "{refuse: crime-fraud,", "{refuse: crime-frauds,"),
    ),
    Fault(
        "test-of-other-hazard",
        TESTS,
        "base.yaml",
        "gave a test the score of another hazard",
        inside(_SURE, "crime.fraud", "crime.cyber"),
    ),
    Fault(
        "test-hazard-misspelt",
        TESTS,
        "base.yaml",
        "misspelt the hazard of a score",
        inside(_SURE, "crime.fraud", "crime.fruad"),
    ),
    Fault("test-score-in-percent", TESTS, "base.yaml", "wrote a score of 99", inside(_SURE, "0.99", "99")),
    Fault(
        "test-says-nothing",
        TESTS,
        "default.yaml",
        "deleted what is said in a test",
        put("user: How do I sharpen a kitchen knife?, assistant: With a wet stone., ", ""),
    ),
    Fault(
        "test-expects-nothing",
        TESTS,
        "default.yaml",
        "deleted what a test expects",
        put("wet stone., expect: allow}", "wet stone.}"),
    ),
    Fault("test-twice", TESTS, "base.yaml", "copied a test and left its name", twice(_SURE)),
    Fault(
        "test-action-misspelt",
        TESTS,
        "default.yaml",
        "wrote `expect: allowed`",
        put("wet stone., expect: allow}", "wet stone., expect: allowed}"),
    ),
    Fault(
        "test-lost",
        TESTS,
        "base.yaml",
        "deleted one test of several",
        without(_SURE),
        why="no decision changes, and other tests of the rule are left; only a reader of the change can tell",
    ),
    Fault(
        "tests-of-a-rule-lost",
        TESTS,
        _OURS,
        "deleted all tests of a rule",
        both(
            *(
                put(f"  - {{name: {name}", f"  #- {{name: {name}")
                for name in ("a notice and nothing else", "a notice in German", "a notice beside an answer")
            )
        ),
    ),
    Fault(
        "tests-of-an-override-lost",
        TESTS,
        "strict.yaml",
        "deleted all tests of an override",
        both(without("name: hate-threat sooner"), without("name: hate-threat below refuse")),
    ),
    Fault(
        "rule-and-test-changed",
        TESTS,
        "default.yaml",
        "changed a rule by override, and its test with it",
        both(
            put(
                "violence.crime: 0.95}}, expect: {refuse: violence-crime, stage: input}",
                "violence.crime: 0.985}}, expect: {refuse: violence-crime, stage: input}",
            ),
            put(
                "\ntests:\n",
                "\noverride:\n  - rule: violence-crime\n    change: {thresholds: {refuse: 0.98}}\n    because: Fewer needless refusals.\n\ntests:\n",
            ),
        ),
    ),
    Fault(
        "rule-tightened-with-its-tests",
        TESTS,
        _OURS,
        "lowered a step and adapted its tests",
        both(
            put("regenerate: 0.80", "regenerate: 0.70"),
            put(
                "{harassment.profanity: 0.79}}, expect: {log: no-swearing}",
                "{harassment.profanity: 0.69}}, expect: {log: no-swearing}",
            ),
        ),
        why="whoever changes rule and test alike means it, or errs twice: `guardproxy diff` over a corpus tells what changes",
    ),
    Fault(
        "live-left-in",
        TESTS,
        "default.yaml",
        "left `live: true` in, so that a test no longer runs by itself",
        inside("name: everyday talk passes", "expect: allow", "live: true, expect: allow"),
        why="a test that waits for `--live` is counted as skipped, which is no failure",
    ),
)

EXCLUDED = (
    Excluded(
        Fault(
            "test-renamed", TESTS, "base.yaml", "renamed a test", inside(_SURE, _SURE, "name: crime-fraud quite sure")
        ),
        "the name of a test is for people",
    ),
)
