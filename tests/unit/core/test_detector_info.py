"""What a detector that says little has said."""

import dataclasses

import pytest

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit

INFO = DetectorInfo("d", "1", frozenset({"custom"}), Tier.MODEL, Unit.SCORE, spans=False)


def test_it_looks_at_everything_but_identifiers():
    assert (INFO.stages, INFO.scopes) == (frozenset(Stage), frozenset(Scope))
    assert INFO.languages == frozenset()
    assert not INFO.personal_data
    assert not INFO.sees_exchange
    assert INFO.media == frozenset()


def test_it_cannot_change_its_mind():
    with pytest.raises(dataclasses.FrozenInstanceError):
        INFO.revision = "2"
