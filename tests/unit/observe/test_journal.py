import errno
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from guardproxy.observe.anchors import anchors_of, beside
from guardproxy.observe.audit_file import Link, canonical
from guardproxy.observe.journal import Journal, Keeping, set_aside
from guardproxy.observe.verify import Trust, verify

SHM = Path("/dev/shm")
EPOCH = "1970-01-01T00:00:00.000Z"


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
def memory(tmp_path):
    """A folder whose syncs cost nothing, where there is one: some tests make thousands."""
    if not SHM.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=SHM) as folder:
        yield Path(folder)


@pytest.fixture
def journal(tmp_path, notes):
    opened = []

    def make(**more):
        journal = Journal(tmp_path / "decisions.jsonl", lambda: 1_795_525_200.0, notes, Keeping(**more))
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


def test_cut_at_every_byte_of_the_last_three_records(journal, memory, notes):
    whole = journal()
    for name in "abcdef":
        whole.append(bodies(name))
    whole.close()
    data = whole.path.read_bytes()
    lines = data.splitlines(keepends=True)
    for cut in range(len(data) - sum(map(len, lines[-3:])), len(data) + 1):
        notes.told.clear()
        path = memory / "cut" / "decisions.jsonl"
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir()
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
        kept = [one.read_bytes() for one in path.parent.glob("*.torn-*")]
        assert kept == ([data[cut - torn : cut]] if torn else [])
        assert verify(path).notes == tuple(
            f"a torn tail of {torn} bytes was put into {path.name}.torn-000001, {EPOCH}" for _ in kept
        )


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
    lost = one.last.seq
    one.path.unlink()  # the living one is gone: the chain still goes on, and says what is missing
    again = journal()
    again.append(bodies("late"))
    (fault,) = verify(again.path).faults
    assert fault.what == f"at the start of 2026-11-24T13:00:00.000Z record {lost} was missing, which an anchor knew"
    assert notes["audit_shortened"] == [{"file": str(one.path), "seq": lost - 4, "anchored": lost}]


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
    known = tuple(Link(fields["seq"], fields["hash"]) for fields in anchors)
    assert verify(one.path, Trust(known=known)).fine


def told(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_torn_header_is_no_damage(journal, tmp_path):
    one = journal()
    one.append(bodies("a"))
    one.close()
    header = one.path.read_bytes().splitlines(keepends=True)[0]
    for cut in (1, 9, 10, 40, len(header) - 1):
        for tail in (header[:cut], bytes(cut)):
            path = tmp_path / "first" / "decisions.jsonl"
            shutil.rmtree(path.parent, ignore_errors=True)
            path.parent.mkdir()
            path.write_bytes(tail)
            again = Journal(path, lambda: 0.0, lambda *_args, **_fields: None)
            again.append(bodies("b"))
            again.close()
            assert (ids(path), verify(path).fine) == (["b"], True)
            assert [line.get("kind") for line in told(path)] == ["segment", "torn", None]
            assert set_aside(path) == []


def test_news_that_a_full_disk_kept_back_come_later(journal, monkeypatch):
    one = journal()
    one.append(bodies("a"))
    one.close()
    with one.path.open("ab") as file:
        file.write(b"torn")
    again = journal()
    real, written = os.write, []

    def full(fd, data):
        written.append(bytes(data))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            again.append(bodies("b"))
    assert written
    assert os.write is real
    again.append(bodies("c"))
    assert ids(one.path) == ["a", "c"]
    assert [line["bytes"] for line in told(one.path) if line.get("kind") == "torn"] == [4]
    assert verify(one.path).fine


@pytest.mark.parametrize("how", ["unlink", "rename", "replace"])
def test_a_file_that_is_taken_away_is_noticed_before_the_next_record_is_promised(journal, notes, how):
    one = journal()
    one.append(bodies("a"))
    if how == "unlink":
        one.path.unlink()
    elif how == "rename":
        one.path.rename(one.path.with_name("elsewhere"))
    else:
        one.path.with_name("new").write_bytes(b"")
        one.path.with_name("new").rename(one.path)
    one.append(bodies("b"))
    assert ids(one.path) == ["b"]
    assert told(one.path)[0]["because"] == "removed"
    assert notes["audit_segment_left"][0]["because"] == "removed"
    assert not verify(one.path).fine  # a is gone
    assert "older segments are missing" in verify(one.path).faults[0].what


def test_a_file_that_goes_while_it_is_written_promises_nothing(journal, monkeypatch):
    one = journal()
    one.append(bodies("a"))
    real = os.fdatasync

    def sync(fd):
        real(fd)
        one.path.unlink(missing_ok=True)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", sync)
        with pytest.raises(OSError, match="taken away"):
            one.append(bodies("b"))
    one.append(bodies("c"))
    assert ids(one.path) == ["c"]


@pytest.mark.parametrize("how", ["shorter", "longer"])
def test_a_file_that_somebody_else_writes_is_set_aside_as_it_is(journal, how):
    one = journal()
    one.append(bodies("a"))
    good = one.path.read_bytes()
    spoiled = good[:-30] if how == "shorter" else good + b"hello\n"
    one.path.write_bytes(spoiled)
    one.append(bodies("b"))
    (older,) = set_aside(one.path)
    assert older.read_bytes() == spoiled
    assert (ids(one.path), told(one.path)[0]["because"]) == (["b"], "damaged")
    assert not verify(one.path).fine


def test_a_segment_grows_old(tmp_path, notes):
    now = [1_800_000_000.0]
    one = Journal(tmp_path / "decisions.jsonl", lambda: now[0], notes, Keeping(oldest=3600))
    one.append(bodies("a"))
    now[0] += 3599
    one.append(bodies("b"))
    assert set_aside(one.path) == []
    one.close()
    again = Journal(tmp_path / "decisions.jsonl", lambda: now[0], notes, Keeping(oldest=3600))
    again.open()
    now[0] += 1  # a restart does not make it young again
    again.tend()
    assert [ids(path) for path in set_aside(one.path)] == [["a", "b"]]
    again.append(bodies("c"))
    again.close()
    assert told(one.path)[0]["because"] == "old"
    assert verify(one.path).fine


def test_the_last_anchor_is_there_after_each_append(journal):
    one = journal()
    for name in "abc":
        one.append(bodies(name))
        (anchor,) = anchors_of(one.path, beside(one.path, None))
        assert anchor.link == one.last


def test_anchors_that_cannot_be_written_stop_nobody(tmp_path, notes):
    (tmp_path / "file").write_text("")
    one = Journal(tmp_path / "decisions.jsonl", lambda: 0.0, notes, Keeping(anchors=tmp_path / "file" / "folder"))
    one.append(bodies("a"))
    one.append(bodies("b"))
    one.close()
    assert ids(one.path) == ["a", "b"]
    assert len(notes["audit_anchors_failing"]) == 1


def test_whoever_must_be_alone_takes_no_other_name(journal, tmp_path):
    first, second = journal(), journal(alone=True)
    first.append(bodies("a"))
    with pytest.raises(BlockingIOError):
        second.append(bodies("b"))
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["decisions.jsonl"]


def test_every_begun_or_opened_segment_is_a_time_to_tidy(journal):
    seen = []
    one = journal(longest=900, tidy=seen.append)
    for name in "abcd":
        one.append(bodies(name))
    assert seen == [one.path] * (1 + len(set_aside(one.path)))
    assert len(seen) == 2
