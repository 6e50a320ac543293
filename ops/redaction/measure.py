"""Recall on planted secrets, and the finds in given messages: numbers, and shapes instead of secrets."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from ops.redaction.disguises import DISGUISES
from ops.redaction.planted import PLANTED
from ops.sample.dice import Dice
from ops.sample.texts import sentence
from sluice.redact.redactor import Redactor

_TAIL: Final = 8
_SHAPES: Final = 3
_SHAPE_CHARS: Final = 40


class Recall(NamedTuple):
    """Hold how many secrets were planted and which were missed: name, disguise, and the text (made up, so shown)."""

    planted: Counter[str]
    missed: list[tuple[str, str, str]]

    def of(self, name: str) -> float:
        """Return the share of a secret's that was found."""
        return 1 - sum(missed == name for missed, _, _ in self.missed) / self.planted[name]


def measure_recall(each: int, seed: int) -> Recall:
    """Plant every kind of secret `each` times in every disguise, within a sentence."""
    dice, redactor = Dice(seed), Redactor()
    planted, missed = Counter[str](), list[tuple[str, str, str]]()
    for name, make in PLANTED.items():
        for disguise, hide in DISGUISES.items():
            for _ in range(each):
                before, secret, behind = make(dice)
                text = f"{sentence(dice)} {hide(f'{before}{secret}{behind}')} {sentence(dice)}"
                planted[name] += 1
                # Half a secret is a miss, too: its tail would still be there. (JSON ends with its own tail.)
                tails = {secret[-_TAIL:], secret[-_TAIL:] if "JSON" in disguise else hide(secret)[-_TAIL:]}
                redacted = redactor.text(text)
                if "<" not in redacted or any(tail in redacted for tail in tails):
                    missed.append((name, disguise, text))
    return Recall(planted, missed)


class Finds(NamedTuple):
    """Hold how many messages there were, how many had a find, and per rule the number and a few shapes."""

    messages: int
    touched: int
    counts: Counter[str]
    shapes: dict[str, list[str]]


def find_in(bodies: Iterable[dict[str, Any]]) -> Finds:
    """Look through messages for what would be redacted in them."""
    redactor = Redactor()
    messages = touched = 0
    counts, shapes = Counter[str](), defaultdict[str, list[str]](list)
    for body in bodies:
        messages += 1
        found = [find for prefix, text in _strings(body) for find in redactor.finds(text, prefix)]
        touched += bool(found)
        for name, find in found:
            counts[name] += 1
            if len(shapes[name]) < _SHAPES and shape(find) not in shapes[name]:
                shapes[name].append(shape(find))
    return Finds(messages, touched, counts, dict(shapes))


def shape(find: str) -> str:
    """Return what a find looks like: letters as x, digits as 9, the rest as it is."""
    looks = re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", find[:_SHAPE_CHARS]))
    return looks + "…" * (len(find) > _SHAPE_CHARS)


def _strings(value: Any, prefix: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, str):
        yield prefix, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield "", name
            yield from _strings(inner, f"{name}=")
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
