"""The events to invoke the functions with: written down readably, made into what the event source sends."""
