"""The set in force: selection, swap, last good one kept, watching."""

import asyncio
import shutil
from datetime import UTC, datetime

import pytest

from guardproxy.core.rules import Source
from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.errors import PolicyError
from guardproxy.policy import folder as reading
from guardproxy.policy.codes import completed
from guardproxy.policy.problems import Problem
from guardproxy.policy.shelf import Shelf

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
PLAIN = "applies_to: {routes: ['*']}\n"
CALM = "tests: [{name: calm, user: Good morning, expect: allow}]\n"


def nothing(_policy):
    return lambda _segments: []


def open_shelf(path):
    return Shelf.open(path, (), nothing, lambda: NOON)


def write(folder, name, text):
    (folder / f"{name}.yaml").write_text(completed(text, name))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "one", PLAIN)
    return tmp_path


def test_open_and_select(folder):
    write(folder, "two", "applies_to: {routes: [support]}\n")
    shelf = open_shelf(folder)
    assert {p.ref.name for p in shelf.policies} == {"one", "two"}
    assert shelf.select("any", "support").ref.name == "two"
    assert shelf.select("any", "other").ref.name == "one"
    assert shelf.named("two", "any", "support").ref.name == "two"
    assert shelf.named("two", "any", "other") is None
    assert shelf.named("three", "any", "support") is None
    assert (shelf.failed, shelf.loaded_at) == (False, NOON)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("levle: 1\n", "GP104"),
        ("tests: [{name: a, user: x, expect: {refuse: first-rule}}]\n", "GP507"),
        ("applies_to: {routes: [support]}\nrules: []\n", "GP103"),
    ],
)
def test_a_bad_set_does_not_open(tmp_path, text, code):
    write(tmp_path, "one", text)
    with pytest.raises(PolicyError) as caught:
        open_shelf(tmp_path)
    assert code in caught.value.report
    assert str(caught.value).startswith(f"{tmp_path}/one.yaml:")
    assert all(row.is_error for row in caught.value.problems)


def test_a_set_that_applies_to_nothing_does_not_open(tmp_path):
    write(tmp_path, "one", "levels: {enforce: 1}\n")
    write(tmp_path, "two", "levels: {enforce: 1}\n")
    with pytest.raises(PolicyError, match="GP308"):
        open_shelf(tmp_path)


def test_a_route_without_a_policy(tmp_path):
    write(tmp_path, "one", "applies_to: {routes: [support]}\n")
    with pytest.raises(PolicyError, match="GP308") as caught:
        open_shelf(tmp_path).select("any", "other")
    assert "hint: one: routes support, tenants *. a policy for everything else has" in caught.value.report


def test_the_shipped_set():
    box = toolbox()
    shelf = Shelf.open(None, box.infos, inspector(box), lambda: NOON)
    assert shelf.select("any", "any").ref.name == "default"


def test_reload_swaps_and_requests_keep_their_policy(folder):
    shelf = open_shelf(folder)
    held = shelf.select("any", "any")
    write(folder, "one", PLAIN + "revision: 2\n")
    report = shelf.reload()
    assert report.ok
    assert shelf.select("any", "any").ref.revision == 2
    assert held.ref.revision == 1


def test_a_report_names_what_was_replaced(folder):
    shelf = open_shelf(folder)
    before = tuple(p.ref for p in shelf.policies)
    assert (shelf.last.replaced, shelf.reload().replaced) == ((), ())  # the first load, and nothing new
    write(folder, "one", PLAIN + "revision: 2\n")
    assert shelf.reload().replaced == before
    write(folder, "one", PLAIN + "levle: 2\n")
    assert shelf.reload().replaced == ()


def test_a_failed_reload_keeps_the_last_good_set(folder):
    shelf = open_shelf(folder)
    before = shelf.policies
    write(folder, "one", PLAIN + "levle: 2\n")
    write(folder, "two", "applies_to: {routes: [other]}\n")
    report = shelf.reload()
    assert (report.ok, shelf.failed, shelf.last) == (False, True, report)
    assert report.place == f"{folder / 'one.yaml'}:9:1"
    assert 'unknown key "levle"' in report.report
    assert shelf.policies is before
    write(folder, "one", PLAIN)
    assert shelf.reload().ok
    assert not shelf.failed


@pytest.mark.parametrize("harm", ["half", "deleted", "folder", "emptied", "latin1"])
def test_files_in_a_bad_state_are_failed_reloads(folder, harm):
    shelf = open_shelf(folder)
    file = folder / "one.yaml"
    text = file.read_bytes()
    file.unlink()
    if harm == "half":
        file.write_bytes(text[: len(text) // 2])
    elif harm == "folder":
        file.mkdir()
    elif harm == "emptied":
        file.write_bytes(b"")
    elif harm == "latin1":
        file.write_bytes(text.replace(b"team", b"te\xe4m"))
    assert not shelf.reload().ok
    assert shelf.select("any", "any").ref.name == "one"


def test_a_reload_must_not_leave_a_served_route_without_policy(folder):
    shelf = open_shelf(folder)
    shelf.select("acme", "support")
    write(folder, "one", "applies_to: {routes: [other]}\n")
    report = shelf.reload()
    assert not report.ok
    assert "GP308" in report.report
    assert shelf.select("acme", "support").ref.name == "one"


def test_an_unchanged_revision_is_told(folder):
    shelf = open_shelf(folder)
    write(folder, "one", PLAIN + "max_input_chars: 5000\n")
    report = shelf.reload()
    assert report.ok
    assert "GP715" in {row.code for row in report.problems}


def test_each_answer_is_a_set_that_existed(folder):
    shelf = open_shelf(folder)
    seen = set()
    for revision in range(1, 40):
        write(folder, "one", PLAIN + f"revision: {revision}\n")
        assert shelf.reload().ok
        seen.add(shelf.select("any", "any").ref.revision)
    assert seen == set(range(1, 40))
    assert len(shelf.policies) == 1


def configmap(folder, revision):
    """Two policies that belong together, as kubelet lays them down: links through `..data`, swapped by a rename."""
    version = folder / f"..v{revision}"
    version.mkdir()
    write(version, "one", PLAIN + f"revision: {revision}\n")
    write(version, "two", f"applies_to: {{routes: [support]}}\nrevision: {revision}\n")
    (folder / "..new").symlink_to(version.name)
    (folder / "..new").replace(folder / "..data")
    for name in ("one.yaml", "two.yaml"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


def swapping(monkeypatch, folder, revisions):
    """The ConfigMap is swapped just after the first file of each reading."""
    read, left = reading.read_bytes, iter(revisions)

    def read_and_swap(file, *more, **named):
        raw = read(file, *more, **named)
        if file.name == "one.yaml":
            for revision in left:
                configmap(folder, revision)
                break
        return raw

    monkeypatch.setattr(reading, "read_bytes", read_and_swap)


def test_a_swap_between_two_files_gives_no_half_set(tmp_path, monkeypatch):
    configmap(tmp_path, 1)
    shelf = open_shelf(tmp_path)
    swapping(monkeypatch, tmp_path, [2])
    assert shelf.reload().ok
    assert {p.ref.revision for p in shelf.policies} == {2}


def test_a_folder_that_never_holds_still_changes_nothing(tmp_path, monkeypatch):
    configmap(tmp_path, 1)
    shelf = open_shelf(tmp_path)
    swapping(monkeypatch, tmp_path, range(2, 100))
    report = shelf.reload()
    assert [row.code for row in report.problems] == ["GP010"]
    assert {p.ref.revision for p in shelf.policies} == {1}


def test_a_set_is_prepared_before_it_is_in_force(folder):
    shelf, seen = open_shelf(folder), []

    def prepare(held):
        seen.append((held.set.refs[0].revision, shelf.policies[0].ref.revision))
        return ()

    shelf.prepare = prepare
    shelf.swapped = lambda: seen.append(shelf.policies[0].ref.revision)
    write(folder, "one", PLAIN + "revision: 2\n")
    assert shelf.reload().ok
    write(folder, "one", PLAIN + "levle: 2\n")
    assert not shelf.reload().ok
    assert seen == [(2, 1), 2]


def test_a_set_that_somebody_cannot_prepare_does_not_come_into_force(folder):
    shelf, seen = open_shelf(folder), []
    other = open_shelf(folder).held()
    problem = Problem("GP013", Source("one.yaml", 1, 1), "a worker did not take the policies over")
    shelf.prepare = lambda _held: (problem,)
    shelf.swapped = lambda: seen.append("swapped")
    write(folder, "one", PLAIN + "revision: 2\n")
    report = shelf.reload()
    assert (report.ok, report.problems, shelf.failed) == (False, (problem,), True)
    assert {p.ref.revision for p in shelf.policies} == {1}
    with pytest.raises(PolicyError, match="GP013"):
        shelf.adopt(other, lambda _old, _new: seen.append("agreed"))
    assert seen == []


def test_an_editors_files_are_no_policies(folder):
    shelf = open_shelf(folder)
    for name in (".one.yaml.swp", "one.yaml~", "4913", "#one.yaml#", ".#one.yaml", "one.yaml.tmp"):
        (folder / name).write_text("half a fi")
    assert shelf.reload().ok
    assert [p.ref.name for p in shelf.policies] == ["one"]


async def attempts(shelf, changes):
    """Runs each change while the folder is watched; gives the report of the attempt that follows."""
    reports: asyncio.Queue = asyncio.Queue()
    watching = asyncio.ensure_future(shelf.watch(reports.put_nowait))
    found = []
    try:
        await _settled(shelf, reports)
        for change in changes:
            while not reports.empty():
                reports.get_nowait()
            change()
            found.append(await asyncio.wait_for(reports.get(), 10))
    finally:
        watching.cancel()
    return found


async def _settled(shelf, reports):
    """The watcher is ready once it tells of a change: files are touched until it does."""
    while True:
        (shelf.path / "ready.txt").touch()
        try:
            await asyncio.wait_for(reports.get(), 0.5)
        except TimeoutError:
            continue
        return


async def test_watching_a_folder(folder):
    shelf = open_shelf(folder)
    file = folder / "one.yaml"
    good = file.read_text()

    def renamed():
        (folder / "one.yaml.tmp").write_text(good.replace("revision: 1", "revision: 3"))
        (folder / "one.yaml.tmp").replace(file)

    reports = await attempts(
        shelf,
        [
            lambda: file.write_text(good.replace("revision: 1", "revision: 2")),
            lambda: file.write_text(good + "levle: 1\n"),
            renamed,
            file.unlink,
        ],
    )
    assert [report.ok for report in reports] == [True, False, True, False]
    assert shelf.select("any", "any").ref.revision == 3


async def test_watching_a_configmap(tmp_path):
    def version(name, revision):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "one", PLAIN + f"revision: {revision}\n")

    version("..v1", 1)
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "one.yaml").symlink_to("..data/one.yaml")
    shelf = open_shelf(tmp_path)

    def swapped():
        version("..v2", 2)
        (tmp_path / "..new").symlink_to("..v2")
        (tmp_path / "..new").replace(tmp_path / "..data")

    [report] = await attempts(shelf, [swapped])
    assert report.ok
    assert shelf.select("any", "any").ref.revision == 2


async def test_a_folder_that_goes_and_comes_back(tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    write(folder, "one", PLAIN)
    shelf = open_shelf(folder)

    def back():
        (tmp_path / "new").mkdir()
        write(tmp_path / "new", "one", PLAIN + "revision: 2\n")
        (tmp_path / "new").rename(folder)

    reports = await attempts(shelf, [lambda: shutil.rmtree(folder), back])
    assert [report.ok for report in reports] == [False, True]
    assert shelf.select("any", "any").ref.revision == 2


def test_only_what_concerns_us_wakes_us(folder):
    whole = open_shelf(folder)
    assert whole._concerns(folder / "two.yaml", folder)
    assert whole._concerns(folder / "lists" / "names.txt", folder)
    assert whole._concerns(folder / "..data", folder)
    assert not whole._concerns(folder / "stderr.log", folder)
    alone = open_shelf(folder / "one.yaml")
    assert alone._concerns(folder / "one.yaml", folder)
    assert alone._concerns(folder / "lists" / "names.txt", folder)
    assert not alone._concerns(folder / "two.yaml", folder)


def test_attempts_are_remembered_with_their_actors(folder):
    shelf = open_shelf(folder)
    write(folder, "one", PLAIN.replace("'*'", "'*', x") + CALM)
    assert shelf.reload("ada").ok
    write(folder, "one", "levle: 1\n")
    assert not shelf.reload().ok
    assert [(a.actor, a.ok) for a in shelf.attempts] == [("folder watch", False), ("ada", True), ("start", True)]
    refused, loaded, _ = shelf.attempts
    assert refused.policies == loaded.policies == tuple(p.ref for p in shelf.policies)


def test_the_texts_are_those_in_force(folder):
    shelf = open_shelf(folder)
    before = (folder / "one.yaml").read_text()
    assert shelf.texts == {str(folder / "one.yaml"): before}
    assert shelf.files == {"one": str(folder / "one.yaml")}
    write(folder, "one", "levle: 1\n")
    shelf.reload()
    assert shelf.texts == {str(folder / "one.yaml"): before}
