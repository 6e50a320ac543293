from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from sluice.clean.remove_urls import remove_urls
from tests.unit.clean.laws import LINEAR, WORDS, assert_lawful, growth

TABLE = {
    "none": ("no address", "no address"),
    "http": ("see http://a.b now", "see  now"),
    "https with query": ("https://a.b/c?d=1#e", ""),
    "capitals": ("HTTPS://A.B x", " x"),
    "in brackets": ("(https://a.b) c", "( c"),
    "in Markdown": ("[text](https://a.b/c) d", "[text]( d"),
    "in JSON": ('{"u": "https://a.b/c", "x": 1}', '{"u": " "x": 1}'),
    "glued to a word": ("seehttp://a", "see"),
    "scheme only": ("http:// x", " x"),
    "up to any white space": ("http://a\u2028b http://c\td", "\u2028b \td"),
    "words in http": ("httpd http2 https HTTP/1.1 http: http:/x", "httpd http2 https HTTP/1.1 http: http:/x"),
    "another scheme": ("ftp://a redis://b", "ftp://a redis://b"),
    "long s": ("httpſ://a", "httpſ://a"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """A URL goes up to the next white space; a word that begins with "http" stays."""
    assert remove_urls(text) == expected


@given(st.lists(st.sampled_from([*WORDS, " ", "\n"]) | st.characters(), max_size=30).map("".join))
def test_fuzz(text: str) -> None:
    """No URL is left, and a second pass finds nothing."""
    assert re.search("https?://", assert_lawful(remove_urls, text)) is None


@pytest.mark.parametrize("unit", ["http://", "http", "://", "http:// ", "hhttttp"])
def test_is_linear(unit: str) -> None:
    """Ten times as many beginnings of a URL take about ten times as long."""
    assert growth(remove_urls, unit) < LINEAR
