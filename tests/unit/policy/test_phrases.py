"""Phrases and lists of phrases."""

import pytest

RULE = "rules:\n  - {{id: first-rule, about: The code name stays inside., words: {}, on_match: refuse}}\n"


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        ("[paper kite]", []),
        ("[青鸟]", []),
        ("[yes please, on off, half 12:30]", []),
        ('["\\u200b\\u200b"]', ["GP216"]),
        ('["\\u202e"]', ["GP216"]),
        ("[a]", ["GP216"]),
        ("[青]", ["GP216"]),
        ("['!?']", ["GP216"]),
        ("['e\u0301']", ["GP216"]),
        (f"[{'ab ' * 90}]", ["GP216"]),
        ("[]", ["GP108"]),
        ("paper kite", ["GP105"]),
        ("[42]", ["GP105"]),
        ("[007]", ["GP009"]),
        ("[true]", ["GP105"]),
        ("[[paper kite]]", ["GP105"]),
        ("[~]", ["GP105"]),
        ("{list: ../names}", ["GP313"]),
        ("{list: /etc/passwd}", ["GP313"]),
        ("{list: nowhere}", ["GP218"]),
        ("{lst: names}", ["GP101", "GP104"]),
    ],
)
def test_words(lint, words, errors):
    assert lint(RULE.format(words)).errors == errors


def test_more_than_fit(lint):
    words = "[" + ", ".join(f"word {n}" for n in range(5001)) + "]"
    assert lint(RULE.format(words)).errors == ["GP110"]


def test_equal_once_folded(lint):
    found = lint(RULE.format("[paper kite, PAPER-kite]"))
    assert found.row("GP708").others[0].line == 7


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        (b"# names\npaper kite\n\n  copper heron  \r\n", []),
        (b"\xef\xbb\xbfpaper kite\n", []),
        (b"# nothing\n", ["GP218"]),
        (b"paper \xff kite\n", ["GP218"]),
        (b"paper kite\n!\n", ["GP216"]),
    ],
)
def test_lists(lint, tmp_path, content, errors):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "names.txt").write_bytes(content)
    found = lint(RULE.format("{list: names}"))
    assert found.errors == errors
    if not errors:
        assert found.policy.rules[0].phrases[0] == "paper kite"
    if errors == ["GP216"]:
        assert (found.row("GP216").line, found.row("GP216").file) == (2, str(tmp_path / "lists" / "names.txt"))


def test_a_list_that_is_a_link_to_the_outside(lint, tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "names.txt").symlink_to("/etc/hostname")
    assert lint(RULE.format("{list: names}")).errors == ["GP010"]


def test_one_phrase_too_many(lint, tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "names.txt").write_text("\n".join(f"word {n}" for n in range(250_001)))
    assert lint(RULE.format("{list: names}"), inspect=None).errors == ["GP218"]
