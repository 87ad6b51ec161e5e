"""The windows: metrics, decision log, structured logs."""
