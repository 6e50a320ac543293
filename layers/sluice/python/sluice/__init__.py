"""Sluice: the pre-processing pipeline for what LLM agents write."""

__version__ = "0.1.0"
