"""Files on disk beside the set in force."""

import shutil

import pytest

from guardproxy.cli.demo import POLICY
from guardproxy.console.reading import Reading
from guardproxy.policy.codes import completed
from guardproxy.proxy.settings import AuditSettings, DetectorSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.start import open_hall


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policies").mkdir()
    shutil.copy(POLICY, tmp_path / "policies")
    return tmp_path / "policies"


@pytest.fixture
def own_hall(folder):
    settings = Settings(
        upstream=UpstreamSettings(url="http://127.0.0.1:9"),
        policies=PolicySettings(path=str(folder), changes=str(folder.parent / "policy-changes.jsonl")),
        audit=AuditSettings(mode="off", path=str(folder.parent / "decisions.jsonl")),
        detectors=DetectorSettings(embedded=False),
    )
    return open_hall(settings, lambda: 1_800_000_000.0)


def edit(folder, old, new):
    file = folder / "demo.yaml"
    file.write_text(file.read_text().replace(old, new, 1))


def test_the_same(own_hall):
    reading = Reading(own_hall)
    (sheet,) = reading.sheets()
    assert (sheet.name, sheet.state, sheet.errors, sheet.changes()) == ("demo", "same", 0, [])
    assert str(sheet.ref) == "demo@1"
    assert sheet.counted("passed") > 10
    assert sheet.counted("failed") == 0
    assert reading.drafts() == []


def test_a_change_that_is_not_loaded(own_hall, folder):
    reading = Reading(own_hall)
    reading.sheets()
    edit(folder, "revision: 1", "revision: 2")
    (sheet,) = reading.sheets()
    assert (sheet.state, str(sheet.ref)) == ("changed", "demo@1")
    assert [str(ref) for ref in reading.drafts()] == ["demo@2"]
    assert [(c.kind, c.text) for c in sheet.changes() if c.kind in ("in", "out")] == [
        ("out", "-revision: 1"),
        ("in", "+revision: 2"),
    ]
    assert str(reading.policy("demo").ref) == "demo@2"
    own_hall.shelf.reload()
    assert reading.sheet("demo").state == "same"


def test_an_error_stands_at_its_line(own_hall, folder):
    edit(folder, "    on_match: warn", "    on_mach: warn")
    sheet = Reading(own_hall).sheet("demo")
    wrong = [line for line in sheet.lines() if line.problems]
    assert any(line.text == "    on_mach: warn" and line.problems[0].code == "GP104" for line in wrong)
    assert sheet.errors
    assert Reading(own_hall).policy("demo") is None


def test_a_failing_test_is_counted(own_hall, folder):
    edit(folder, "expect: allow", "expect: {refuse: rude-words}")
    assert Reading(own_hall).sheet("demo").counted("failed") == 1


def test_new_and_gone_files(own_hall, folder):
    (folder / "other.yaml").write_text(completed("applies_to: {routes: [support]}\n", "other"))
    (folder / "demo.yaml").unlink()
    states = {sheet.name: sheet.state for sheet in Reading(own_hall).sheets()}
    assert states == {"demo": "gone", "other": "new"}
    gone = Reading(own_hall).sheet("demo")
    assert gone.lines()[3].text == "policy: demo"
    assert gone.changes()


def test_problems_beside_the_policies(own_hall, folder):
    (folder / "tests").mkdir()
    (folder / "tests" / "x.yaml").write_text("nonsense\n")
    assert Reading(own_hall).elsewhere()


def test_no_such_file(own_hall):
    assert Reading(own_hall).sheet("../demo") is None


def test_an_empty_file(own_hall, folder):
    (folder / "demo.yaml").write_text("")
    sheet = Reading(own_hall).sheet("demo")
    assert sheet.errors
    assert [line.number for line in sheet.lines()] == [1]
