"""Messages for measuring: of one length, all valid, no two with the same identity."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ops.sample.agents import timestamp
from ops.sample.dice import Dice
from ops.sample.texts import clean_text

AGENTS = 50
# Enough different texts that no cache or compressor lives on repetition, few enough to be made quickly.
_TEXTS = 500


def generate(records: int, seed: int = 1, text_bytes: int = 500) -> list[bytes]:
    """Return valid messages with texts of about so many bytes, timestamps ascending per agent."""
    return list(iterate(records, seed, text_bytes))


def iterate(records: int, seed: int = 1, text_bytes: int = 500) -> Iterator[bytes]:
    """Yield what `generate` returns, one by one."""
    dice = Dice(seed)
    texts = [json.dumps(_text(dice, text_bytes), ensure_ascii=False) for _ in range(min(_TEXTS, records))]
    for number in range(records):
        agent = dice.below(AGENTS)
        # Every record has a later time than all before it.
        yield (
            f'{{"agent_id":"agent-{agent:03}","timestamp":"{timestamp(7 * number)}","text":{texts[number % _TEXTS]}}}'
        ).encode()


def _text(dice: Dice, text_bytes: int) -> str:
    text = b""
    while len(text) < text_bytes:
        text += clean_text(dice).encode() + b"\n\n"
    return text[:text_bytes].decode(errors="ignore")
