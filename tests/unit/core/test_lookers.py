"""Who looks under a policy."""

from guardproxy.core.conversation import Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.lookers import MOST, folded, messages_of, needs, text_lookers, windows_of
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule, RuleException, ThenDo

ONE = Ladder((LadderStep(Action.REFUSE, 1.0),))
WORDS = Rule("kites", Kind.WORDS, "", ONE, phrases=("paper kite", "box kite"))
PATTERN = Rule("tickets", Kind.PATTERN, "HX-[0-9]+", ONE, checks=frozenset({Stage.INPUT}))
HOLE = RuleException("kites", ThenDo.LOG, 1.0, phrases=("kite shop",))


def test_words_patterns_and_exceptions_are_named_and_never_said():
    off = Rule("off", Kind.WORDS, "", ONE, phrases=("x",), mode=Mode.DISABLED)
    policy = Policy(PolicyRef("p", 1, "0"), (WORDS, PATTERN, off), exceptions=(HOLE,))
    found = list(text_lookers(policy))
    assert [(one.name, one.output) for one in found] == [
        ("rule:kites", True),
        ("rule:tickets", False),
        (f"exception:kites:{HOLE.key}", True),
    ]
    assert not any(word in f"{found}" for word in ("paper", "HX", "shop"))


def test_the_order_of_phrases_is_no_change_and_each_word_is():
    turned = Rule("kites", Kind.WORDS, "", ONE, phrases=("box kite", "paper kite"))
    more = Rule("kites", Kind.WORDS, "", ONE, phrases=("box kite", "paper kite", "stunt kite"))
    assert WORDS.wording == turned.wording != more.wording
    assert PATTERN.wording
    assert Rule("h", Kind.HAZARD, "crime", ONE).wording == ""


def test_many_rules_share_one_digest():
    many = tuple(Rule(f"r{n}", Kind.WORDS, "", ONE, phrases=(f"word {n}",)) for n in range(MOST + 1))
    policy = Policy(PolicyRef("p", 1, "0"), many)
    (one,) = text_lookers(policy)
    assert (one.name, one.revision) == ("rules", folded(policy))
    assert folded(Policy(PolicyRef("p", 1, "0"), many[1:])) != one.revision
    assert len(text_lookers(Policy(PolicyRef("p", 1, "0"), many[1:]))) == MOST


def test_how_answers_are_cut():
    (cut,) = windows_of(Policy(PolicyRef("p", 1, "0"), ()))
    assert cut.revision == "160/400/120/sentence"


def test_a_family_needs_who_reports_its_leaves():
    info = DetectorInfo("d", "1", frozenset({"crime.fraud"}), Tier.MODEL, Unit.SCORE, spans=False)
    rules = [Rule("r", kind, target, ONE) for kind, target in ((Kind.HAZARD, "crime"), (Kind.DETECTOR, "d"))]
    assert all(needs(rule, info) for rule in rules)
    assert not needs(Rule("r", Kind.HAZARD, "hate", ONE), info)
    assert not needs(WORDS, info)


def test_how_many_messages_are_looked_at_where_not_all_are():
    ref = PolicyRef("p", 1, "0")
    assert not list(messages_of(Policy(ref, ())))
    (limited,) = messages_of(Policy(ref, (), messages_looked_at=3))
    assert (limited.revision, limited.output) == ("3", False)
