from dataclasses import replace

import pytest

from guardproxy.observe.anchors import anchors_of, beside
from guardproxy.observe.audit_file import Link, canonical, framed
from guardproxy.observe.journal import Journal, Keeping, set_aside
from guardproxy.observe.verify import Trust, parse_anchor, summary, verify


def written(path, count=30, longest=1 << 30):
    """A log of `count` records; returns its last link."""
    journal = Journal(path, lambda: 0.0, lambda *_args, **_fields: None, Keeping(longest))
    for number in range(count):
        journal.append([canonical({"v": 1, "id": f"r{number}", "score": number / 7})])
    journal.close()
    return journal.last


def test_without_an_anchor_only_a_cut_at_a_records_end_stays_unseen(tmp_path):
    path = tmp_path / "decisions.jsonl"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    assert verify(path).fine
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][:-1])
    assert verify(path).torn == len(lines[-2]) - 1


def test_a_rewritten_chain_needs_the_anchor(tmp_path):
    path, other = tmp_path / "decisions.jsonl", tmp_path / "other.jsonl"
    last = written(path)
    written(other, 31)
    path.write_bytes(other.read_bytes())
    assert verify(path, Trust(known=(last,))).fine  # the same records: the same chain
    forged = Journal(tmp_path / "forged.jsonl", lambda: 1.0, lambda *_args, **_fields: None)
    forged.append([canonical({"v": 1, "id": f"r{number}"}) for number in range(30)])
    forged.close()
    assert verify(forged.path).fine
    (fault,) = verify(forged.path, Trust(known=(last,))).faults
    assert fault.what == f"record {last.seq} is not the one its anchor names, or was cut off"


@pytest.mark.parametrize("kind", ["removed", "swapped", "replaced"])
def test_segments_belong_together(tmp_path, kind):
    path, foreign = tmp_path / "decisions.jsonl", tmp_path / "foreign.jsonl"
    written(path, 30, longest=2000)
    first, second, *_ = set_aside(path)
    assert verify(path).fine
    if kind == "removed":
        second.unlink()
    elif kind == "swapped":
        one, two = first.read_bytes(), second.read_bytes()
        first.write_bytes(two)
        second.write_bytes(one)
    else:
        written(foreign, 8)
        second.write_bytes(foreign.read_bytes())
    assert not verify(path).fine


def test_a_segment_alone_can_be_read(tmp_path):
    path = tmp_path / "decisions.jsonl"
    written(path, 30, longest=2000)
    second = set_aside(path)[1]
    report = verify(second)
    assert report.fine
    assert "of an older file" in report.notes[0]


def test_one_change_is_one_fault_with_its_place(tmp_path):
    path = tmp_path / "decisions.jsonl"
    written(path, 10)
    path.write_bytes(path.read_bytes().replace(b'"id":"r3"', b'"id":"r9"'))
    report = verify(path)
    (fault,) = report.faults
    assert (fault.line, fault.seq) == (5, 4)
    assert summary(path, report)[1] == (
        "  decisions.jsonl:5: length or CRC does not fit: the record was changed or damaged (last good record: 4)"
    )


@pytest.mark.parametrize("data", [b"", b"\n", b"hello\n", b"{}\n"])
def test_what_is_no_log(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    assert not verify(path).fine


def test_anchor_from_text():
    assert parse_anchor("7:" + "a" * 64) == Link(7, "a" * 64)
    for wrong in ("7", "7:abc", "x:" + "a" * 64, ""):
        with pytest.raises(ValueError, match=r"anchor|invalid literal"):
            parse_anchor(wrong)


KEY, OTHER = b"k" * 32, b"o" * 32


def signed(path, count=10, longest=1 << 30):
    """A log with signed anchors, and what a reader with the key knows of it."""
    journal = Journal(path, lambda: 0.0, lambda *_args, **_fields: None, Keeping(longest, key=KEY))
    for number in range(count):
        journal.append([canonical({"v": 1, "id": f"r{number}"})])
    journal.close()
    return Trust(tuple(anchors_of(path, beside(path, None))), (KEY,))


def test_whoever_has_a_key_wants_to_see_it(tmp_path):
    path = tmp_path / "decisions.jsonl"
    trust = signed(path)
    assert verify(path, trust).fine
    assert verify(path, replace(trust, keys=(OTHER, KEY))).fine  # the key was changed since
    (fault,) = verify(path, replace(trust, keys=(OTHER,))).faults
    assert fault.what == "the anchor of record 11 is not signed with this key"
    (fault,) = verify(path, replace(trust, anchors=())).faults
    assert fault.what.startswith("there is a key, but no anchor of this log")


def test_every_cut_at_a_line_shows_against_the_signed_anchor(tmp_path):
    path = tmp_path / "decisions.jsonl"
    trust = signed(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for count in range(1, len(lines)):
        path.write_bytes(b"".join(lines[:count]))
        assert not verify(path, trust).fine, count


def test_records_behind_the_last_anchor_need_an_explanation(tmp_path):
    path = tmp_path / "decisions.jsonl"
    trust = signed(path)
    last = verify(path, trust).last
    with path.open("ab") as file:
        file.write(framed(canonical({"v": 1, "id": "forged"}), last)[0])
    report = verify(path, trust)
    assert (report.unvouched, report.fine, report.faults) == (1, False, ())
    assert "the last 1 records have no anchor" in summary(path, report)[1]
    again = signed(path, 1)  # the service starts, and takes it over
    report = verify(path, again)
    assert report.fine
    assert report.notes == ("1 records had no anchor yet at the start of 1970-01-01T00:00:00.000Z: a crash?",)


def test_a_log_begins_with_its_first_record_or_says_where(tmp_path):
    path = tmp_path / "decisions.jsonl"
    written(path, 30, longest=2000)
    first = set_aside(path)[0]
    end = verify(first).last
    first.unlink()
    (fault,) = verify(path).faults
    assert fault.what == f"the log begins behind record {end.seq}: older segments are missing"
    assert verify(path, Trust(after=end)).fine


def test_records_behind_the_one_that_the_next_header_names(tmp_path):
    path = tmp_path / "decisions.jsonl"
    written(path, 30, longest=2000)
    first = set_aside(path)[0]
    with first.open("ab") as file:
        file.write(framed(canonical({"v": 1, "id": "forged"}), verify(first).last)[0])
    (fault,) = verify(path).faults
    assert fault.what == "the segment before goes on for 1 records behind the one that its header names"


def test_what_the_chain_says_of_itself_is_told(tmp_path):
    path = tmp_path / "decisions.jsonl"
    journal = Journal(path, lambda: 0.0, lambda *_args, **_fields: None)
    journal.append([canonical({"kind": "dropped", "count": 12, "time": "T"})])
    journal.close()
    assert verify(path).notes == ("12 decisions could not be written before T",)
