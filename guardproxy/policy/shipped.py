"""Where the shipped policies, texts and help lines lie."""

from __future__ import annotations

from pathlib import Path

NAMES = ("base", "default", "strict", "permissive", "research")


def directory() -> Path:
    """`guardproxy/policies` in a wheel, `policies/` in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "policies"
    return installed if installed.is_dir() else package.parent / "policies"
