"""Benchmarks of Sluice, beside the baselines that its speed is measured against."""
