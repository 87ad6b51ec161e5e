from __future__ import annotations

from pathlib import Path

from guardproxy.detectors.model_files import FOLDER
from guardproxy.training.guard_card import card, cost, scores


def test_the_card_holds_the_shipped_tables_and_what_this_machine_measures():
    shown = card(None)
    assert (FOLDER / "report.md").read_text(encoding="utf-8") in shown
    assert "| 128-token window, p50 |" in shown


def test_the_page_in_docs_is_the_shipped_models():
    page = (Path(__file__).parents[3] / "docs" / "guard-card.md").read_text(encoding="utf-8")
    quality = card(None).partition("## Cost")[0]
    assert page.startswith(quality), "guardproxy eval --models > docs/guard-card.md"


def test_cost_is_within_the_budget_of_size():
    found = cost()
    assert 0 < found.short_ms < found.long_ms * 2
    assert found.shipped_mb <= 30


def test_texts_are_scored_as_they_are_served():
    found = scores(["Good morning!", "x"], workers=1)
    assert found.shape[0] == 2
    assert (found >= 0).all()
    assert (found <= 1).all()
