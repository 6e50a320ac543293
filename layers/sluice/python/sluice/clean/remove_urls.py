"""Web addresses → nothing."""

from __future__ import annotations

import re

# Classes instead of IGNORECASE, which also takes the long s (ſ) for an s.
_URL = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://\S*")


def remove_urls(text: str) -> str:
    """Remove every http and https URL up to the next white space; a word such as "httpd" stays."""
    return _URL.sub("", text) if "://" in text else text
