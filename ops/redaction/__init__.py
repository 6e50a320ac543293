"""How well redaction does: planted secrets that it misses, and what it finds in data of your own."""
