"""Faults that people make while they edit policies, and who catches them: `make mutations`, `docs/mutations.md`."""
