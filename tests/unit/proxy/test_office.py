"""Candidate, promotion and rollback: in one step, written down first, and back again."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from guardproxy.errors import BadRequest, PolicyError
from guardproxy.observe.verify import verify
from guardproxy.proxy.office import Order
from guardproxy.proxy.reloading import reload_now, take_note
from guardproxy.proxy.settings import PolicySettings
from guardproxy.proxy.start import open_hall
from tests.unit.proxy.conftest import POLICY

ANA = Order("ana", "fewer false alarms")


@pytest.fixture
def office(hall, tmp_path):
    hall.office.changes._journal.path = tmp_path / "var" / "policy-changes.jsonl"
    yield hall.office
    hall.office.changes.close()


@pytest.fixture
def next_set(tmp_path):
    folder = tmp_path / "next"
    folder.mkdir()
    (folder / "sample.yaml").write_text(POLICY.format(revision=2), encoding="utf-8")
    return folder


def records(office):
    return [json.loads(line) for line in office.changes.path.read_text().splitlines()][1:]


def revisions(hall):
    return [p.ref.revision for p in hall.shelf.policies]


def test_promotion_and_rollback(hall, office, next_set, policy_file):
    before = hall.shelf.policies
    office.candidate(next_set, ANA)
    candidate = hall.trial.shelf.policies
    assert hall.shelf.policies is before
    office.promote(ANA, candidate[0].ref.hash)
    assert hall.shelf.policies is candidate
    assert not hall.trial.running
    assert hall.shelf.path == next_set
    assert str(policy_file) in office.status()["hint"]
    office.rollback(Order("ben"))
    assert hall.shelf.policies is before
    assert hall.trial.shelf.policies is candidate
    assert (hall.shelf.path, office.status()["hint"]) == (policy_file, "")
    assert [(r["action"], r["actor"]) for r in records(office)] == [
        ("candidate", "ana"),
        ("promote", "ana"),
        ("rollback", "ben"),
    ]
    promoted = records(office)[1]
    assert promoted["because"] == "fewer false alarms"
    assert promoted["old"] == [{"policy": "sample", "revision": 1, "hash": before[0].ref.hash}]
    assert promoted["new"] == [{"policy": "sample", "revision": 2, "hash": candidate[0].ref.hash}]
    assert verify(office.changes.path).fine


def test_what_was_on_trial_is_promoted_not_what_the_files_say_by_now(hall, office, next_set):
    office.candidate(next_set, ANA)
    (next_set / "sample.yaml").write_text("nonsense", encoding="utf-8")
    office.promote(ANA)
    assert revisions(hall) == [2]
    assert not reload_now(hall).ok
    assert revisions(hall) == [2]


def test_after_a_promotion_its_files_are_read(hall, office, next_set, policy_file):
    office.candidate(next_set, ANA)
    office.promote(ANA)
    (next_set / "sample.yaml").write_text(POLICY.format(revision=3), encoding="utf-8")
    policy_file.write_text("nonsense", encoding="utf-8")
    assert reload_now(hall).ok
    assert revisions(hall) == [3]
    office.rollback(ANA)
    assert revisions(hall) == [1]


@pytest.mark.parametrize("act", ["withdraw", "promote", "rollback"])
def test_what_is_not_there_cannot_be_moved(office, act):
    with pytest.raises(BadRequest) as caught:
        getattr(office, act)(ANA)
    assert caught.value.status == 409
    assert not office.changes.path.exists()


def test_one_rollback_for_one_promotion(office, next_set):
    office.candidate(next_set, ANA)
    office.promote(ANA)
    office.rollback(ANA)
    with pytest.raises(BadRequest, match="no set to go back to"):
        office.rollback(ANA)


def test_nobody_promotes_another_set_than_he_saw(hall, office, next_set):
    office.candidate(next_set, ANA)
    with pytest.raises(BadRequest, match="another one by now"):
        office.promote(ANA, hall.shelf.policies[0].ref.hash)
    assert revisions(hall) == [1]


def test_a_set_that_would_leave_a_served_route_alone_is_not_promoted(hall, office, next_set):
    hall.shelf.select("acme", "chat")
    file = next_set / "sample.yaml"
    file.write_text(
        file.read_text().replace('tenants: ["*"]', "tenants: [acme]").replace('routes: ["*"]', "routes: [other]")
    )
    office.candidate(next_set, ANA)
    with pytest.raises(PolicyError, match="GP308"):
        office.promote(ANA)
    assert revisions(hall) == [1]
    assert hall.trial.running
    assert [r["action"] for r in records(office)] == ["candidate"]


def test_what_cannot_be_written_down_does_not_happen(hall, office, next_set, tmp_path):
    office.candidate(next_set, ANA)
    office.changes.close()
    (tmp_path / "blocked").write_text("a file, no folder")
    office.changes._journal.path = tmp_path / "blocked" / "policy-changes.jsonl"
    with pytest.raises(PolicyError, match="nothing was changed"):
        office.promote(ANA)
    assert revisions(hall) == [1]
    assert hall.trial.running


def test_a_bad_candidate_is_refused_and_the_old_one_stays(hall, office, next_set, tmp_path):
    office.candidate(next_set, ANA)
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "sample.yaml").write_text(POLICY.format(revision=5).replace("expect: allow", "expect: {refuse: finch}"))
    with pytest.raises(PolicyError) as caught:
        office.candidate(bad, ANA)
    assert "GP507" in caught.value.report
    assert hall.trial.shelf.policies[0].ref.revision == 2


@pytest.mark.parametrize("path", ["relative.yaml", "/etc/passwd", "/nowhere/at/all"])
def test_paths_that_are_no_policy(office, path, tmp_path):
    with pytest.raises(BadRequest):
        office.candidate(tmp_path.__class__(path), ANA)


@pytest.mark.parametrize("order", [("", ""), ("  ", ""), ("a" * 201, ""), ("ana\n", ""), ("ana", "because\x00")])
def test_orders_without_a_name_or_with_too_much_in_it(order):
    with pytest.raises(BadRequest):
        Order(*order)


def test_a_reload_reads_the_candidate_too(hall, office, next_set):
    office.candidate(next_set, ANA)
    file = next_set / "sample.yaml"
    file.write_text(POLICY.format(revision=4))
    assert reload_now(hall).ok
    assert hall.trial.shelf.policies[0].ref.revision == 4
    file.write_text("nonsense")
    assert reload_now(hall).ok
    assert hall.trial.shelf.policies[0].ref.revision == 4
    assert office.reload() != ()


def test_metrics_and_benches_follow_a_promotion(hall, office, next_set):
    office.candidate(next_set, ANA)
    office.promote(ANA)
    take_note(hall, hall.shelf.last)
    page = hall.recorder.metrics.render(None)[0].decode()
    info = [line for line in page.splitlines() if line.startswith("guardproxy_policy_info{")]
    assert {(line.split('revision="')[1][0], line[-3:]) for line in info} == {("1", "0.0"), ("2", "1.0")}
    assert [policy for policy, _ in hall.benches._made.values()] == list(hall.shelf.policies)


async def test_a_watch_follows_the_promotion(hall, office, next_set, policy_file):
    """Each folder is touched until the watch has seen it: nothing says when it has begun."""
    reports: asyncio.Queue = asyncio.Queue()
    watching = asyncio.ensure_future(hall.shelf.watch(reports.put_nowait))

    async def seen(file, wanted):
        async with asyncio.timeout(20):
            while revisions(hall) != [wanted]:
                file.write_text(POLICY.format(revision=wanted))
                try:
                    await asyncio.wait_for(reports.get(), 0.6)
                except TimeoutError:
                    continue

    try:
        await seen(policy_file, 6)
        await asyncio.to_thread(office.candidate, next_set, ANA)
        await asyncio.to_thread(office.promote, ANA)
        await seen(next_set / "sample.yaml", 7)
    finally:
        watching.cancel()


def again(hall, **policies):
    """The service after a restart with these settings."""
    wanted = PolicySettings(**(hall.settings.policies.model_dump() | policies))
    return open_hall(hall.settings.model_copy(update={"policies": wanted}), hall.clock)


def test_a_restart_that_undoes_a_promotion_says_so(hall, office, next_set, policy_file):
    file = str(office.changes.path)
    office.candidate(next_set, ANA)
    office.promote(ANA)
    office.changes.close()
    with capture_logs() as logs:
        undone = again(hall, changes=file)
    assert [line["event"] for line in logs if line["event"] != "audit_anchor"] == ["policies_other_than_promoted"]
    assert str(next_set) in undone.office.status()["hint"]
    assert "ana" in undone.office.status()["hint"]
    with capture_logs() as logs:
        followed = again(hall, changes=file, path=str(next_set))
    assert {line["event"] for line in logs} == {"audit_anchor"}
    assert followed.office.status()["hint"] == ""


def test_what_files_bring_is_written_down_beside_promotions(hall, office, policy_file, next_set):
    policy_file.write_text(POLICY.format(revision=2))
    reload_now(hall, "SIGHUP")
    reload_now(hall)  # brings nothing new
    policy_file.write_text("nonsense")
    reload_now(hall)
    office.candidate(next_set, ANA)
    office.promote(ANA)
    take_note(hall, hall.shelf.last)
    rows = [
        (r["action"], r["actor"], [p["revision"] for p in r["old"]], [p["revision"] for p in r["new"]])
        for r in records(office)
    ]
    assert rows == [("reload", "SIGHUP", [1], [2]), ("candidate", "ana", [], [2]), ("promote", "ana", [2], [2])]
    assert verify(office.changes.path).fine


def test_what_changed_while_nobody_served_is_written_at_the_start(hall, office, policy_file):
    file = str(office.changes.path)
    again(hall, changes=file)
    assert not office.changes.path.exists()  # nothing is known yet, so nothing has changed
    policy_file.write_text(POLICY.format(revision=2))
    reload_now(hall)
    again(hall, changes=file)
    assert [r["action"] for r in records(office)] == ["reload"]
    policy_file.write_text(POLICY.format(revision=3))
    again(hall, changes=file)
    last = records(office)[-1]
    assert (last["action"], last["old"][0]["revision"], last["new"][0]["revision"]) == ("start", 2, 3)


def test_a_reload_is_not_kept_back_by_a_file_that_cannot_be_written(hall, office, policy_file):
    place = office.changes.path.parent
    place.write_text("a file, no folder")
    policy_file.write_text(POLICY.format(revision=2))
    with capture_logs() as logs:
        assert reload_now(hall).ok
    assert revisions(hall) == [2]
    assert [line["event"] for line in logs] == ["policy_change_unrecorded", "policies_loaded"]
    place.unlink()
    policy_file.write_text(POLICY.format(revision=3))
    assert reload_now(hall).ok
    assert [r["new"][0]["revision"] for r in records(office)] == [2, 3]


def test_the_candidate_of_the_settings(hall, next_set):
    def opened(path):
        return again(hall, candidate=str(path))

    assert opened(next_set).trial.shelf.policies[0].ref.revision == 2
    (next_set / "sample.yaml").write_text("nonsense")
    assert not opened(next_set).trial.running
