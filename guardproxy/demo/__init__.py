"""A raw next-word model and the command that shows it beside the guarded one."""
