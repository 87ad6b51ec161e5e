from dataclasses import replace

from guardproxy.core.rules import Action
from guardproxy.observe.outcome import subject_of


def test_one_decision_a_stage_the_strongest_of_the_choices(samples):
    assert [d.action for d in samples.cut.stages()] == [Action.ALLOW, Action.REFUSE]
    assert len(list(samples.cut.decisions())) == 3


def test_the_stage_that_failed_says_how(samples):
    assert samples.calm.state("input") == "scanned"
    assert samples.refused.state("output") == "not_run"
    assert samples.open.state("input") == "failed_open"
    assert samples.closed.state("input") == "failed_closed"


def test_the_input_decides_on_a_tie(samples):
    both = replace(samples.refused, outputs=samples.cut.outputs)
    assert both.deciding is both.input
    assert replace(samples.closed).deciding is None


def test_an_unrecorded_exchange_is_a_fault(samples):
    lost = samples.open.unrecorded()
    assert (lost.outcome, lost.status, lost.error_code, lost.unchecked) == ("error", 503, "audit_unavailable", ())


def test_its_repr_holds_no_text(samples):
    assert all(samples.marker not in repr(outcome) for outcome in samples.all)


def test_a_subject_is_one_of_a_tenant_and_a_source():
    some = [("a", "header", "x"), ("b", "header", "x"), ("a", "safety_identifier", "x"), ("a", "header", "y")]
    assert len({subject_of(*one) for one in some}) == 4
    assert subject_of("a", "header", "\ud800")  # what JSON lets through is still one person
