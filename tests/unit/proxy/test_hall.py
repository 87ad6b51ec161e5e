"""Decision ids and benches."""

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule
from guardproxy.detectors.bench import Toolbox
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.hall import Benches, new_decision_id, steady_clock


def test_decision_ids_can_be_read_out_over_the_phone():
    ids = {new_decision_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(i) == 26 and set(i) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for i in ids)


def policy():
    rule = Rule("w", Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=("zorp",))
    return Policy(PolicyRef("p", 1, "0"), (rule,))


def test_each_policy_object_has_its_own_bench():
    benches, first, second = Benches(Toolbox()), policy(), policy()
    assert first == second
    assert benches.bench(first) is benches.bench(first)
    assert benches.bench(first) is not benches.bench(second)


def test_what_is_no_longer_in_force_is_forgotten():
    benches, old, new = Benches(Toolbox()), policy(), policy()
    was, stays = benches.bench(old), benches.bench(new)
    benches.keep_only((new,))
    assert benches.bench(new) is stays
    assert benches.bench(old) is not was


def test_policy_tests_look_through_the_bench_that_will_serve():
    benches, mine = Benches(Toolbox()), policy()
    found = benches.look(mine)([Segment("a zorp", Stage.INPUT, Scope.USER)])
    assert [f.rule for f in found] == ["w"]
    assert benches.look(mine).__self__ is benches.bench(mine)


def test_a_clock_that_is_set_anew_moves_nothing_that_is_counted_in_seconds():
    wall, elapsed = [1_800_000_000.0], [50.0]
    steady = steady_clock(lambda: wall[0], lambda: elapsed[0])
    assert steady() == 1_800_000_000.0
    for jump in (3600.0, -3600.0, 315_576_000.0, -631_152_000.0):
        wall[0] += jump
        elapsed[0] += 1.5
    assert steady() == 1_800_000_006.0


async def test_lookups_in_the_verdict_cache_are_counted(hall, send):
    body = {"messages": [{"role": "user", "content": "What did the heron say?"}]}
    for _ in range(2):
        await send(DataApp(hall), "/v1/guard/check", json=body)
    page = hall.recorder.metrics.render(None)[0].decode()
    assert 'guardproxy_verdict_cache_total{result="miss"} 1.0' in page
    assert 'guardproxy_verdict_cache_total{result="hit"} 1.0' in page
