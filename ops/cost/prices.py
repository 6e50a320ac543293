"""The prices, as data: what one unit of what costs, says who, seen when."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RECALLED = "recalled"


@dataclass(frozen=True)
class Price:
    """Hold one price in US dollars a `unit`; `seen` is a month, or `recalled`."""

    usd: float
    unit: str
    source: str
    seen: str


class NoPriceError(LookupError):
    """Say which price is missing and where to add it."""

    def __init__(self, part: str, kind: str) -> None:
        super().__init__(f"no price for {kind} ({part}): look it up and add it to ops/cost/prices.toml")


def price(part: str, kind: str = "") -> Price:
    """Return the price of one unit of *part*, of a *kind* where there are several; raises NoPriceError."""
    try:
        return all_prices()[part][kind]
    except KeyError:
        raise NoPriceError(part, kind) from None


@cache
def all_prices() -> Mapping[str, Mapping[str, Price]]:
    """Read prices.toml: the prices of each part by kind."""
    table = tomllib.loads((Path(__file__).parent / "prices.toml").read_text())
    return {
        part: {
            kind: Price(each["usd"], entry["unit"], entry["source"], each["seen"])
            for kind, each in entry["of"].items()
        }
        for part, entry in table.items()
    }
