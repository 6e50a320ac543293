"""The settings under which every sample becomes what it says of itself."""

from __future__ import annotations

from typing import Final

# Small, so that a sample file can hold messages that are too large.
MAX_MESSAGE_BYTES: Final = 65_536
# Twice that: only a message that grows when it is written again comes out larger (see broken.growing).
MAX_CLEANED_BYTES: Final = 131_072
# `max.message.bytes` of the cleaned topic, as compressed: less than the longest message (see broken.refused).
CLEANED_TOPIC_BYTES: Final = 61_440
