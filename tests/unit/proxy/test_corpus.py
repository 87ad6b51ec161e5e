"""Rows of a corpus, and what is no row."""

import json

import pytest

from guardproxy.errors import UsageError
from guardproxy.proxy.corpus import read_corpus


@pytest.fixture
def read(tmp_path):
    def made(*rows):
        file = tmp_path / "corpus.jsonl"
        file.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), encoding="utf-8")
        return list(read_corpus(file))

    return made


def test_the_shapes_of_a_row(read):
    talk = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    answered = [*talk, {"role": "assistant", "content": "Hi."}]
    rows = read(
        {"text": "Hello", "label": "safe"},
        "",
        {"id": "q7", "messages": talk, "tenant": "t", "route": "chat"},
        {"messages": talk, "assistant": "Hi."},
        {"messages": answered},
        {"assistant": "Hi."},
    )
    assert [row.id for row in rows] == ["1", "q7", "4", "5", "6"]
    assert [(row.item.asked is not None, row.item.answer is not None) for row in rows] == [
        (True, False),
        (True, False),
        (True, True),
        (True, True),
        (False, True),
    ]
    assert (rows[1].tenant, rows[1].route, rows[0].route) == ("t", "chat", "default")
    assert rows[3].said == "system: Be kind.\nuser: Hello\nassistant: Hi."
    assert "Hello" not in repr(rows[0])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "corpus.jsonl:2: this line is no JSON"),
        ("5", "corpus.jsonl:2: a row is an object"),
        ({"label": 1}, "corpus.jsonl:2: "),
        ({"messages": [{"role": "root", "content": "x"}]}, "corpus.jsonl:2: .*role"),
        ({"text": 5}, "corpus.jsonl:2: .*content"),
        ({"id": "a", "text": "x"}, "corpus.jsonl:2: this id stands already on line 1"),
    ],
)
def test_what_is_no_row(read, row, said):
    with pytest.raises(UsageError, match=said):
        read({"id": "a", "text": "fine"}, row)


def test_no_file(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        list(read_corpus(tmp_path / "gone.jsonl"))
