"""What a value of the configuration may be: each rule reads text from the command line and states what it allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Protocol


class Rule(Protocol):
    """Read a value from text, judge one, and say in a few words what is allowed."""

    @property
    def allowed(self) -> str:
        """Say what is allowed, to end the sentence "allowed: …"."""
        ...

    def read(self, text: str) -> object:
        """Return the value that *text* stands for; raises ValueError."""
        ...

    def holds(self, value: object) -> bool:
        """Tell whether *value* is allowed."""
        ...


@dataclass(frozen=True)
class Between:
    """Allow whole numbers from *low* to *high*."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        """Name both ends."""
        return f"a whole number from {self.low} to {self.high}"

    def read(self, text: str) -> int:
        """Read a decimal number."""
        return int(text)

    def holds(self, value: object) -> bool:
        """Tell whether *value* is a number in the range."""
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True)
class OneOf:
    """Allow a few words or numbers."""

    values: tuple[str | int, ...]

    @property
    def allowed(self) -> str:
        """List them."""
        return ", ".join(map(str, self.values))

    def read(self, text: str) -> str | int:
        """Return the one that is written like *text*."""
        return next((value for value in self.values if str(value) == text), text)

    def holds(self, value: object) -> bool:
        """Tell whether *value* is one of them."""
        return value in self.values


@dataclass(frozen=True)
class Switch:
    """Allow true and false."""

    allowed: str = "true, false"

    def read(self, text: str) -> bool:
        """Read true or false, however capitalised."""
        return {"true": True, "false": False}[text.lower()]

    def holds(self, value: object) -> bool:
        """Tell whether *value* is a truth value."""
        return isinstance(value, bool)


@dataclass(frozen=True)
class Like:
    """Allow text of one form, and no text at all where *optional*."""

    form: str
    allowed: str
    optional: bool = False

    def read(self, text: str) -> str:
        """Take *text* as it is."""
        return text

    def holds(self, value: object) -> bool:
        """Tell whether *value* has the form."""
        if not isinstance(value, str):
            return False
        return (self.optional and not value) or bool(re.fullmatch(self.form, value, re.ASCII))


@dataclass(frozen=True)
class ListOf:
    """Allow texts of one form, comma-separated, or none."""

    form: str
    allowed: str

    def read(self, text: str) -> tuple[str, ...]:
        """Split *text* at its commas."""
        return tuple(filter(None, map(str.strip, text.split(","))))

    def holds(self, value: object) -> bool:
        """Tell whether *value* is a tuple of texts of the form."""
        return isinstance(value, tuple) and all(
            re.fullmatch(self.form, str(each), re.ASCII) for each in value
        )


@dataclass(frozen=True)
class Cidr:
    """Allow an IPv4 network with a prefix from *shortest* to *longest*."""

    shortest: int
    longest: int

    @property
    def allowed(self) -> str:
        """Give an example and both ends."""
        return f"an IPv4 network like 10.64.0.0/20, from /{self.shortest} to /{self.longest}"

    def read(self, text: str) -> str:
        """Take *text* as it is."""
        return text

    def holds(self, value: object) -> bool:
        """Tell whether *value* is such a network, without bits beyond its prefix."""
        try:
            return self.shortest <= IPv4Network(str(value)).prefixlen <= self.longest
        except ValueError:
            return False
