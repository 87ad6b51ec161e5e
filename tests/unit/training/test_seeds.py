from __future__ import annotations

import pytest

from guardproxy.training.seeds import SeedError, coverage, main, near_duplicates, read_file, read_seeds

FILE = """# comment
$animal = dog | cat
@ family=pets request=0 content=0 attack=0 draw=3
My {animal} sleeps. {literal}
# another comment
one\\ntwo
@ family=letters request=0 attack=0 lang=de multi
first line

# not a comment here
---
second row
@ family=pairs response=1 refusal=0 hazards=crime.fraud
ask => given
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mild-1.txt"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_lines_paragraphs_slots_and_pairs(file):
    rows = read_file(file, 7)
    pets = [row.text for row in rows if row.family == "pets"]
    assert len(pets) == 4
    assert {"My dog sleeps. {literal}", "My cat sleeps. {literal}"} >= set(pets) - {"one\ntwo"}
    assert pets[-1] == "one\ntwo"
    letters = [row for row in rows if row.family == "letters"]
    assert [row.text for row in letters] == ["first line\n\n# not a comment here", "second row"]
    assert letters[0].lang == "de"
    assert dict(letters[0].judged) == {"request": False, "attack": False}
    (pair,) = (row for row in rows if row.family == "pairs")
    assert (pair.text, pair.answer, pair.judged["response"], pair.hazards) == ("ask", "given", True, {"crime.fraud"})


def test_rows_are_the_same_each_time_and_equal_ones_count_once(file):
    assert read_file(file, 7) == read_file(file, 7)
    found = read_seeds(file.parent, 7)
    assert len({(row.text, row.answer) for row in found}) == len(found)
    assert all(row.text not in repr(row) for row in found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a row\n", "bad.txt:1: a row before the first block"),
        ("@ request=0\n", "bad.txt:1: family is missing"),
        ("@ family=x request=2\n", "bad.txt:1: request must be 0 or 1"),
        ("@ family=x\n", "bad.txt:1: a judgement must be 0 or 1"),
        ("@ family=x request=1\n", "bad.txt:1: a harmful block names its hazards"),
        ("@ family=x request=1 hazards=crime.frod\n", "bad.txt:1: crime.frod is unknown"),
        ("@ family=x request=0 colour=red\n", "bad.txt:1: colour is unknown"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, capsys, text, reason):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(SeedError, match=reason):
        read_file(path, 7)
    assert main([str(path)]) == 1
    assert reason in capsys.readouterr().out


def test_near_duplicates():
    assert near_duplicates(["a b c d e", "a b c d f", "x y z"]) == 0
    assert near_duplicates(["a b c d e f g", "a b c d e f h", "x y z"]) == 1


def test_counts_are_printed(file, capsys):
    assert main([str(file)]) == 0
    out = capsys.readouterr().out
    assert "7 rows" in out
    assert "pets en" in out


@pytest.mark.parametrize(
    ("texts", "share"),
    [(["one two three four", "five six seven"], 1.0), (["a b c"] * 4, 0.25), ([], 0.0)],
)
def test_coverage_is_the_share_of_distinct_trigrams(texts, share):
    assert coverage(texts) == share
