"""Every documented code: its wrong example is refused (or warned of), its right one is not."""

import ast
import re
from datetime import date
from pathlib import Path

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.policy.codes import Form, all_codes, completed, markdown
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check

BOX = toolbox()
MODEL = DetectorInfo(
    id="sample.model",
    revision="1",
    hazards=frozenset({"harassment.abuse", "crime", "attack.jailbreak", "self_harm.intent"}),
    tier=Tier.MODEL,
    unit=Unit.SCORE,
    spans=False,
    stages=frozenset(Stage),
)
CODES = all_codes()
SHOWN = [code for code in CODES if code.form is not Form.TOLD]
ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "codes.md"
REFERENCE = ROOT.parent / "shared" / "design" / "policy-language.md"


def problems(code, example, folder):
    for name, text in code.files(example).items():
        (folder / name).write_text(text, encoding="utf-8")
    world = World(detectors=(*BOX.infos, MODEL), today=date(2026, 11, 24), settled=code.settled)
    path = folder if code.form is Form.FILES else folder / "example.yaml"
    return check([path], world, inspector(BOX)).problems


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_the_wrong_example(code, tmp_path):
    found = problems(code, code.wrong, tmp_path)
    rows = [row for row in found if row.code == code.code]
    assert rows
    assert {row.is_error for row in rows} == {not code.warning}
    others = {row.code for row in found if row.is_error} - {code.code}
    assert not others


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_the_right_example(code, tmp_path):
    found = problems(code, code.right, tmp_path)
    assert not [str(row) for row in found if row.is_error or row.code == code.code]


def test_the_page_is_up_to_date():
    assert DOCS.read_text(encoding="utf-8") == markdown()


def test_every_code_we_give_out_is_documented():
    source = Path(__file__).parents[3] / "guardproxy" / "policy"
    text = "".join(path.read_text(encoding="utf-8") for path in source.glob("*.py"))
    given = {piece[:5] for piece in text.split('"') if piece.startswith("GP") and piece[2:].isdigit()}
    assert given <= {code.code for code in CODES}


TOLD = [code for code in CODES if code.form is Form.TOLD]


@pytest.mark.parametrize("code", TOLD, ids=lambda code: code.code)
def test_a_code_without_an_example_names_the_test_that_raises_it(code):
    name, _, wanted = code.shown.partition("::")
    source = (ROOT / name).read_text(encoding="utf-8")
    (found,) = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == wanted]
    marked = [ast.get_source_segment(source, mark) for mark in found.decorator_list]
    assert code.code in "".join([*marked, ast.get_source_segment(source, found)])


def test_an_example_needs_no_other_test():
    assert not [code.code for code in SHOWN if code.shown or not code.wrong or not code.right]


@pytest.mark.skipif(not REFERENCE.exists(), reason="the design pages are not beside the checkout")
def test_every_code_of_the_reference_is_given_out_and_no_other():
    text = REFERENCE.read_text(encoding="utf-8")
    cells = [
        row.split("|")[1] for row in text.split("## 19.")[1].split("## 20.")[0].splitlines() if row.startswith("| GP")
    ]
    named = {f"GP{number}" for cell in cells if "…" not in cell for number in re.findall(r"\d{3}", cell)}
    named |= {f"GP{number}" for number in range(601, 621)}
    assert {code.named for code in CODES if code.named} == named
    assert {code.code for code in CODES if not code.named} == {"GP013", "GP717"}


def test_completed_keeps_what_is_there():
    text = completed("revision: 7\n", "sample")
    assert text.count("revision:") == 1
    assert "policy: sample" in text
