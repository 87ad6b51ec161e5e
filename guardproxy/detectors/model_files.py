"""The files of the embedded classifiers, without what it takes to run them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from guardproxy.errors import ModelFilesError

FOLDER = Path(__file__).parent.parent / "models" / "embedded"


@dataclass(frozen=True, slots=True)
class Head:
    """What one figure of the model means. `judges`: `request`, `content`, `attack`, `answer`, `response` or `refusal`."""

    judges: str
    hazard: str


def verify(folder: Path = FOLDER) -> str:
    """The revision; raises `ModelFilesError` unless every file of the manifest is there, byte for byte."""
    try:
        whole = (folder / "manifest.json").read_bytes()
        wanted = json.loads(whole)["files"]
        found = {name: sha256((folder / name).read_bytes()).hexdigest() for name in wanted}
    except (OSError, ValueError, KeyError) as error:
        raise ModelFilesError(f"{folder}: model files are missing or cut; reinstall guardproxy") from error
    wrong = sorted(name for name in wanted if found[name] != wanted[name])
    if wrong or not wanted:
        raise ModelFilesError(f"{folder}: {', '.join(wrong) or 'the manifest'} is not the file that was shipped")
    return sha256(whole).hexdigest()[:12]


def heads(folder: Path = FOLDER) -> tuple[Head, ...]:
    """What the figures mean, in order; raises `ModelFilesError`."""
    try:
        given = json.loads((folder / "heads.json").read_text(encoding="utf-8"))["heads"]
        return tuple(Head(one["judges"], one["hazard"]) for one in given)
    except (OSError, ValueError, KeyError) as error:
        raise ModelFilesError(f"{folder}: heads.json cannot be read; reinstall guardproxy") from error
