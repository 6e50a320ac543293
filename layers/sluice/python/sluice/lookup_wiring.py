"""Put `lookup` together on its first call; apart from `preprocess`, so that it imports the cache alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.claim import Commands
from sluice.deadline import Deadline
from sluice.lookup import look_up
from sluice.settings import CacheSettings, RedactionSettings, read_cache_settings, read_redaction_settings
from sluice.sinks.cache import open_cache
from sluice.sinks.secret import read_key


def lookup(
    settings: Callable[[], CacheSettings] = read_cache_settings,
    redaction: Callable[[], RedactionSettings] = read_redaction_settings,
) -> Callable[[Any, Any], dict[str, Any]]:
    """Return the handler; the cache's client and the redaction of names are built on its first call and kept."""
    built: list[tuple[Commands, Callable[[str], str]]] = []

    def handler(event: Any, context: Any) -> dict[str, Any]:
        deadline = Deadline(context.get_remaining_time_in_millis)
        if not built:
            built.append(
                (open_cache(settings(), deadline.wait()), redacting_names(redaction(), deadline.wait()))
            )
        cache, redact = built[0]
        return look_up(event if isinstance(event, dict) else {}, cache, deadline.wait(), redact)

    return handler


def redacting_names(settings: RedactionSettings, timeout: float) -> Callable[[str], str]:
    """Return what gives an agent the name that its records are kept under.

    The key is fetched with the first name that holds something to redact: most never do. `timeout` in seconds.
    """
    from sluice.redact.redactor import Redactor  # noqa: PLC0415

    finder, keyed = Redactor(keep=settings.keep), list[Redactor]()

    def redact(agent: str) -> str:
        if not finder.redact(agent)[1]:
            return agent
        if not keyed:
            keyed.append(Redactor(read_key(settings.key, timeout), settings.keep))
        return keyed[0].text(agent)

    return redact
