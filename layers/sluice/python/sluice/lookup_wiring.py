"""Put `lookup` together on its first call; apart from `preprocess`, so that it imports the cache alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.claim import Commands
from sluice.deadline import Deadline
from sluice.lookup import look_up
from sluice.settings import CacheSettings, read_cache_settings
from sluice.sinks.cache import open_cache


def lookup(
    settings: Callable[[], CacheSettings] = read_cache_settings,
) -> Callable[[Any, Any], dict[str, Any]]:
    """Return the handler; the cache's client is built on its first call and kept."""
    built: list[Commands] = []

    def handler(event: Any, context: Any) -> dict[str, Any]:
        deadline = Deadline(context.get_remaining_time_in_millis)
        if not built:
            built.append(open_cache(settings(), deadline.wait()))
        return look_up(event if isinstance(event, dict) else {}, built[0], deadline.wait())

    return handler
