"""Web addresses → their hosts."""

from __future__ import annotations

import re

from sluice.clean.find_urls import replace_urls

# Credentials end at the last @ before the path, as browsers read it.
_HOST = re.compile(r"[^:]++:\\?/\\?/(?:[^/?#\\]*@)?(\[[^\]]*+\]|[^:/?#\\@]*+)")


def keep_url_hosts(text: str) -> str:
    """Put its host, without port and credentials, in place of every http and https URL."""
    return replace_urls(text, _host) if "/" in text else text


def _host(url: str) -> str:
    found = _HOST.match(url)
    return found[1] if found else ""
