"""The study: YAML in, core.rules.Policy out."""
