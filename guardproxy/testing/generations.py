"""A policy folder whose every generation can be told apart in each answer, laid down as Kubernetes does it.

    folder = Generations(path)
    folder.put(7)                 a whole good set, by one rename of the link `..data`
    folder.spoil(Harm.HALF)       what must never come into force
    stamps("… [ground-7] …")      the generations that an answer shows

`sample` (all routes) and `support` (the route of that name) share the parent `ground`; each rule leaves its
generation behind where it replaces words. An answer that shows two generations was given by half a set.
"""

from __future__ import annotations

import shutil
from enum import StrEnum
from itertools import count
from pathlib import Path

SHARED, OWN = "copper heron", "paper kite"
SUPPORT_MODEL = "support-model"
SETTINGS = f"routes:\n  support: {{models: [{SUPPORT_MODEL}]}}\n  default: {{}}\n"
KEPT = 3
"""Old versions that stay on disk, as the newest links may still be read through."""

_HEAD = """\
guardproxy: policy/v1
policy: {name}
revision: {generation}
owner: tests@example.org
about: One generation of many.
"""
_RULE = """\
rules:
  - {{id: {rule}, about: Made-up words., words: [{words}], on_match: redact, replace_with: "[{name}-{generation}]"}}
"""
_TESTS = """\
tests:
  - {{name: everyday talk passes, user: When does the colony return?, expect: allow}}
  - {{name: its own words are replaced, user: A {own}, expect: {{redact: own-{name}}}}}
  - {{name: the shared words too, user: A {shared}, expect: {{redact: shared}}}}
"""


class Harm(StrEnum):
    """What can be wrong with a folder."""

    HALF = "half"
    KEY = "key"
    TEST = "test"
    GONE = "gone"
    FOLDER = "folder"
    EMPTY = "empty"


def texts(generation: int) -> dict[str, str]:
    """The files of one generation."""
    ground = _HEAD + _RULE
    child = _HEAD + "extends: ground\napplies_to: {{routes: [{routes}]}}\n" + _RULE + _TESTS
    made = {"ground.yaml": ground.format(name="ground", rule="shared", words=SHARED, generation=generation)}
    for name, routes in (("sample", '"*"'), ("support", "support")):
        made[f"{name}.yaml"] = child.format(
            name=name, rule=f"own-{name}", words=OWN, own=OWN, shared=SHARED, routes=routes, generation=generation
        )
    return made


def stamps(text: str) -> set[int]:
    """The generations named in brackets."""
    inside = (piece.partition("]")[0].partition("-")[2] for piece in text.split("[")[1:])
    return {int(number) for number in inside if number.isdigit()}


class Generations:
    """The folder. One writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._versions = count(1)
        path.mkdir()
        self.put(1)
        for name in texts(1):
            (path / name).symlink_to(f"..data/{name}")

    def put(self, generation: int) -> None:
        """The whole set in one step."""
        self._swap(texts(generation))

    def spoil(self, harm: Harm) -> None:
        """A set that must be refused, of a generation that nobody may ever see (0)."""
        files, file = texts(0), "support.yaml"
        if harm is Harm.HALF:
            files[file] = files[file][: len(files[file]) * 2 // 3] + ' "'
        elif harm is Harm.KEY:
            files[file] += "levle: 1\n"
        elif harm is Harm.TEST:
            files[file] += "  - {name: never, user: Good morning, expect: {refuse: shared}}\n"
        elif harm is Harm.EMPTY:
            files[file] = ""
        elif harm is Harm.FOLDER:
            del files[file]
        if harm is Harm.GONE:
            self._link("..nowhere")
        else:
            self._swap(files, folder=file if harm is Harm.FOLDER else "")

    def _swap(self, files: dict[str, str], folder: str = "") -> None:
        number = next(self._versions)
        version = self.path / f"..v{number}"
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text.replace("revision: 0\n", "revision: 1\n"), encoding="utf-8")
        if folder:
            (version / folder).mkdir()
        self._link(version.name)
        shutil.rmtree(self.path / f"..v{number - KEPT}", ignore_errors=True)

    def _link(self, target: str) -> None:
        new = self.path / "..data_tmp"
        new.symlink_to(target)
        new.replace(self.path / "..data")
