"""A good set is taken, a bad one is told of, and the last good one goes on serving."""

from structlog.testing import capture_logs

from guardproxy.proxy.reloading import reload_now


def metric(hall, name):
    page = hall.recorder.metrics.render(None)[0].decode()
    rows = [line.rsplit(" ", 1) for line in page.splitlines() if line.startswith(f"guardproxy_{name}{{")]
    return {float(value) for _, value in rows}


def write(file, text):
    file.write_text(text, encoding="utf-8")


def test_a_good_set_comes_into_force(hall, policy_file):
    text = policy_file.read_text(encoding="utf-8")
    write(policy_file, text.replace("revision: 1", "revision: 2"))
    with capture_logs() as logs:
        assert reload_now(hall).ok
    assert "sample@2" in [str(p.ref) for p in hall.shelf.policies]
    assert [line["event"] for line in logs] == ["policies_loaded"]
    assert "sample@2" in logs[0]["policies"]
    assert metric(hall, "policy_load_failed") == {0.0}


def test_a_bad_set_changes_nothing(hall, policy_file):
    before = hall.shelf.policies
    benches = [hall.benches.bench(p) for p in before]
    good = policy_file.read_text(encoding="utf-8")
    write(policy_file, good.replace("on_match: refuse", "on_mach: refuse"))
    with capture_logs() as logs:
        assert not reload_now(hall).ok
    assert hall.shelf.policies is before
    assert [hall.benches.bench(p) for p in before] == benches
    assert [line["event"] for line in logs] == ["policy_load_failed"]
    assert "sample.yaml:" in logs[0]["place"]
    assert logs[0]["errors"] >= 1
    assert metric(hall, "policy_load_failed") == {1.0}
    write(policy_file, good)
    assert reload_now(hall).ok
    assert metric(hall, "policy_load_failed") == {0.0}


def test_sets_that_fail_their_own_tests_leave_no_benches_behind(hall, policy_file):
    text = policy_file.read_text(encoding="utf-8")
    write(policy_file, text.replace("expect: allow", "expect: {refuse: finch}"))
    for _ in range(3):
        assert not reload_now(hall).ok
    assert len(hall.benches._made) == len(hall.shelf.policies)
