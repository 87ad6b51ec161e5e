"""Commands that are imported when they are called: `guardproxy lint` has no use for a web server.

    class Commands(LateGroup):
        late = {"lint": Late("guardproxy.cli.lint:lint", "Check policies; …")}

Imports inside functions are forbidden elsewhere; this is the one place that loads a command by its name, so that each
start pays for its own room only (`guardproxy --help` for none: its lines stand in the table, a test compares them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Late:
    """`place`: module and name of a function, or of a Typer app with commands of its own. `help`: its first line."""

    place: str
    help: str


class LateGroup(TyperGroup):
    """A group that knows the names of its commands, and the rest once one of them is called."""

    late: ClassVar[Mapping[str, Late]] = {}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, late in self.late.items():
            self.add_command(TyperCommand(name, help=late.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself in place of its line; an unknown name fails as ever."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.late:
            command = load(name, self.late[name])
        return name, command, rest


def load(name: str, late: Late) -> Any:
    """The click command or group at a place."""
    module, _, attribute = late.place.partition(":")
    found = getattr(import_module(module), attribute)
    outer = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        outer.add_typer(found, name=name)
    else:
        outer.command(name)(found)
        outer.callback()(_nothing)
    return typer.main.get_group(outer).commands[name]


def _nothing() -> None:
    """Typer makes a group only where there is a callback."""
