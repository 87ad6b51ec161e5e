import json

import pytest

from guardproxy.observe import erasure as module
from guardproxy.observe.anchors import anchors_of, beside
from guardproxy.observe.audit_file import Segment, canonical
from guardproxy.observe.erasure import Keep, Order, erase, erasures_of, log_of, retire, steady
from guardproxy.observe.journal import Journal, Keeping, set_aside
from guardproxy.observe.verify import Trust, verify

KEY = b"k" * 32
DAY = 86_400


def quiet(*_args, **_fields):
    return None


@pytest.fixture
def now():
    return [1_800_000_000.0]


@pytest.fixture
def order(now):
    return Order("ana", "asked", lambda: now[0], quiet, KEY)


@pytest.fixture
def log(tmp_path, now):
    """Forty records in some segments, one segment a day; every fourth is about bob."""
    path = tmp_path / "decisions.jsonl"
    journal = Journal(path, lambda: now[0], quiet, Keeping(longest=3000, key=KEY))
    for number in range(40):
        who = "hmac:bob" if number % 4 == 0 else None
        journal.append([canonical({"v": 1, "decision_id": f"D{number}", "subject": who, "failures": [{"kind": "x"}]})])
        now[0] += DAY / 10
    journal.close()
    assert len(set_aside(path)) == 3
    return path


def checked(log):
    return verify(log, Trust(tuple(anchors_of(log, beside(log, None))), (KEY,)))


def left(log):
    lines = [line for path in (*set_aside(log), log) for line in path.read_bytes().splitlines()]
    return [record["decision_id"] for line in lines if "decision_id" in (record := json.loads(line))]


def about_bob(record):
    return record["subject"] == "hmac:bob"


def test_a_subject_is_forgotten_and_the_chain_holds(log, order):
    before = checked(log)
    assert before.fine
    done = erase(log, about_bob, order)
    assert (done.records, done.segments, done.held) == (10, 4, 0)
    assert left(log) == [f"D{n}" for n in range(40) if n % 4]
    assert b"bob" not in b"".join(path.read_bytes() for path in log.parent.iterdir())
    report = checked(log)
    assert report.fine, report
    assert (report.last, report.records) == (before.last, before.records)
    assert report.notes == ("10 records were erased, decisions-erasures.jsonl says by whom and why",)
    assert log.stat().st_mode & 0o777 == 0o600
    assert erase(log, about_bob, order).records == 0


def test_the_service_goes_on_behind_tombstones(log, order, now):
    erase(log, lambda record: record["decision_id"] == "D39", order)  # the very last one
    journal = Journal(log, lambda: now[0], quiet, Keeping(key=KEY))
    journal.append([canonical({"v": 1, "decision_id": "D40"})])
    journal.close()
    assert left(log)[-2:] == ["D38", "D40"]
    assert checked(log).fine


def test_who_and_why_is_written_down(log, order):
    erase(log, about_bob, order)
    book = log_of(log)
    records = [json.loads(line) for line in book.read_bytes().splitlines()]
    assert [(r["actor"], r["because"], r["segment"]) for r in records[1:]] == [
        ("ana", "asked", name) for name in (*(path.name for path in set_aside(log)), log.name)
    ]
    assert verify(book, Trust(tuple(anchors_of(book, beside(book, None))), (KEY,))).fine
    assert sum(len(r["gaps"]) for r in records[1:]) == len(erasures_of(log, (KEY,)).gaps) == 10


@pytest.mark.parametrize("kind", ["no erasure", "no key", "log removed", "log changed"])
def test_a_tombstone_alone_hides_nothing(log, order, kind):
    honest = Order("eve", "hiding", order.clock, quiet, b"e" * 32) if kind == "no key" else order
    erase(log, about_bob, honest)
    book = log_of(log)
    if kind == "no erasure":
        lines = book.read_bytes().splitlines(keepends=True)
        book.write_bytes(b"".join(lines[:-1]))
    elif kind == "log removed":
        book.unlink()
    elif kind == "log changed":
        book.write_bytes(book.read_bytes().replace(b'"ana"', b'"eva"'))
    report = checked(log)
    assert not report.fine
    if kind == "no key":
        assert "not signed with this key" in report.faults[0].what
    if kind == "log removed":
        assert "a tombstone that no erasure accounts for" in report.faults[0].what


def test_a_segment_that_a_service_writes_is_left_alone(log, order):
    living = Segment(log)
    assert living.lock()
    data = log.read_bytes()
    done = erase(log, about_bob, order)
    assert (done.segments, done.held) == (3, 1)
    assert log.read_bytes() == data
    assert checked(log).fine
    living.close()
    assert erase(log, about_bob, order).records == 1


def test_one_erasure_at_a_time(log, order):
    book = Journal(log_of(log), order.clock, quiet)
    book.open()
    with pytest.raises(BlockingIOError):
        erase(log, about_bob, order)
    book.close()


def test_a_crash_between_writing_down_and_doing_is_told(log, order, monkeypatch):
    def crash(path, lines):
        raise OSError(5, "Input/output error", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(module, "put_down", crash)
        with pytest.raises(OSError, match="Input/output"):
            erase(log, about_bob, order)
    undone = checked(log)
    assert undone.fine
    assert undone.notes == ("3 records that were to be erased still stand, or are gone: erase them again",)
    assert erase(log, about_bob, order).records == 10
    assert checked(log).fine
    assert len(checked(log).notes) == 1


def test_what_is_damaged_stays_as_evidence(log, order):
    log.write_bytes(log.read_bytes().replace(b'"decision_id":"D36"', b'"decision_id":"D63"'))
    erase(log, about_bob, order)
    assert b"D63" in log.read_bytes()
    assert not checked(log).fine


def test_old_segments_leave_their_headers(log, order):
    before = checked(log)
    first, second, third = set_aside(log)
    headers = [path.read_bytes().splitlines()[0] for path in (first, second)]
    done = retire(log, Keep(days=1.5), order)
    assert done.segments == 2
    assert done.records == before.records - checked(log).records + 2
    for path, header in zip((first, second), headers, strict=True):
        lines = path.read_bytes().splitlines()
        assert (len(lines), lines[0], json.loads(lines[1])["kind"]) == (2, header, "erased")
    assert len(third.read_bytes().splitlines()) > 2
    report = checked(log)
    assert report.fine, report
    assert report.last == before.last
    assert retire(log, Keep(days=1.5), order).segments == 0
    assert checked(log).fine


def test_the_oldest_go_until_the_rest_is_small_enough(log, order):
    sizes = [path.stat().st_size for path in (*set_aside(log), log)]
    assert retire(log, Keep(size=sum(sizes)), order).segments == 0
    assert not log_of(log).exists()
    assert retire(log, Keep(size=sum(sizes) - 1), order).segments == 1
    assert retire(log, Keep(size=1), order).segments == 2  # the living one stays
    assert len(left(log)) == len(log.read_bytes().splitlines()) - 1
    assert checked(log).fine


def test_both_in_any_order(log, order):
    erase(log, about_bob, order)
    retire(log, Keep(days=1.5), order)
    erase(log, lambda record: record["decision_id"] == "D29", order)
    retire(log, Keep(days=0.1), order)
    report = checked(log)
    assert report.fine, report
    assert not any("still stand" in note for note in report.notes)


def test_a_segment_of_somebody_else_is_not_touched(log, order):
    first = set_aside(log)[0]
    first.write_text("my notes\n")
    retire(log, Keep(days=0.1), order)
    assert first.read_text() == "my notes\n"


def test_a_clock_that_jumps_throws_nothing_away(log, now):
    elapsed = [50.0]
    order = steady(Order("guardproxy", "retention", lambda: now[0], quiet), lambda: elapsed[0])
    now[0] += 10 * 365 * DAY
    assert retire(log, Keep(days=30), order).segments == 0
    elapsed[0] += 31 * DAY
    assert retire(log, Keep(days=30), order).segments == 3
