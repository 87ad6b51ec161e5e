"""Every fault in every place, and the page that tells of it."""

from pathlib import Path

from guardproxy.testing.fault_matrix import page, played

PAGE = Path(__file__).parents[2] / "docs" / "trust" / "faults.md"


async def test_every_cell_holds_and_the_page_is_up_to_date(tmp_path):
    told = await played(tmp_path)
    assert PAGE.read_text(encoding="utf-8") == page(told), (
        "python -m guardproxy.testing.fault_matrix > docs/trust/faults.md"
    )
