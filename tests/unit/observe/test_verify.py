import random

import pytest

from guardproxy.observe.audit_file import Link, canonical
from guardproxy.observe.journal import Journal, Keeping, set_aside
from guardproxy.observe.verify import Trust, parse_anchor, summary, verify


def written(path, count=30, longest=1 << 30):
    """A log of `count` records; returns its last link."""
    journal = Journal(path, lambda: 0.0, lambda *_args, **_fields: None, Keeping(longest))
    for number in range(count):
        journal.append([canonical({"v": 1, "id": f"r{number}", "score": number / 7})])
    journal.close()
    return journal.last


def edit(chance, lines):
    at, line = chance.randrange(len(lines)), None
    line = bytearray(lines[at])
    where = chance.randrange(len(line) - 1)  # the line feed stays
    line[where] = chance.choice([b for b in range(32, 127) if b != line[where]])
    return [*lines[:at], bytes(line), *lines[at + 1 :]]


def blank(chance, lines):
    """A blank that JSON does not mind."""
    at = chance.randrange(len(lines))
    return [*lines[:at], lines[at].replace(b":", b": ", 1), *lines[at + 1 :]]


def delete(chance, lines):
    at = chance.randrange(len(lines))
    return lines[:at] + lines[at + 1 :]


def cut(chance, lines):
    return lines[: chance.randrange(len(lines))]


def double(chance, lines):
    at = chance.randrange(len(lines))
    return [*lines[:at], lines[at], *lines[at:]]


def swap(chance, lines):
    first, second = sorted(chance.sample(range(len(lines)), 2))
    lines = list(lines)
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def move(chance, lines):
    lines, at = list(lines), chance.randrange(len(lines))
    line = lines.pop(at)
    lines.insert(chance.choice([n for n in range(len(lines) + 1) if n != at]), line)
    return lines


def test_two_thousand_tamperings_are_all_found(tmp_path):
    path = tmp_path / "decisions.jsonl"
    last = written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    seed = 20261124
    print("seed", seed)
    chance = random.Random(seed)
    kinds = (edit, blank, delete, cut, double, swap, move)
    for number in range(2000):
        kind = kinds[number % len(kinds)]
        path.write_bytes(b"".join(kind(chance, lines)))
        assert not verify(path, Trust(known=(last,))).fine, (number, kind.__name__)
    path.write_bytes(b"".join(lines))
    assert verify(path, Trust(known=(last,))).fine


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
