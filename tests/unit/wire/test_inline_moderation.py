"""What the inline `moderation` of a request asks for."""

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.errors import BadRequest
from guardproxy.wire.inline_moderation import ModerationAsk, ModerationMode, take_moderation


def test_without_it_nothing_is_asked():
    tree = {"model": "m"}
    assert take_moderation(tree) == (tree, None)
    assert take_moderation({"model": "m", "moderation": None}) == (tree, None)


def test_it_goes_no_further_and_the_caller_s_body_is_not_touched():
    tree = {"model": "m", "moderation": {"model": "x", "policy": {"input": {"mode": "block"}}}}
    rest, ask = take_moderation(tree)
    assert rest == {"model": "m"}
    assert "moderation" in tree
    assert ask == ModerationAsk(ModerationMode.BLOCK, ModerationMode.SCORE)
    assert (ask.blocks(Stage.INPUT), ask.blocks(Stage.OUTPUT)) == (True, False)


@pytest.mark.parametrize("policy", [{}, {"policy": None}, {"policy": {"input": None}}, {"later": 1}])
def test_a_stage_that_is_not_named_is_reported(policy):
    assert take_moderation({"moderation": {"model": "x", **policy}})[1] == ModerationAsk()


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (False, "moderation"),
        ({"model": 1}, "moderation.model"),
        ({"model": "m", "policy": "block"}, "moderation.policy"),
        ({"model": "m", "policy": {"output": {}}}, "moderation.policy.output.mode"),
        ({"model": "m", "policy": {"output": {"mode": ["block"]}}}, "moderation.policy.output.mode"),
    ],
)
def test_a_wrong_shape_names_its_place(value, place):
    with pytest.raises(BadRequest) as raised:
        take_moderation({"moderation": value})
    assert (raised.value.code, raised.value.param) == ("invalid_type", place)
