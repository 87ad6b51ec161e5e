"""Commands that make the shipped models; never imported at run time."""
