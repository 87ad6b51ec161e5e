"""What an override makes of a rule (more in test_compose.py, through whole policies)."""

from guardproxy.core.rules import Source
from guardproxy.policy.override import overridden
from guardproxy.policy.phrases import Change, Phrases
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.values import Field

HERE = Source("f.yaml", 3, 5)


def field(value):
    return Field(value, Node(value, HERE), HERE)


RULE = {"id": field("a-rule"), "words": field(Phrases(("paper kite",), "names")), "on_match": field("refuse")}


def test_values_replace_and_the_inherited_rule_stays_as_it_was():
    problems = Problems()
    made = overridden(RULE, field({"level": field(2), "on_match": field("warn")}), problems)
    assert (made["level"].value, made["on_match"].value) == (2, "warn")
    assert RULE["on_match"].value == "refuse"
    assert not problems.rows


def test_phrases_keep_the_name_of_their_list():
    made = overridden(RULE, field({"words": field(Change(add=("copper heron",)))}), Problems())
    assert made["words"].value == Phrases(("paper kite", "copper heron"), "names")
