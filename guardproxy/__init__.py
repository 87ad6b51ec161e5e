"""guardproxy: a proxy that keeps a served language model safe at run time."""

__version__ = "0.1.0"
