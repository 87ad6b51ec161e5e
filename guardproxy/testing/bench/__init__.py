"""Measuring the proxy beside others in one run: `make bench`, `make bench-peers`, `make bench-growth`, `make perf-gate`."""
