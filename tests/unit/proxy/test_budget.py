"""Bodies that do not fit are refused, and refused ones take no room."""

from __future__ import annotations

import pytest

from guardproxy.errors import Overloaded
from guardproxy.proxy.budget import Budget


def test_what_does_not_fit_is_refused_until_there_is_room():
    budget = Budget(10)
    budget.take(6)
    with pytest.raises(Overloaded) as caught:
        budget.take(5)
    assert (caught.value.status, budget.held) == (503, 6)
    budget.take(4)
    budget.give_back(6)
    budget.take(6)
    assert budget.held == 10
