"""The sample stream: what many agents might send in a morning, the good, the dirty and the broken.

Everything follows from a seed, through `Dice` alone, so the same bytes come out of every Python.
"""

from __future__ import annotations

from ops.sample.clean_stream import generate
from ops.sample.limits import CLEANED_TOPIC_BYTES, MAX_CLEANED_BYTES, MAX_MESSAGE_BYTES
from ops.sample.stream import Sample, sample_stream

__all__ = [
    "CLEANED_TOPIC_BYTES",
    "MAX_CLEANED_BYTES",
    "MAX_MESSAGE_BYTES",
    "Sample",
    "generate",
    "sample_stream",
]
