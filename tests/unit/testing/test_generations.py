"""The folder of generations: good ones load, each harm is refused."""

import pytest

from guardproxy.policy.shelf import Shelf
from guardproxy.testing.generations import Generations, Harm, stamps, texts


def opened(path):
    def inspect(_policy):
        return lambda _segments: []

    shelf = Shelf(path, (), inspect, lambda: 1_800_000_000.0)
    return shelf.reload()


def test_stamps():
    assert stamps("a [ground-12], a [sample-12] and [name] and [x-y]") == {12}
    assert stamps("nothing") == set()


def test_each_generation_is_three_files_of_one_revision(tmp_path):
    folder = Generations(tmp_path / "policies")
    folder.put(5)
    for name, text in texts(5).items():
        assert (tmp_path / "policies" / name).read_text() == text
        assert "revision: 5" in text


@pytest.mark.parametrize("harm", Harm)
def test_each_harm_is_refused(tmp_path, harm):
    folder = Generations(tmp_path / "policies")
    folder.spoil(harm)
    report = opened(folder.path)
    assert not report.ok
    assert report.place


def test_old_versions_are_cleared_away(tmp_path):
    folder = Generations(tmp_path / "policies")
    for generation in range(2, 12):
        folder.put(generation)
    assert len(list(folder.path.glob("..v*"))) <= 4
