"""Invoke one function with one event, on this machine, and see what comes out."""
