"""Commands: one thin file each. Parse arguments, call a room, print, exit code."""
