import hashlib
import json
import zlib

import pytest

from guardproxy.observe.audit_file import START, Link, canonical, examine, framed, read_line


def chain(count, after=None):
    """The lines of a chain, and its last link."""
    last, lines = after or Link(), []
    for number in range(count):
        line, last = framed(canonical({"v": 1, "id": f"r{number}", "é": [1.5, None]}), last)
        lines.append(line)
    return lines, last


def test_a_line_is_json_and_can_be_checked_by_hand():
    (line,), last = chain(1)
    record = json.loads(line)
    sealed = line.partition(b',"prev":')[0]
    inner = line.partition(b',"len":')[0]
    assert (record["seq"], record["len"], record["prev"]) == (1, len(inner), START)
    assert int(record["crc"], 16) == zlib.crc32(inner)
    assert record["hash"] == hashlib.sha256(START.encode() + sealed).hexdigest() == last.hash
    assert line.count(b"\n") == 1


def test_keys_are_sorted():
    assert canonical({"b": 1, "a": {"d": 2, "c": 3}}) == b'{"a":{"c":3,"d":2},"b":1}'


def test_what_json_cannot_hold_is_refused_at_the_door():
    with pytest.raises(TypeError):
        canonical({"a": object()})
    with pytest.raises(TypeError):
        canonical({"a": "\ud800"})


def test_a_member_named_like_the_frame_is_harmless():
    line, last = framed(canonical({"len": 1, "crc": "0", "seq": 9, "hash": ',"len":1,"crc":"0"'}), Link())
    read = read_line(line[:-1])
    assert read is not None
    assert (read.seq, read.hash, read.true) == (1, last.hash, True)


def test_any_changed_byte_shows():
    line = chain(1)[0][0][:-1]
    for at in range(len(line)):
        changed = line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]
        read = read_line(changed)
        assert read is None or not read.true, at


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"not json", b'{"a":1}', b"x" * 200, b'{"seq":1,"len":1,"crc":"1","prev":"","hash":""}']
)
def test_no_frame(line):
    assert read_line(line) is None


@pytest.mark.parametrize(
    ("tail", "behind", "damaged"),
    [
        (b"", 0, False),
        (b'{"v":1,"id', 10, False),  # torn within a record
        (b"\0\0\0\0\n\0\0", 7, False),  # pages that never came
        (chain(1)[0][0], None, True),  # a whole record that belongs elsewhere
        (b"\0\0\n" + chain(1)[0][0], None, True),
    ],
)
def test_examine(tmp_path, tail, behind, damaged):
    lines, last = chain(5)
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines) + tail)
    found = examine(path)
    assert found.last == last
    assert found.good == len(b"".join(lines))
    assert found.behind == (len(tail) if behind is None else behind)
    assert found.damaged is damaged


def test_a_file_that_was_never_a_log_is_not_cut(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"my notes\nmore of them\n")
    assert examine(path).damaged


def test_a_long_file_is_read_from_its_end(tmp_path, monkeypatch):
    lines, last = chain(100)
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines) + b"torn")
    monkeypatch.setattr("guardproxy.observe.audit_file.TAIL", 2000)
    found = examine(path)
    assert (found.last, found.behind, found.damaged) == (last, 4, False)
    assert found.good == len(b"".join(lines))
