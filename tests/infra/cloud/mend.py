"""Replace what moto does by what it should do."""

from __future__ import annotations

from typing import Any


def mend(owner: Any, **members: Any) -> None:
    """Give a class or module other members."""
    for name, member in members.items():
        setattr(owner, name, member)


def plain(owner: Any, name: str) -> Any:
    """Return a member as it was, a class method without its class."""
    member = vars(owner)[name]
    return getattr(member, "__func__", member)
