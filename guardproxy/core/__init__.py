"""The cellar: pure decisions. Standard library only; no I/O, no clock, no log, no loop."""
