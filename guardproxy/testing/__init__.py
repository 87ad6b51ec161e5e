"""Shipped helpers for tests of policies and of this project."""
