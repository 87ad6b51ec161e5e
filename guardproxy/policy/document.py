"""One policy file, checked by itself: every key, its type, its range; nothing stops at the first problem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.rulekeys import RULE, check_rule
from guardproxy.policy.testkeys import TEST, check_test, tests_version
from guardproxy.policy.topkeys import EXCEPTION, OVERRIDES, TOP
from guardproxy.policy.values import Field, Fields, Key, any_node, ident, members
from guardproxy.policy.written import Written, twice, written_list

MOST_RULES = 2_000
MOST_TESTS = 2_000
LISTS = ("rules", "override", "exceptions", "tests")


@dataclass(frozen=True, slots=True)
class Document:
    """A file whose shape is right, or as right as could be read. `fields` holds everything but the four lists."""

    file: Path
    name: str
    top: Source
    fields: Fields
    rules: tuple[Written, ...]
    overrides: tuple[Written, ...]
    exceptions: tuple[Written, ...]
    tests: tuple[Written, ...]

    @property
    def parent(self) -> str | None:
        """The policy it extends."""
        return self.fields["extends"].value if "extends" in self.fields else None

    def place_of(self, key: str) -> Source:
        """Where a key of the top level stands; the top of the file if it is missing."""
        return self.fields[key].key if key in self.fields else self.top


def document(file: Path, root: Node, problems: Problems) -> Document:
    """Everything that can be said of one file by itself; nothing stops at the first problem."""
    top = Source(str(file), 1, 1)
    singles = tuple(e for e in root.entries if e.key not in LISTS)
    keys = {**TOP, **dict.fromkeys(LISTS, Key(any_node))}
    fields = members(Node(singles, top, is_mapping=True), keys, problems)
    rules = _rules(root, problems)
    made = Document(
        file=file,
        name=fields["policy"].value if "policy" in fields else file.stem,
        top=top,
        fields=fields,
        rules=rules,
        overrides=written_list(root, "override", OVERRIDES, MOST_RULES, problems),
        exceptions=written_list(root, "exceptions", EXCEPTION, MOST_RULES, problems),
        tests=_tests(root, problems),
    )
    _check_whole(made, root, problems)
    return made


def _rules(root: Node, problems: Problems) -> tuple[Written, ...]:
    found = written_list(root, "rules", RULE, MOST_RULES, problems)
    for written in found:
        check_rule(written.fields, written.node, problems)
    return found


def _tests(root: Node, problems: Problems) -> tuple[Written, ...]:
    found = written_list(root, "tests", TEST, MOST_TESTS, problems)
    for written in found:
        check_test(written.node, problems)
    twice(found, "name", "test", problems)
    return found


def _check_whole(made: Document, root: Node, problems: Problems) -> None:
    twice(made.rules, "id", "rule", problems)
    named = made.fields.get("policy")
    if named is not None and named.value != made.file.stem:
        message = f'the file is called "{made.file.stem}", the policy "{named.value}"'
        problems.error("GP008", named.place, message, "give both the same name")
    rules = root.get("rules")
    if root.get("extends") is None and (rules is None or (rules.is_list and not rules.items)):
        place = root.place_of("rules") if rules is not None else made.top
        problems.error("GP103", place, "no rules and no parent", "an empty policy would allow everything")
    _check_levels(made, problems)
    _check_exceptions(made, problems)


def _check_levels(made: Document, problems: Problems) -> None:
    levels = made.fields.get("levels")
    if levels is None:
        return
    enforce = levels.value["enforce"].value if "enforce" in levels.value else 1
    shadow = levels.value["shadow"].value if "shadow" in levels.value else enforce
    if shadow < enforce:
        hint = "what is enforced is watched as well: shadow >= enforce"
        problems.error("GP219", levels.place, f"levels.shadow {shadow} is below levels.enforce {enforce}", hint)


def _check_exceptions(made: Document, problems: Problems) -> None:
    for written in made.exceptions:
        when = written.fields.get("when")
        if when is not None and not when.node.entries:
            problems.error("GP101", when.place, "when is empty", "name routes, tenants or words")


def test_file(path: Path, root: Node, problems: Problems) -> tuple[Field, tuple[Written, ...]] | None:
    """`tests/<rule-id>.yaml`: the policy it belongs to, and its tests."""
    keys = {
        "guardproxy": Key(tests_version, required=True),
        "policy": Key(ident, required=True),
        "rule": Key(ident, required=True),
        "tests": Key(any_node, required=True),
    }
    fields = members(root, keys, problems)
    rule = fields.get("rule")
    if rule is not None and rule.value != path.stem:
        message = f'the file is called "{path.stem}", the rule "{rule.value}"'
        problems.error("GP008", rule.place, message, "give both the same name")
    tests = _tests(root, problems)
    return (fields["policy"], tests) if "policy" in fields else None
