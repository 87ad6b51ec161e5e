"""The file of changes: its records, its chain, and what happens when it cannot be written."""

import json
import threading

import pytest

from guardproxy.core.rules import PolicyRef
from guardproxy.observe import changes as module
from guardproxy.observe.audit_file import Segment
from guardproxy.observe.changes import ChangeLog, PolicyChange
from guardproxy.observe.verify import verify

OLD, NEW = PolicyRef("base", 1, "aaaa"), PolicyRef("base", 2, "bbbb")


def quiet(_event, **_fields):
    return None


@pytest.fixture
def log(tmp_path):
    made = ChangeLog(tmp_path / "var" / "policy-changes.jsonl", lambda: 1_800_000_000.0, quiet)
    yield made
    made.close()


def test_no_file_before_the_first_change(log):
    assert not log.path.exists()


def test_each_change_is_one_record_of_the_chain(log):
    log.append(PolicyChange("promote", "ana", "fewer false alarms", "/policies/next", (OLD,), (NEW,)))
    log.append(PolicyChange("rollback", "ana", "", "/policies", (NEW,), (OLD,)))
    header, first, second = map(json.loads, log.path.read_text().splitlines())
    assert header["kind"] == "segment"
    assert (first["action"], first["actor"], first["because"]) == ("promote", "ana", "fewer false alarms")
    assert first["time"] == "2027-01-15T08:00:00.000Z"
    assert first["old"] == [{"policy": "base", "revision": 1, "hash": "aaaa"}]
    assert first["new"] == [{"policy": "base", "revision": 2, "hash": "bbbb"}]
    assert second["prev"] == first["hash"]
    assert verify(log.path).fine


def test_a_later_start_goes_on_with_the_chain(log):
    log.append(PolicyChange("promote", "ana", "", "/p", (OLD,), (NEW,)))
    log.close()
    again = ChangeLog(log.path, lambda: 0.0, quiet)
    again.append(PolicyChange("rollback", "ben", "", "/p", (NEW,), (OLD,)))
    again.close()
    assert verify(log.path).records == 3
    assert verify(log.path).fine


def test_the_last_set_that_was_put_in_force(log):
    assert log.last_in_force() is None
    log.append(PolicyChange("promote", "ana", "", "/p", (OLD,), (NEW,)))
    log.append(PolicyChange("candidate", "ana", "", "/q", (), (NEW,)))
    assert (log.last_in_force()["action"], log.last_in_force()["path"]) == ("promote", "/p")
    with log.path.open("ab") as file:
        file.write(b"torn\n")
    assert log.last_in_force() is None


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "var").write_text("a file, no folder")
    log = ChangeLog(tmp_path / "var" / "policy-changes.jsonl", lambda: 0.0, quiet)
    with pytest.raises(OSError):
        log.append(PolicyChange("promote", "ana", "", "/p", (OLD,), (NEW,)))


def test_two_services_write_one_chain(log):
    other = ChangeLog(log.path, lambda: 0.0, quiet)
    for one, actor in ((log, "ana"), (other, "ben"), (log, "cat")):
        one.append(PolicyChange("reload", actor, "", "/p", (OLD,), (NEW,)))
    assert [json.loads(line).get("actor") for line in log.path.read_text().splitlines()][1:] == ["ana", "ben", "cat"]
    assert verify(log.path).fine
    assert other.last_set() == (NEW,)


def test_whoever_is_writing_just_now_is_waited_for(log):
    log.path.parent.mkdir()
    held = Segment(log.path)
    held.lock()
    threading.Timer(0.1, held.close).start()
    log.append(PolicyChange("reload", "ana", "", "/p", (OLD,), (NEW,)))
    assert verify(log.path).fine


def test_somebody_who_never_ends_is_not(log, monkeypatch):
    monkeypatch.setattr(module, "_TRIES", 2)
    log.path.parent.mkdir()
    held = Segment(log.path)
    held.lock()
    assert not log.note(PolicyChange("reload", "ana", "", "/p", (OLD,), (NEW,)))
    held.close()
    log.close()  # the last chance
    assert log.last_set() == (NEW,)


def test_nothing_is_known_yet(log):
    assert log.last_set() is None
