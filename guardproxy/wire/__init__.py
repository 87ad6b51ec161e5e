"""The front door: bytes in, conversations and deltas out, and back."""
