"""Do a policy's tests say enough about its rules, and about those it overrides? (GP706, GP707)"""

from __future__ import annotations

from guardproxy.core.rules import Action
from guardproxy.policy.compose import Effective
from guardproxy.policy.problems import Problems
from guardproxy.policy.selftest import expected_in, expecting


def check_coverage(made: Effective, problems: Problems) -> None:
    """Each own rule has a test in which it acts, and one in which it does not; so has each inherited one it changes.

    A file cut off before its tests is a policy as well: it is told from a whole one by the tests it lacks.
    """
    changed = {w.fields["rule"].value: w.place for w in made.document.overrides if "rule" in w.fields}
    if not made.document.tests and not made.document.rules and not changed:
        problems.warning("GP706", made.document.top, "the policy has no test at all", "add one that must pass")
    tests = [said for w in made.document.tests for said in expecting(w.fields)]
    wanted = [(expected_in(test, "expect"), expected_in(test, "would"), "scores" in test) for test in tests]
    allowing = any(e is not None and e.action is Action.ALLOW for e, _, _ in wanted)
    for rule in made.rules:
        if rule.home != made.document.name and rule.id not in changed:
            continue
        place = changed.get(rule.id, rule.place)
        acting = [faked for e, w, faked in wanted if rule.id in {x.rule for x in (e, w) if x is not None}]
        if not acting or not allowing:
            lacks = " and ".join(word for word, there in (("acts", acting), ("stays silent", allowing)) if not there)
            problems.warning("GP706", place, f'no test in which "{rule.id}" {lacks}')
        elif "hazard" in rule.fields and rule.id not in changed and all(acting):
            problems.warning("GP707", rule.place, f'"{rule.id}" is tested with fake scores only', "add a live test")
