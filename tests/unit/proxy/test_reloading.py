"""A good set is taken, a bad one is told of, and the last good one goes on serving."""

import asyncio
import gc
import os
import signal
import threading
import weakref

from structlog.testing import capture_logs

from guardproxy.policy.shelf import LoadReport
from guardproxy.proxy.reloading import on_hangup, reload_now, take_note, told


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
    assert [line["event"] for line in logs] == ["audit_anchor", "policies_loaded"]
    assert "sample@2" in logs[1]["policies"]
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
    assert (logs[0]["errors"], logs[0]["codes"]) == (1, ["GP104"])
    assert logs[0]["hint"].startswith("guardproxy lint ")
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


def test_a_set_has_its_benches_and_its_labels_before_it_is_in_force(hall, policy_file):
    text = policy_file.read_text(encoding="utf-8")
    write(
        policy_file,
        text.replace("policy: sample", "policy: other")
        .replace("id: finch", "id: wren")
        .replace("refuse: finch", "refuse: wren"),
    )
    policy_file.rename(policy_file.with_name("other.yaml"))
    hall.shelf.path = policy_file.with_name("other.yaml")
    assert hall.shelf.reload().ok, hall.shelf.last.report
    (policy,) = hall.shelf.policies
    assert id(policy) in hall.benches._made
    page = hall.recorder.metrics.render(None)[0].decode()
    assert 'policy="other"' in page
    assert 'rule="wren"' in page


def test_the_later_of_two_attempts_has_the_last_word(hall, policy_file):
    good = policy_file.read_text(encoding="utf-8")
    write(policy_file, "nonsense")
    bad = hall.shelf.reload()
    write(policy_file, good)
    assert reload_now(hall).ok
    take_note(hall, bad)
    assert metric(hall, "policy_load_failed") == {0.0}


def test_what_the_admin_port_says(hall, policy_file):
    good = policy_file.read_text(encoding="utf-8")
    write(
        policy_file, good.replace("on_match: refuse", "on_mach: refuse").replace("on_match: warn}", "on_match: wran}")
    )
    said = told(hall, reload_now(hall))
    assert not said["ok"]
    assert {"GP104", "GP208"} <= {row["code"] for row in said["problems"]}
    assert all(row["line"] > 0 and row["severity"] == "error" for row in said["problems"])
    assert said["policies"] == [{"policy": "sample", "revision": 1, "hash": hall.shelf.policies[0].ref.hash}]
    assert told(hall, LoadReport(ok=True))["problems"] == []


async def test_sighup_reads_the_policies_again(hall, policy_file):
    done = asyncio.Event()
    loop, prepare = asyncio.get_running_loop(), hall.shelf.prepare

    def prepared(policies):
        prepare(policies)
        loop.call_soon_threadsafe(done.set)

    hall.shelf.prepare = prepared
    on_hangup(hall)
    try:
        write(policy_file, policy_file.read_text(encoding="utf-8").replace("revision: 1", "revision: 2"))
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(done.wait(), 10)
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def test_old_sets_are_let_go_and_reloads_from_many_threads_are_safe(hall, policy_file):
    text = policy_file.read_text(encoding="utf-8")
    old = weakref.ref(hall.benches.bench(hall.shelf.policies[0]))
    turns, guard = iter(range(2, 42)), threading.Lock()

    def reload_some():
        for _ in range(10):
            with guard:
                write(policy_file, text.replace("revision: 1", f"revision: {next(turns)}"))
            reload_now(hall)
            hall.benches.bench(hall.shelf.select("default", "default"))

    threads = [threading.Thread(target=reload_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reload_now(hall).ok
    assert hall.shelf.policies[0].ref.revision == 41
    gc.collect()
    assert old() is None
    assert len(hall.benches._made) == 1
