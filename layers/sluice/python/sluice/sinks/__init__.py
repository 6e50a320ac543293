"""The I/O: cache, topic, dead letters."""
