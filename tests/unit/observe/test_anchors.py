import json
from dataclasses import replace

import pytest

from guardproxy.observe.anchors import AnchorFile, anchor_of, anchors_of, beside, read_anchors
from guardproxy.observe.audit_file import Link

KEY, OTHER = b"k" * 32, b"o" * 32
HASH = "ab" * 32


def link(seq):
    return Link(seq, f"{seq:064x}")


@pytest.fixture
def file(tmp_path):
    made = AnchorFile(tmp_path / "deep" / "decisions.jsonl.anchors", "decisions.jsonl", lambda: 1_800_000_000.0, KEY)
    yield made
    made.close()


def seqs(path):
    return [anchor.seq for anchor in read_anchors(path)]


def test_the_last_line_is_written_anew_until_it_is_kept(file):
    for seq in (1, 20, 300):
        file.put(link(seq))
        assert seqs(file.path) == [seq]
    file.put(link(400), keep=True)
    file.put(link(401))
    file.put(link(402))
    assert seqs(file.path) == [400, 402]
    assert file.last() == link(402)
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_later_start_writes_behind_what_is_there(file, tmp_path):
    file.put(link(123456))
    file.close()
    with file.path.open("ab") as raw:
        raw.write(b'{"torn')
    again = AnchorFile(file.path, "decisions.jsonl", lambda: 0.0)
    again.put(link(7))
    again.close()
    assert seqs(file.path) == [123456, 7]


def test_a_file_that_is_removed_is_made_again(file):
    file.put(link(1))
    file.path.unlink()
    file.put(link(2))
    assert seqs(file.path) == [2]


@pytest.mark.parametrize(
    "change", [{"seq": 8}, {"hash": "cd" * 32}, {"file": "x"}, {"time": "y"}, {"mac": ""}, {"mac": "0" * 64}]
)
def test_a_signature_covers_everything(change):
    made = anchor_of("decisions.jsonl", Link(7, HASH), "2027-01-15T08:00:00.000Z", KEY)
    assert made.is_signed_by([OTHER, KEY])
    assert not made.is_signed_by([OTHER])
    assert not made.is_signed_by([])
    assert not replace(made, **change).is_signed_by([KEY])


def test_without_a_key_nothing_is_signed():
    assert "mac" not in anchor_of("decisions.jsonl", Link(7, HASH), "", b"").members()


def test_anchors_out_of_a_structured_log(tmp_path):
    good = anchor_of("decisions.jsonl", Link(7, HASH), "t", KEY)
    lines = [
        {"event": "exchange", "seq": 1, "hash": HASH, "file": "decisions.jsonl"},
        {"event": "audit_anchor", "level": "info", **good.members()},
        {"event": "audit_anchor", **good.members(), "file": "policy-changes.jsonl"},
        {"event": "audit_anchor", "seq": "7", "hash": HASH, "file": "decisions.jsonl"},
        [1],
    ]
    path = tmp_path / "service.log"
    path.write_text("plain words\n" + "".join(json.dumps(line) + "\n" for line in lines))
    assert anchors_of(tmp_path / "decisions.jsonl", path) == [good]


def test_no_anchors_yet(tmp_path, file):
    assert file.last() is None
    assert anchors_of(tmp_path / "decisions.jsonl", beside(tmp_path / "decisions.jsonl", None)) == []
    assert beside(tmp_path / "a.jsonl", tmp_path / "far") == tmp_path / "far" / "a.jsonl.anchors"
