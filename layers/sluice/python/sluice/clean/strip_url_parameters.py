"""Web addresses → the same without credentials and tracking."""

from __future__ import annotations

import re

from sluice.clean.find_urls import replace_urls

# Added to links by mail and advertisement systems: the names that Firefox's and Brave's query strippers drop, and
# the utm_ family of Google Analytics.
TRACKING = frozenset({
    "__hsfp", "__hssc", "__hstc", "__s", "_hsenc", "_openstat", "dclid", "fbclid", "gbraid", "gclid", "hsctatracking",
    "igshid", "mc_cid", "mc_eid", "mkt_tok", "ml_subscriber", "ml_subscriber_hash", "msclkid", "oly_anon_id", "oly_enc_id",
    "rb_clickid", "s_cid", "twclid", "vero_conv", "vero_id", "wbraid", "wickedid", "yclid",
})  # fmt: skip
_TRACKING_PREFIXES = ("utm_", "hsa_", "pk_", "mtm_")
# What opens the door: OAuth 2 (RFC 6749), signed links of AWS, Google Cloud and Azure, and the usual names of keys.
CREDENTIALS = frozenset({
    "access_token", "api-key", "api_key", "apikey", "auth_token", "authorization", "awsaccesskeyid", "client_secret",
    "id_token", "jwt", "key", "passwd", "password", "private_key", "pwd", "refresh_token", "secret",
    "session_id", "sessionid", "sig", "signature", "token", "x-amz-credential", "x-amz-security-token",
    "x-amz-signature", "x-goog-credential", "x-goog-signature",
})  # fmt: skip
_USER = re.compile(r"^([^:]++:\\?/\\?/)[^/?#\\]*@")
_SEPARATOR = re.compile(r"(&amp;|\\u0026|[&;])")
_NAME = re.compile(r"[^=\\]*+")


def strip_url_parameters(text: str) -> str:
    """Drop user, password, tracking and credential parameters from every http and https URL."""
    return replace_urls(text, _strip) if "/" in text else text


def _strip(url: str) -> str:
    url = _USER.sub(r"\1", url)
    rest, mark, fragment = url.partition("#")
    path, question, query = rest.partition("?")
    query = _kept(query)
    # Implicit OAuth answers carry the token in the fragment.
    fragment = _kept(fragment) if "=" in fragment else fragment
    return path + (question + query if query else "") + (mark + fragment if fragment else "")


def _kept(query: str) -> str:
    # Parameters at the even places, each but the first with its separator before it.
    parts = _SEPARATOR.split(query)
    kept = "".join(
        (parts[place - 1] if place else "") + parts[place]
        for place in range(0, len(parts), 2)
        if not _is_dropped(parts[place])
    )
    first = _SEPARATOR.match(kept)
    return kept[first.end() :] if first and _is_dropped(parts[0]) else kept


def _is_dropped(parameter: str) -> bool:
    name = _NAME.match(parameter)[0].lower()  # type: ignore[index]  # nothing is a match, too
    return name in TRACKING or name in CREDENTIALS or name.startswith(_TRACKING_PREFIXES)
