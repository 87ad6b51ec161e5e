"""Parents, overrides, exceptions, locks."""

import pytest

from guardproxy.core.rules import Action, Mode

ABOVE = (
    "applies_to: {routes: [parent-only]}\nstreaming: {longest_match: 500, window: {overlap: 100}}\n"
    "messages: {short: {en: Not available}}\n"
    "rules:\n"
    "  - {id: first-rule, about: The code name stays inside., words: [paper kite, copper heron], on_match: refuse}\n"
    "  - {id: insults, about: Insults are not for us., hazard: harassment.abuse, thresholds: {log: 0.4, refuse: 0.9}}\n"
    "  - {id: held, about: This stays as it is., words: [tin whistle], on_match: refuse, locked: true}\n"
)
BELOW = "extends: above\nrules:\n  - {id: own, about: Another code name., words: [velvet moth], on_match: warn}\n"


def override(rule, change, because="It is only a trial."):
    return f"override: [{{rule: {rule}, change: {change}, because: {because}}}]\n"


def below(lint, text="", above=ABOVE, base=BELOW):
    return lint(above=above, below=base + text)


def policy_of(found, name="below"):
    assert not found.errors, [str(row) for row in found.problems]
    return next(c.policy for c in found.checked.compiled if c.policy.ref.name == name)


def test_own_rules_first_then_the_parents(lint):
    policy = policy_of(below(lint))
    assert [rule.id for rule in policy.rules] == ["own", "first-rule", "insults", "held", "unscannable"]


def test_mappings_merge_key_by_key(lint):
    policy = policy_of(below(lint, 'streaming: {window: {first: 200}}\nmessages: {short: {de: "Hier nicht"}}\n'))
    assert (policy.streaming.first, policy.streaming.overlap, policy.streaming.longest_match) == (200, 100, 500)
    short = policy.texts.cells["", "short"]
    assert (short.get("en"), short.get("de")) == ("Not available", "Hier nicht")


def test_what_is_not_inherited(lint):
    found = below(lint)
    child = next(c for c in found.checked.compiled if c.policy.ref.name == "below")
    assert not child.applies.written
    assert not child.tests


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (override("own", "{level: 2}"), "GP304"),
        (override("nobody", "{level: 2}"), "GP304"),
        ("override: [{rule: insults, change: {level: 2}}]\n", "GP305"),
        (override("insults", "{level: 2}", "short"), "GP108"),
        (override("insults", "{about: It reads better so.}"), "GP311"),
        (override("insults", "{thresholds: {refuse: 0.3}}"), "GP206"),
        (override("insults", "{thresholds: {log: never, refuse: never}}"), "GP204"),
        (override("insults", "{on_match: refuse}"), "GP204"),
        (override("first-rule", "{thresholds: {refuse: 0.3}}"), "GP204"),
        (override("insults", "{words: {add: [velvet moth]}}"), "GP203"),
        (override("first-rule", "{words: {remove: [paper kite, copper heron]}}"), "GP108"),
        (override("first-rule", "{words: [velvet moth]}"), "GP105"),
        (override("first-rule", '{words: {add: ["\\u200b"]}}'), "GP216"),
        (override("insults", "{counts_as: crime}"), "GP104"),
        (override("insults", "{thresholds: {regenerate: 0.8}}"), "GP209"),
        (override("held", "{mode: disabled}"), "GP309"),
        (override("held", "{mode: shadow}"), "GP309"),
        (override("held", "{level: 2}"), "GP309"),
        (override("held", "{on_match: warn}"), "GP309"),
        (override("held", "{checks: [input]}"), "GP309"),
        (override("held", "{scopes: [user]}"), "GP309"),
        (override("held", "{if_detector_fails: open}"), "GP309"),
        (override("held", "{words: {remove: [tin whistle], add: [tin whistles]}}"), "GP309"),
        ("mode: shadow\n", "GP309"),
        ("if_detector_fails: open\n", "GP309"),
    ],
)
def test_overrides_that_cannot_be(lint, text, code):
    assert below(lint, text).errors == [code]


def test_two_overrides_of_one_rule(lint):
    two = override("insults", "{level: 2}")[:-2] + ", " + override("insults", "{level: 3}")[len("override: [") :]
    assert below(lint, two).errors == ["GP107"]


def test_steps_merge_one_by_one(lint):
    policy = policy_of(below(lint, override("insults", "{thresholds: {warn: 0.6, log: never}}")))
    assert [(s.action, s.threshold) for s in policy.rule("insults").ladder.steps] == [
        (Action.WARN, 0.6),
        (Action.REFUSE, 0.9),
    ]


def test_words_are_added_and_removed(lint):
    found = below(lint, override("first-rule", "{words: {add: [velvet moth, Paper  KITE], remove: [COPPER-heron]}}"))
    assert policy_of(found).rule("first-rule").phrases == ("paper kite", "velvet moth")
    assert "GP702" in found.warnings


def test_a_phrase_to_remove_that_is_not_there(lint):
    assert "GP701" in below(lint, override("first-rule", "{words: {remove: [velvet moth]}}")).warnings


@pytest.mark.parametrize(
    ("change", "loosens"),
    [
        ("{mode: disabled}", "mode enforce → disabled"),
        ("{level: 3}", "level 1 → 3"),
        ("{thresholds: {refuse: 0.95}}", "refuse 0.90 → log 0.40, refuse 0.95"),
        ("{thresholds: {log: never}}", "log 0.40, refuse 0.90 → refuse 0.90"),
        ("{checks: [output]}", "checks input+output → output"),
        ("{if_detector_fails: open}", "if_detector_fails closed → open"),
        ("{thresholds: {refuse: 0.8, warn: 0.6}}", None),
        ("{topic: {en: rude words}}", None),
    ],
)
def test_loosening_is_told(lint, change, loosens):
    rows = [r.message for r in below(lint, override("insults", change)).problems if r.code == "GP702"]
    assert bool(rows) is (loosens is not None)
    assert not loosens or loosens in rows[0]


def test_loosening_by_the_whole_policy_is_told_once(lint):
    unlocked = ABOVE.replace(", locked: true", "")
    found = below(lint, "mode: shadow\n", above=unlocked)
    rows = [row for row in found.problems if row.code == "GP702"]
    assert len(rows) == 1
    assert rows[0].message.startswith("3 inherited rules")
    assert all(r.mode is Mode.SHADOW for r in policy_of(found).rules[:-1])


def test_locked_rules_may_be_tightened(lint):
    found = below(lint, override("held", "{words: {add: [tin whistles]}}"))
    assert policy_of(found).rule("held").phrases == ("tin whistle", "tin whistles")


@pytest.mark.parametrize(
    ("rule", "when", "codes"),
    [
        ("first-rule", "{routes: [support]}", []),
        ("first-rule", "{words: [Paper Kite Street]}", []),
        ("insults", "{tenants: [acme]}", []),
        ("insults", "{words: [silly goose]}", ["GP210"]),
        ("held", "{routes: [support]}", ["GP309"]),
        ("nobody", "{routes: [support]}", ["GP304"]),
        ("first-rule", "{}", ["GP101"]),
        ("first-rule", "{routes: []}", ["GP108"]),
    ],
)
def test_exceptions(lint, rule, when, codes):
    text = f"exceptions: [{{rule: {rule}, when: {when}, because: Support talks about it., expires: 2026-12-31}}]\n"
    assert below(lint, text).errors == codes


def test_a_repeated_id_names_both_places(lint):
    found = below(lint, base=BELOW.replace("id: own", "id: insults"))
    row = found.row("GP310")
    assert found.errors == ["GP310"]
    assert row.others[0].file.endswith("above.yaml")


def test_cycles_are_reported_once_and_name_all(lint):
    found = lint(one="extends: two\n", two="extends: three\n", three="extends: one\n")
    assert found.errors == ["GP302"]
    for name in ("one.yaml", "two.yaml", "three.yaml"):
        assert name in found.row("GP302").message


def test_a_child_of_a_cycle_is_not_reported_again(lint):
    assert lint(one="extends: two\n", two="extends: one\n", child="extends: one\nrules: []\n").errors == ["GP302"]


def test_too_deep(lint):
    chain = {f"p{n}": f"extends: p{n + 1}\nrules: []\n" for n in range(4)}
    assert lint(**chain, p4="levels: {enforce: 1}\n").errors == ["GP303"]
    shallow = {f"p{n}": f"extends: p{n + 1}\nrules: []\n" for n in range(1, 4)}
    assert lint(**shallow, p4="levels: {enforce: 1}\n", p0="levels: {enforce: 1}\n").errors == []


def test_a_broken_parent_is_reported_at_the_parent_only(lint):
    found = below(lint, override("insults", "{level: 2}"), above=ABOVE.replace("hazard:", "hzard:"))
    assert {row.file.rsplit("/", 1)[1] for row in found.problems if row.is_error} == {"above.yaml"}


def test_an_unreadable_parent_is_not_unknown(lint):
    assert below(lint, above="a: [\n").errors == ["GP002"]


def test_unknown_parents_get_a_hint(lint):
    found = below(lint, base=BELOW.replace("above", "abvoe"))
    assert found.errors == ["GP301"]
    assert found.row("GP301").hint == 'did you mean "above"?'


def test_levels_that_come_from_two_policies(lint):
    above = ABOVE + "levels: {enforce: 1, shadow: 1}\n"
    assert below(lint, "levels: {enforce: 2}\n", above=above).errors == ["GP219"]
    assert below(lint, "levels: {enforce: 2, shadow: 3}\n", above=above).errors == []


def test_letting_more_through_than_the_parent_is_loosening(lint):
    found = lint(above="levels: {enforce: 1}\n", below="extends: above\nrules: []\non_unscannable: warn\n")
    [row] = [row for row in found.problems if row.code == "GP702"]
    assert row.message == "less than in above: on_unscannable refuse → warn"
    assert row.line == 8
