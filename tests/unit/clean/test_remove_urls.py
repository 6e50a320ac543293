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
    "alone in brackets": ("(https://a.b) c", " c"),
    "in brackets": ("(see https://a.b/c) d", "(see ) d"),
    "brackets of its own": ("(see https://a.b/c_(d)) e", "(see ) e"),
    "brackets of IPv6": ("http://[::1]:80/x y", " y"),
    "template": ("https://a.b/{id}/c d", " d"),
    "in angle brackets": ("<https://a.b>", ""),
    "in quotes": ("\"https://a.b\", 'https://c.d', “https://e.f”", "\"\", '', “”"),
    "apostrophe inside": ("https://a.b/it's c", " c"),
    "in back-ticks": ("`https://a.b`", "``"),
    "in Markdown": ("[text](https://a.b/c) d", "[text] d"),
    "in Markdown with a title": ('![i](https://a.b/c_(d) "The (t)") e', "![i] e"),
    "in bold": ("**https://a.b** c", "**** c"),
    "in JSON": ('{"u": "https://a.b/c", "x": 1}', '{"u": "", "x": 1}'),
    "in JSON, slashes escaped": (r'"https:\/\/a.b\/c\nnext"', r'"\nnext"'),
    "in JSON, ampersand escaped": (r'"https://a.b?c=1\u0026d=2 e"', '" e"'),
    "in a table": ("| https://a.b|c |", "| |c |"),
    "end of a sentence": ("Read https://a.b. Then https://c.d!", "Read  Then "),
    "Unicode host": ("siehe https://müller.example/straße und", "siehe  und"),
    "full-width full stop": ("请看https://a.b/c。谢谢", "请看。谢谢"),
    "glued to a word": ("seehttp://a", "see"),
    "scheme only": ("http:// x", " x"),
    "up to any white space": ("http://a\u2028b http://c\td", "\u2028b \td"),
    "two in a row": ("https://a.b,https://c.d e", " e"),
    "halves do not join": ("http<https://a.b>://c", "http ://c"),
    "words in http": ("httpd http2 https HTTP/1.1 http: http:/x", "httpd http2 https HTTP/1.1 http: http:/x"),
    "another scheme": ("ftp://a redis://b", "ftp://a redis://b"),
    "long s": ("httpſ://a", "httpſ://a"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """A URL goes whole and alone: brackets, quotes and what follows stay, and so does a word in "http"."""
    assert remove_urls(text) == expected


@given(
    st.lists(
        st.sampled_from([*WORDS, " ", "\n", "(", ")", "<", ">", "/", ":", "t", "\\\\", "."])
        | st.characters(),
        max_size=30,
    ).map("".join)
)
def test_fuzz(text: str) -> None:
    """No URL is left, and a second pass finds nothing."""
    assert re.search("https?://", assert_lawful(remove_urls, text)) is None


@pytest.mark.parametrize(
    "unit",
    [
        "http://",
        "http",
        "://",
        "http:// ",
        "hhttttp",
        "http://(",
        "(http://a)",
        "http://....",
        "](http://a \t",
    ],
)
def test_is_linear(unit: str) -> None:
    """Ten times as many beginnings of a URL take about ten times as long."""
    assert growth(remove_urls, unit) < LINEAR
