"""The generated page."""

from pathlib import Path

from tests.conformance.page import markdown

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == markdown(), "python -m tests.conformance > docs/conformance.md"
