"""The profiles: chains of operators, each a literal, and what each operator may touch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from sluice.clean.collapse_repeats import collapse_repeats
from sluice.clean.collapse_whitespace import collapse_whitespace
from sluice.clean.fix_mojibake import fix_mojibake
from sluice.clean.keep_url_hosts import keep_url_hosts
from sluice.clean.normalise_unicode import normalise_unicode
from sluice.clean.operator import EVERYTHING, Operator
from sluice.clean.remove_invisible import remove_invisible
from sluice.clean.remove_urls import remove_urls
from sluice.clean.render_overwrites import render_overwrites
from sluice.clean.replace_blobs import replace_blobs
from sluice.clean.segment import Kind
from sluice.clean.strip_terminal_escapes import strip_terminal_escapes
from sluice.clean.strip_url_parameters import strip_url_parameters
from sluice.clean.tidy_lines import tidy_lines
from sluice.clean.unify_line_ends import unify_line_ends

Chain = tuple[Operator, ...]

_PROSE: Final[frozenset[Kind]] = frozenset({"prose"})
# Not code, tables, diffs and traces: there an address is a cell, a literal or a place in a file.
_URLS: Final[frozenset[Kind]] = frozenset({"prose", "json", "log"})
_REPEATS: Final[frozenset[Kind]] = frozenset({"prose", "log", "trace"})
_BLOBS: Final[frozenset[Kind]] = EVERYTHING - {"table"}

# Overwrites while carriage returns and escapes still tell them. Escapes while ESC still marks them. Mojibake before the
# invisible: its halves are often invisible (the soft hyphen of "Ã\xad"). Invisible before NFC and URLs, both of which
# it can interrupt.
_HYGIENE: Final[Chain] = (
    Operator(render_overwrites),
    Operator(strip_terminal_escapes),
    Operator(fix_mojibake),
    Operator(remove_invisible),
    Operator(normalise_unicode),
    Operator(unify_line_ends, silent=True),
)

# The default: prose on one line and without addresses, everything else in its own shape. Repeats while there are lines.
STANDARD: Final[Chain] = (
    *_HYGIENE,
    Operator(remove_urls, _URLS),
    Operator(replace_blobs, _BLOBS),
    Operator(collapse_repeats, _REPEATS),
    Operator(collapse_whitespace, _PROSE, trims=" \n", silent=True),
)

# For the output of tools: lines stay, addresses lose what identifies or admits somebody.
STRUCTURED: Final[Chain] = (
    *_HYGIENE,
    Operator(strip_url_parameters, _URLS),
    Operator(replace_blobs, _BLOBS),
    Operator(collapse_repeats, _REPEATS),
    Operator(tidy_lines, _PROSE, trims="\n", silent=True),
)

# Nothing but redaction.
RAW: Final[Chain] = ()

PROFILES: Final[Mapping[str, Chain]] = {"standard": STANDARD, "structured": STRUCTURED, "raw": RAW}
DEFAULT_PROFILE: Final = "standard"

UrlMode = Literal[
    # as the profile has it
    "profile",
    # nothing in its place
    "remove",
    # the address as it stands
    "keep",
    # the host alone
    "host",
    # without user, password, tracking and credential parameters
    "strip",
]
URL_MODES: Final[tuple[UrlMode, ...]] = get_args(UrlMode)
_BY_MODE: Final[Mapping[UrlMode, Chain]] = {
    "remove": (Operator(remove_urls, _URLS),),
    "keep": (),
    "host": (Operator(keep_url_hosts, _URLS),),
    "strip": (Operator(strip_url_parameters, _URLS),),
}
_URL_OPERATORS: Final = frozenset({remove_urls, keep_url_hosts, strip_url_parameters})


def with_urls(chain: Chain, mode: UrlMode) -> Chain:
    """Return the chain with its URL operator replaced by that of the mode; a chain without one stays."""
    if mode == "profile":
        return chain
    changed = tuple(
        chosen
        for operator in chain
        for chosen in (_BY_MODE[mode] if operator.wash in _URL_OPERATORS else (operator,))
    )
    # The very same where nothing changed: the standard chain has a short cut.
    return chain if changed == chain else changed
