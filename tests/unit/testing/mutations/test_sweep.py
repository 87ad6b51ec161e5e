"""The same slips in every rule, and what the page says of them."""

from collections import Counter
from pathlib import Path

from guardproxy.testing.mutations.__main__ import swept
from guardproxy.testing.mutations.listing import shipped_set
from guardproxy.testing.mutations.sweep import SWEPT, sweep
from guardproxy.testing.mutations.trial import Catcher

PAGE = (Path(__file__).parents[4] / "docs" / "mutations.md").read_text(encoding="utf-8")
TOLD = PAGE.partition("## The same slips in every rule\n")[2].partition("\n## Left out")[0]
FILES = shipped_set()
FAULTS = list(sweep(FILES))
SAMPLE = [fault for at, fault in enumerate(FAULTS) if at % 80 == 7]


def test_every_rule_and_every_override_has_its_slips():
    heads = {
        f"{file.removesuffix('.yaml')} {line.partition(': ')[2]}"
        for file in SWEPT
        for line in FILES[file].splitlines()
        if line.startswith(("  - id: ", "  - rule: "))
    }
    assert {fault.name.partition(":")[0] for fault in FAULTS} == heads
    assert max(Counter(fault.name for fault in FAULTS).values()) == 1


def test_each_slip_changes_its_file():
    assert [fault.name for fault in FAULTS if fault.edit(FILES[fault.file]) == FILES[fault.file]] == []


def test_the_counts_on_the_page_are_those_of_the_slips():
    for kind, count in Counter(fault.kind for fault in FAULTS).items():
        assert f"\n| {kind} | {count} |" in TOLD
    unseen = sum(bool(fault.why) for fault in FAULTS)
    assert f"Caught: {len(FAULTS) - unseen} of {len(FAULTS)}." in TOLD
    assert [fault.name for fault in FAULTS if fault.why and f"\n| {fault.name} | " not in TOLD] == []


def test_a_sample_comes_out_as_the_page_says():
    """One in eighty."""
    outcomes = list(swept(SAMPLE))
    assert len(outcomes) >= 7
    assert [o.fault.name for o in outcomes if (o.catcher is Catcher.NOBODY) != bool(o.fault.why)] == []
    assert [o.fault.name for o in outcomes if not o.meant] == []
