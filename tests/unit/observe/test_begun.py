import json
import os

import pytest

from guardproxy.observe import begun as module
from guardproxy.observe.begun import Begun, all_begun


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "decisions.jsonl"
    path.write_text("")
    return path


@pytest.fixture
def begun(log):
    made = Begun(log)
    yield made
    made.close()


def left(log):
    return [record["decision_id"] for record in Begun(log).left(log)]


def test_what_began_and_did_not_end_is_left(begun, log):
    for name in "abc":
        begun.begin(name, {"route": "chat"})
    begun.end("b")
    begun.end("never begun")
    assert left(log) == ["a", "c"]
    assert Begun(log).left(log)[0] == {"decision_id": "a", "route": "chat"}
    assert begun.path.stat().st_mode & 0o777 == 0o600


def test_what_stands_in_the_log_is_not_left(begun, log):
    """The crash came between the record and its line here."""
    begun.begin("a", {})
    begun.begin("b", {})
    log.write_text(json.dumps({"decision_id": "a"}, separators=(",", ":")) + "\n")
    assert left(log) == ["b"]


def test_nothing_was_begun(log):
    assert left(log) == []


def test_a_torn_line_says_nothing(begun, log):
    begun.begin("a", {})
    begun.close()
    for tail in (b'+{"decision_id":"b"', b"+[]", b"+{}", b"-", b"\0\0"):
        data = begun.path.read_bytes()
        begun.path.write_bytes(data + tail)
        assert left(log) == ["a"]
        begun.path.write_bytes(data)


def test_the_file_stays_short(begun, log, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 2000)
    begun.begin("stays", {"pad": "x" * 100})
    for number in range(500):
        begun.begin(f"D{number}", {"pad": "x" * 100})
        begun.end(f"D{number}")
    assert begun.path.stat().st_size < 3000
    assert left(log) == ["stays"]


def test_settled(begun, log):
    begun.begin("a", {})
    begun.settle()
    assert left(log) == []


def test_a_full_disk_is_an_error_at_the_beginning_and_none_at_the_end(begun, log, monkeypatch):
    begun.begin("a", {})
    monkeypatch.setattr(os, "write", lambda _fd, data: len(data) - 1)
    with pytest.raises(OSError, match="No space"):
        begun.begin("b", {})
    begun.end("a")
    monkeypatch.undo()
    assert "b" not in left(log)


def test_each_process_has_a_file_of_its_own(begun, log):
    begun.begin("a", {})
    for owner in ("2", "10"):
        other = Begun(log, owner)
        other.begin(f"of {owner}", {})
        other.close()
    (log.parent / f"{log.name}.open-3.part").write_text("half a file")
    assert [one.path.suffix for one in all_begun(log)] == [".open", ".open-10", ".open-2"]
    assert [record["decision_id"] for one in all_begun(log) for record in one.left(log)] == ["a", "of 10", "of 2"]
