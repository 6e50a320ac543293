"""Line ends of Windows and of terminals → line feeds."""

from __future__ import annotations

import re

_CRLF = re.compile(r"\r++(\n|\Z)")


def unify_line_ends(text: str) -> str:
    """Put a line feed for each CR LF (a terminal in raw mode writes CR CR LF); drop a carriage return at the end."""
    return _CRLF.sub(r"\1", text) if "\r" in text else text
