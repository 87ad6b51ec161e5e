import errno
import json
import os

import pytest

from guardproxy.observe.audit_file import canonical
from guardproxy.observe.journal import Journal, set_aside
from guardproxy.observe.verify import verify


class Notes:
    def __init__(self):
        self.told = []

    def __call__(self, event, **fields):
        self.told.append((event, fields))

    def __getitem__(self, event):
        return [fields for name, fields in self.told if name == event]


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def journal(tmp_path, notes):
    opened = []

    def make(**more):
        journal = Journal(tmp_path / "decisions.jsonl", lambda: 1_795_525_200.0, notes, **more)
        opened.append(journal)
        return journal

    yield make
    for one in opened:
        one.close()


def bodies(*names):
    return [canonical({"v": 1, "id": name}) for name in names]


def ids(path):
    return [record["id"] for line in path.read_bytes().splitlines() if "id" in (record := json.loads(line))]


def fail(monkeypatch, name, code, times=1):
    """Makes an os function fail `times` times, then work again."""
    real, left = getattr(os, name), [times]

    def broken(*args):
        if left[0]:
            left[0] -= 1
            raise OSError(code, os.strerror(code))
        return real(*args)

    monkeypatch.setattr(os, name, broken)


def test_a_segment_begins_with_a_header(journal, tmp_path):
    one = journal()
    one.append(bodies("a", "b"))
    header = json.loads(one.path.read_bytes().splitlines()[0])
    assert (header["kind"], header["segment"], header["after_seq"]) == ("segment", 1, 0)
    assert header["time"] == "2026-11-24T13:00:00.000Z"
    assert one.path.stat().st_mode & 0o777 == 0o600


def test_a_restart_continues_the_chain(journal):
    first = journal()
    first.append(bodies("a"))
    first.close()
    second = journal()
    second.append(bodies("b"))
    assert ids(second.path) == ["a", "b"]
    assert verify(second.path).fine
    assert verify(second.path).records == 3


def test_cut_at_every_byte_of_the_last_three_records(journal, tmp_path, notes):
    whole = journal()
    for name in "abcdef":
        whole.append(bodies(name))
    whole.close()
    data = whole.path.read_bytes()
    lines = data.splitlines(keepends=True)
    for cut in range(len(data) - sum(map(len, lines[-3:])), len(data) + 1):
        notes.told.clear()
        path = tmp_path / "cut" / "decisions.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data[:cut])
        complete = data[:cut].count(b"\n")
        torn = cut - len(b"".join(lines[:complete]))
        assert verify(path).torn == torn
        again = Journal(path, lambda: 0.0, notes)
        again.append(bodies("z"))
        again.close()
        assert ids(path) == [*"abcdef"[: complete - 1], "z"], cut
        assert verify(path).fine, cut
        assert [fields["bytes"] for fields in notes["audit_torn_tail"]] == ([torn] if torn else [])


def test_a_damaged_middle_is_kept_and_told(journal, notes):
    first = journal()
    first.append(bodies(*"abcdef"))
    first.close()
    spoiled = first.path.read_bytes().replace(b'"id":"c"', b'"id":"X"')
    first.path.write_bytes(spoiled)
    second = journal()
    second.append(bodies("g"))
    (older,) = set_aside(second.path)
    assert older.read_bytes() == spoiled
    assert notes["audit_damaged"]
    assert ids(second.path) == ["g"]
    header = json.loads(second.path.read_bytes().splitlines()[0])
    assert (header["because"], header["after_seq"], header["segment"]) == ("damaged", 3, 2)
    assert not verify(second.path).fine


def test_a_foreign_file_is_set_aside_untouched(journal):
    one = journal()
    one.path.write_text("my notes\n")
    one.append(bodies("a"))
    assert [path.read_text() for path in set_aside(one.path)] == ["my notes\n"]
    assert ids(one.path) == ["a"]


def test_a_failed_fsync_loses_the_segment_and_is_never_retried(journal, monkeypatch, notes):
    one = journal()
    one.append(bodies("a"))
    fail(monkeypatch, "fdatasync", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        one.append(bodies("b"))
    one.append(bodies("c"))
    (older,) = set_aside(one.path)
    assert ids(older) == ["a", "b"]  # b may be there, but was never acknowledged
    assert ids(one.path) == ["c"]
    header = json.loads(one.path.read_bytes().splitlines()[0])
    assert (header["because"], header["after_seq"]) == ("lost", 2)
    report = verify(one.path)
    assert report.fine
    assert report.notes == ("1 unacknowledged records of a lost segment stand outside the chain",)
    assert notes["audit_segment_left"][0]["because"] == "lost"


def test_a_full_disk_keeps_nothing_of_the_group(journal, monkeypatch):
    one = journal()
    one.append(bodies("a"))
    size = one.path.stat().st_size
    fail(monkeypatch, "write", errno.ENOSPC, times=3)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            one.append(bodies("b"))
        assert one.path.stat().st_size == size
    one.append(bodies("c"))
    assert ids(one.path) == ["a", "c"]
    assert verify(one.path).fine


def test_a_half_written_group_is_taken_back_even_late(journal, monkeypatch):
    one = journal()
    one.append(bodies("a"))
    real, calls = os.write, []

    def half(fd, data):
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[:10])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        fail(patch, "ftruncate", errno.EIO)  # and taking back fails as well
        with pytest.raises(OSError, match="Input/output"):
            one.append(bodies("b"))
    one.append(bodies("c"))
    assert ids(one.path) == ["a", "c"]
    assert verify(one.path).fine


def test_a_new_segment_that_cannot_begin_is_tried_again(journal, monkeypatch):
    one = journal()
    one.append(bodies("a"))
    fail(monkeypatch, "fdatasync", errno.EIO)
    fail(monkeypatch, "write", errno.ENOSPC, times=0)
    with pytest.raises(OSError, match="Input/output"):
        one.append(bodies("b"))
    fail(monkeypatch, "write", errno.ENOSPC, times=2)
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            one.append(bodies("c"))
    one.append(bodies("d"))
    assert len(set_aside(one.path)) == 1
    assert ids(one.path) == ["d"]
    assert verify(one.path).fine


def test_a_full_segment_is_set_aside_and_the_chain_goes_on(journal, notes):
    one = journal(longest=2000)
    for number in range(30):
        one.append(bodies(f"r{number}"))
    older = set_aside(one.path)
    assert len(older) == 3
    assert [name for path in [*older, one.path] for name in ids(path)] == [f"r{n}" for n in range(30)]
    report = verify(one.path)
    assert report.fine
    assert report.segments == len(older) + 1
    assert len(notes["audit_anchor"]) == len(older)
    one.close()
    one.path.unlink()  # the living one is gone: the chain still goes on
    again = journal()
    again.append(bodies("late"))
    assert verify(again.path).fine


def test_each_writer_has_a_file_of_its_own(journal, tmp_path):
    first, second = journal(), journal()
    first.append(bodies("a"))
    second.append(bodies("b"))
    assert second.path == tmp_path / "decisions-2.jsonl"
    assert (ids(first.path), ids(second.path)) == (["a"], ["b"])


def test_anchors_every_thousand_records_and_at_the_end(journal, notes):
    one = journal()
    for _ in range(5):
        one.append(bodies(*"a" * 500))
    one.close()
    anchors = notes["audit_anchor"]
    assert [fields["seq"] for fields in anchors] == [1001, 2001, 2501]
    hashes = {fields["seq"]: fields["hash"] for fields in anchors}
    assert verify(one.path, hashes).fine
