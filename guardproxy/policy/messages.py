"""The shipped texts: `policies/messages/<locale>.yaml` and `policies/data/helplines.yaml` → core Catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from guardproxy.core.catalogue import (
    Catalogue,
    CellKey,
    HelpLine,
    LineKind,
    Lines,
    LocaleCatalogue,
    Shape,
    Tone,
    Units,
    catalogue_of,
)
from guardproxy.core.rules import LocaleTexts


def load(directory: Path, today: date) -> Catalogue:
    """Temporary reading without places; the strict one of helper TEXTS follows within the hour."""
    _ = today
    locales = [_locale(file) for file in sorted((directory / "messages").glob("*.yaml"))]
    tree = yaml.safe_load((directory / "data" / "helplines.yaml").read_text(encoding="utf-8"))
    return catalogue_of(*locales, helplines=tuple(_line(entry) for entry in tree["lines"]))


def _locale(file: Path) -> LocaleCatalogue:
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    cells = {
        CellKey(cell, Shape(shape), Tone(tone)): text
        for cell, shapes in tree["messages"].items()
        for shape, tones in shapes.items()
        for tone, text in tones.items()
    }
    return LocaleCatalogue(
        locale=tree["locale"],
        revision=tree["revision"],
        lines=Lines(**tree["lines"]),
        labels=tree["labels"],
        cells=cells,
        units=Units(**tree.get("units", {})),
        reviewed_by=tree["reviewed"]["by"],
    )


def _line(entry: Mapping[str, Any]) -> HelpLine:
    return HelpLine(
        id=entry["id"],
        country=entry["country"],
        kind=LineKind(entry["kind"]),
        names=LocaleTexts(tuple(entry["name"].items())),
        phone=entry["phone"],
        text=entry.get("text", ""),
        hours=entry["hours"],
        languages=tuple(entry["languages"]),
        source=entry["source"],
        verified_on=entry["verified_on"],
        expires_on=entry["expires_on"],
    )
