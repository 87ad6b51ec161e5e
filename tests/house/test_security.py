"""SECURITY.md: what it names as proof is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROOFS = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "SECURITY.md").read_text())


def test_every_proof_is_there():
    missing = [
        f"{file}::{name}"
        for file, name in PROOFS
        if not (ROOT / file).exists() or (name and f"def {name}(" not in (ROOT / file).read_text())
    ]
    assert missing == []


def test_every_risk_has_a_proof():
    lines = [
        line for line in (ROOT / "SECURITY.md").read_text().splitlines() if re.match(r"\| (LLM\d\d|API\d+) ", line)
    ]
    assert len(lines) == 20
    assert [line for line in lines if "`tests/" not in line] == []
