"""Build the two Lambda layers without Docker: third-party wheels for the target, and the package `sluice`."""
