"""Real client libraries before a real proxy: `make clients`."""
