"""Which files are policies."""

import pytest

from guardproxy.policy import shipped
from guardproxy.policy.codes import completed
from guardproxy.policy.folder import policy_files, read_folder, shipped_finder, state_of
from guardproxy.policy.problems import Problems


def read(path):
    problems = Problems()
    return read_folder(path, problems), [row.code for row in problems]


def test_what_lies_directly_in_the_folder(tmp_path):
    for name in ("a.yaml", "b.yml", ".c.yaml", "d.txt", "e.yaml~", "messages/f.yaml", "data/g.yaml", "schema/h.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [p.name for p in policy_files(tmp_path)] == ["a.yaml", "b.yml"]


def test_a_configmap(tmp_path):
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "a.yaml").write_text(completed("levels: {enforce: 1}\n", "a"))
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    found, codes = read(tmp_path)
    assert codes == []
    assert [d.name for d in found.documents] == ["a"]


@pytest.mark.parametrize(("make", "code"), [("empty", "GP011"), ("missing", "GP010"), ("folder", "GP010")])
def test_nothing_to_read(tmp_path, make, code):
    path = tmp_path / "policies"
    if make != "missing":
        path.mkdir()
    if make == "folder":
        (path / "a.yaml").mkdir()
    assert read(path)[1] == [code]


def test_a_link_that_leads_out(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out.yaml").write_text(completed("levels: {enforce: 1}\n", "a"))
    (tmp_path / "in" / "a.yaml").symlink_to("../out.yaml")
    found, codes = read(tmp_path / "in")
    assert codes == ["GP010"]
    assert found.unreadable == {"a"}


def test_two_files_of_one_policy(tmp_path):
    for name in ("a.yaml", "a.yml"):
        (tmp_path / name).write_text(completed("levels: {enforce: 1}\n", "a"))
    assert read(tmp_path)[1] == ["GP312"]


def test_shipped_policies_are_found_by_name():
    find = shipped_finder(Problems())
    base = find("base")
    assert base.name == "base"
    assert find("base") is base
    assert find("nobody") is None
    assert shipped.directory().is_dir()


def test_the_state_of_a_folder_tells_changes_that_concern_us(tmp_path):
    (tmp_path / "lists").mkdir()
    file, names = tmp_path / "one.yaml", tmp_path / "lists" / "names.txt"
    file.write_text("a: 1\n")
    names.write_text("kite\n")
    states = [state_of(tmp_path)]
    names.write_text("kites\n")
    states.append(state_of(tmp_path))
    (tmp_path / "new.yaml").write_text("a: 1\n")
    (tmp_path / "new.yaml").replace(file)
    states.append(state_of(tmp_path))
    file.unlink()
    states.append(state_of(tmp_path))
    assert len(set(states)) == 4
    (tmp_path / "decisions.jsonl").write_text("{}\n")
    assert state_of(tmp_path) == states[-1]
    assert state_of(tmp_path / "gone.yaml") != ()


def test_the_state_of_a_single_file_holds_its_lists(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "one.yaml").write_text("a: 1\n")
    before = state_of(tmp_path / "one.yaml")
    (tmp_path / "lists" / "names.txt").write_text("kite\n")
    assert state_of(tmp_path / "one.yaml") != before
