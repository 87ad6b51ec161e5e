import sys
from pathlib import Path

import pytest

from guardproxy.testing.clients.families import FAMILIES, ROOT
from guardproxy.testing.clients.snippets import Snippet, complaint, snippets

BASE = "http://127.0.0.1:9/v1"


def test_examples_are_found_with_their_family_and_language():
    page = (
        "<!-- run: a -->\n```python\nprint(1)\n```\ntext\n```sh\nnot run\n```\n\n<!-- run: b -->\n```sh\nls\npwd\n```\n"
    )
    assert snippets(page) == (Snippet("a", "python", "print(1)\n"), Snippet("b", "sh", "ls\npwd\n"))


@pytest.mark.parametrize(
    "page",
    [
        "<!-- run: a -->\nno block",
        "<!-- run: a -->\nwords\n```sh\nls\n```\n",
        "<!-- run: a -->\n```rust\nx\n```\n",
        "<!-- run: a -->\n```sh\nls\n",
        "<!-- run: a",
    ],
)
def test_a_mark_without_its_block_is_an_error(page):
    with pytest.raises(ValueError, match="expected behind it"):
        snippets(page)


def test_the_page_has_one_for_each_family():
    found = snippets((ROOT / "docs" / "clients.md").read_text(encoding="utf-8"))
    assert sorted(one.family for one in found) == sorted(FAMILIES)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('http://127.0.0.1:8080', 'A calm answer.')", ""),
        ("assert 'http://127.0.0.1:8080/v1' == 'http://127.0.0.1:9/v1'\nprint('A calm answer.')", ""),
        ("print('http://127.0.0.1:8080')", "ended with 0"),
        ("raise SystemExit('http://127.0.0.1:8080 A calm answer.')", "ended with 1"),
        ("print('A calm answer.')", "does not name"),
    ],
)
def test_an_example_is_run_against_the_proxy_and_must_print_the_answer(code, words):
    said = complaint(Snippet("a", "python", code), Path(sys.prefix), BASE)
    assert words in said
    assert bool(words) == bool(said)
