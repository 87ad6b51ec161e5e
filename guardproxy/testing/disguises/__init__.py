"""Ways to disguise a phrase, by family, with seeded random parameters: what `guardproxy bench evasion` draws from."""
