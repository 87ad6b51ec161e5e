"""Sets of files: what refuses a set, and how several paths go together."""

from datetime import date

import pytest

from guardproxy.policy.codes import completed
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check, words_digest

WORLD = World((), date(2026, 11, 24), settled=False)
PLAIN = "levels: {enforce: 1}\n"


def write(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(completed(text, name))
    return folder


def test_errors_of_all_files_in_one_run(lint):
    found = lint(one="levle: 2\n", two="a: [\n", three="revision: x\n", four=PLAIN)
    assert sorted(found.errors) == ["GP002", "GP104", "GP105"]
    assert [c.policy.ref.name for c in found.checked.compiled] == ["four"]


def test_tests_run_although_another_file_is_broken(lint):
    found = lint(one="levle: 2\n", two="tests: [{name: a, user: a paper kite, expect: allow}]\n")
    assert sorted(found.errors) == ["GP104", "GP507"]


def test_each_path_is_a_set_of_its_own(tmp_path):
    everywhere = "applies_to: {routes: ['*']}\n"
    first, second = write(tmp_path / "a", one=everywhere), write(tmp_path / "b", two=everywhere)
    assert check([first, second], WORLD, None).errors == ()
    write(tmp_path / "a", two=everywhere)
    assert [row.code for row in check([first], WORLD, None).errors] == ["GP307"]


def test_parents_are_found_in_every_path(tmp_path):
    write(tmp_path, parent=PLAIN, child="extends: parent\nrules: []\n")
    child, parent = tmp_path / "child.yaml", tmp_path / "parent.yaml"
    assert check([child, parent], WORLD, None).errors == ()
    assert [row.code for row in check([child], WORLD, None).errors] == ["GP301"]


def test_a_policy_may_extend_a_shipped_one(lint):
    found = lint("extends: base\nrules: []\ntests: [{name: a, user: Good morning, expect: allow}]\n")
    assert found.errors == []
    assert found.policy.rule("self-harm-intent") is not None


def test_hiding_a_shipped_policy(lint):
    assert "GP709" in lint(strict=PLAIN, other=PLAIN).warnings


def test_the_catalogue_counts_into_the_hash(tmp_path):
    (tmp_path / "messages").mkdir()
    before = words_digest(tmp_path)
    (tmp_path / "messages" / "en.yaml").write_text("a: 1\n")
    assert words_digest(tmp_path) != before


def test_a_catalogue_beside_the_policies_is_checked(tmp_path):
    write(tmp_path, one=PLAIN)
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "en.yaml").write_text("guardproxy: messages/v1\nlocale: de\n")
    codes = {row.code for row in check([tmp_path], WORLD, None).errors}
    assert "GP008" in codes


@pytest.mark.parametrize(
    ("one", "rows"), [("applies_to: {routes: [chat]}\n", 0), ("levels: {enforce: 1}\n", 1), ("levle: 1\n", 0)]
)
def test_a_folder_in_which_nothing_applies(lint, one, rows):
    found = lint(one=one, two="levels: {enforce: 1}\n")
    said = [row for row in found.problems if row.code == "GP711" and "GP308" in row.message]
    assert len(said) == rows
    assert not [row for row in lint(alone="levels: {enforce: 1}\n", serving=True).problems if "GP308" in row.message]
