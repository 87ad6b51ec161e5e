"""The pantry: what lives between requests. Numbers and expiry times, never text."""
