"""The tree at the top of errors.py is the tree in the code."""

import inspect

import pytest

from guardproxy import errors


def classes(root=errors.GuardproxyError):
    yield root
    for below in root.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from classes(below)


def drawn():
    """Name → name of the parent, from the drawing."""
    path, found = [], {}
    for line in errors.__doc__.splitlines()[2:]:
        name = line.lstrip("│├└─ ").split(" ")[0]
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        path[depth:] = [name]
        found[name] = path[depth - 1] if depth else None
    return {name: parent for name, parent in found.items() if name}


def test_the_drawing_is_the_code():
    real = {c.__name__: c.__mro__[1].__name__ if c is not errors.GuardproxyError else None for c in classes()}
    assert drawn() == real
    assert all(inspect.isclass(getattr(errors, name)) for name in real)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.BadRequest("x", code="a"), 400),
        (errors.Overloaded("x"), 429),
        (errors.UpstreamUnreachable("x"), 502),
        (errors.UpstreamTimeout("x"), 504),
        (errors.UpstreamBadAnswer("x"), 502),
        (errors.UpstreamRefused("x", status=418, code="a", kind="b"), 418),
    ],
)
def test_statuses(error, status):
    assert error.status == status


def test_a_refused_upstream_does_not_change_the_others():
    errors.UpstreamRefused("x", status=418, code="a", kind="b")
    assert errors.UpstreamUnreachable("x").status == 502
