"""The lock of the vendor layer, read for one target.

The lock serves every machine, so its lines carry markers. pip reads markers with the Python it runs under, whatever
`--python-version` says: here they are read with the target's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ops.layers.target import LayerError, Target

_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """Hold one package of the lock: its normalised name, its version, the hashes of its wheels."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={value}" for value in self.hashes)])


def read_lock(text: str, target: Target) -> tuple[Pin, ...]:
    """Return the pins that apply to the target; raises LayerError for a line that is not pinned and hashed."""
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    pins = (_pin(line, target) for line in lines if line and not line.startswith("#"))
    return tuple(pin for pin in pins if pin is not None)


def _pin(line: str, target: Target) -> Pin | None:
    hashes = tuple(_HASH.findall(line))
    try:
        requirement = Requirement(_HASH.sub("", line).strip())
    except InvalidRequirement as error:
        raise LayerError(f"the lock has a line that is no requirement: {line!r}: {error}") from error
    exact = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
    if exact is None or not hashes:
        raise LayerError(f"{requirement.name} is not pinned and hashed: run `make lock`")
    if requirement.marker and not requirement.marker.evaluate(target.markers()):
        return None
    return Pin(canonicalize_name(requirement.name), exact[1], hashes)
