"""Policies for the workbench."""

from datetime import date

import pytest

from guardproxy.detectors.registry import installed
from guardproxy.errors import PolicyError, UsageError
from guardproxy.policy.codes import completed
from guardproxy.policy.hearing import World
from guardproxy.policy.loaded import load

WORLD = World(detectors=installed(), today=date(2026, 11, 24), settled=False)


@pytest.fixture
def folder(tmp_path):
    def made(**fragments):
        for name, fragment in fragments.items():
            (tmp_path / f"{name}.yaml").write_text(completed(fragment, name), encoding="utf-8")
        return tmp_path

    return made


def test_a_policy_is_chosen_like_in_service(folder):
    place = folder(
        chat="applies_to: {routes: [chat], tenants: ['*']}\n", all="applies_to: {routes: ['*'], tenants: ['*']}\n"
    )
    found = load(place, WORLD)
    assert found.select("t", "chat").ref.name == "chat"
    assert found.chosen("t", "other").policy.ref.name == "all"
    assert {policy.ref.name for policy in found.policies} == {"chat", "all"}


def test_a_single_policy_stands_for_itself(folder):
    place = folder(chat="applies_to: {routes: [chat], tenants: ['*']}\n")
    found = load(place, WORLD)
    assert found.select("t", "other") is None
    assert found.chosen("t", "other").policy.ref.name == "chat"


def test_none_applies(folder):
    routes = {name: f"applies_to: {{routes: [{name}], tenants: ['*']}}\n" for name in ("chat", "code")}
    with pytest.raises(UsageError, match='no policy applies to tenant "t", route "other"'):
        load(folder(**routes), WORLD).chosen("t", "other")


def test_errors_refuse_the_set_and_its_tests_are_not_run(folder):
    with pytest.raises(PolicyError, match="GP104"):
        load(folder(broken="levle: 2\n"), WORLD)


def test_an_old_policy_with_a_test_that_fails_can_be_compared(folder):
    place = folder(old="tests:\n  - {name: a, user: Good morning, expect: refuse}\n")
    assert load(place, WORLD).compiled[0].policy.ref.name == "old"
