"""`guardproxy schema`: what an editor needs to know of policies."""

from __future__ import annotations

from guardproxy.policy import schema as policy_schema


def schema() -> None:
    """Print the JSON Schema of policies, for editors."""
    print(policy_schema.text(), end="")
