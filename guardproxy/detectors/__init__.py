"""The workshop: text in, findings out."""
