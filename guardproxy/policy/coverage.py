"""Do a policy's tests say enough about its rules? (GP706, GP707)"""

from __future__ import annotations

from guardproxy.core.rules import Action
from guardproxy.policy.compose import Effective
from guardproxy.policy.problems import Problems
from guardproxy.policy.selftest import expected_in, expecting


def check_coverage(made: Effective, problems: Problems) -> None:
    """Each own rule has a test in which it acts, and one in which it does not."""
    tests = [said for w in made.document.tests for said in expecting(w.fields)]
    wanted = [(expected_in(test, "expect"), expected_in(test, "would"), "scores" in test) for test in tests]
    allowing = any(e is not None and e.action is Action.ALLOW for e, _, _ in wanted)
    for rule in made.rules:
        if rule.home != made.document.name:
            continue
        acting = [faked for e, w, faked in wanted if rule.id in {x.rule for x in (e, w) if x is not None}]
        if not acting or not allowing:
            lacks = " and ".join(word for word, there in (("acts", acting), ("stays silent", allowing)) if not there)
            problems.warning("GP706", rule.place, f'no test in which "{rule.id}" {lacks}')
        elif "hazard" in rule.fields and all(acting):
            problems.warning("GP707", rule.place, f'"{rule.id}" is tested with fake scores only', "add a live test")
