from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, strategies as st

from sluice.clean.json_strings import map_values
from sluice.clean.keep_url_hosts import keep_url_hosts
from sluice.clean.profiles import RAW, STANDARD, STRUCTURED, URL_MODES, UrlMode, with_urls
from sluice.clean.strip_url_parameters import strip_url_parameters
from tests.unit.clean.laws import LINEAR, WORDS, assert_lawful, growth

HOSTS = {
    "none": ("no address", "no address"),
    "path and query": ("see https://a.b/c?d=1.", "see a.b."),
    "port and credentials": ("http://user:p@ss@host:8080/x", "host"),
    "IPv6": ("(http://[::1]:80/)", "([::1])"),
    "Unicode": ("https://müller.example/ß", "müller.example"),
    "Markdown": ("[t](https://a.b/c_(d))", "[t](a.b)"),
    "JSON": (r'{"u": "https:\/\/a.b\/c"}', '{"u": "a.b"}'),
}
STRIPPED = {
    "nothing to strip": ("https://a.b/c?d=1&e=2#f", "https://a.b/c?d=1&e=2#f"),
    "tracking": ("https://a.b/?utm_source=x&id=7&fbclid=y.", "https://a.b/?id=7."),
    "first of several": ("https://a.b/?gclid=1&id=7", "https://a.b/?id=7"),
    "all of them": ("https://a.b/?utm_a=1&UTM_B=2#top", "https://a.b/#top"),
    "user and password": ("https://user:p@ss@a.b/c", "https://a.b/c"),
    "signed by AWS": (
        "https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Credential=AK&X-Amz-Signature=ff",
        "https://b.s3.amazonaws.com/k?X-Amz-Date=1",
    ),
    "signed by Azure": ("https://a.b/k?sv=1&sig=ab%3D", "https://a.b/k?sv=1"),
    "token in the fragment": ("https://a.b/cb#access_token=t&state=1", "https://a.b/cb#state=1"),
    "ampersand of HTML": ("https://a.b/?utm_a=1&amp;id=7", "https://a.b/?id=7"),
    "ampersand of JSON": (r'"https://a.b/?token=1\u0026id=7"', '"https://a.b/?id=7"'),
    "a name that contains one": ("https://a.b/?keyword=x&tokens=2", "https://a.b/?keyword=x&tokens=2"),
    "Markdown": ("[t](https://a.b/?sig=1) https://c.d", "[t](https://a.b/) https://c.d"),
    "e-mail is no user": ("https://a.b/m@c.d", "https://a.b/m@c.d"),
}


@pytest.mark.parametrize(("text", "expected"), HOSTS.values(), ids=HOSTS)
def test_hosts(text: str, expected: str) -> None:
    """Of an address the host stays, and everything around it."""
    assert keep_url_hosts(text) == expected


@pytest.mark.parametrize(("text", "expected"), STRIPPED.values(), ids=STRIPPED)
def test_parameters(text: str, expected: str) -> None:
    """What identifies or admits somebody goes, the address still leads to the same place."""
    assert strip_url_parameters(text) == expected


PIECES = [
    *WORDS,
    "https://",
    "u:p@",
    "a.b",
    "/",
    "?",
    "&",
    "#",
    "utm_a=1",
    "token=x",
    "id=7",
    "&amp;",
    "(",
    ")",
    " ",
    ".",
    ";",
]
addresses = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=30).map("".join)


@given(addresses)
def test_fuzz(text: str) -> None:
    """A second pass of either finds nothing, and of the hosts no address is left."""
    assert_lawful(strip_url_parameters, text)
    assert re.search("https?://", assert_lawful(keep_url_hosts, text)) is None


@given(addresses)
def test_json_stays_json(text: str) -> None:
    """In a JSON string every mode leaves a JSON string."""
    for wash in (strip_url_parameters, keep_url_hosts):
        json.loads(map_values(json.dumps({"k": text}), wash))


@pytest.mark.parametrize("wash", [strip_url_parameters, keep_url_hosts])
@pytest.mark.parametrize(
    "unit",
    ["http://", "http://a@", "http://a?b&", "http://a?utm_a&", "http://a ", "http://(a", "@", "http://a#b="],
)
def test_is_linear(wash: object, unit: str) -> None:
    """Ten times as many addresses, or one ten times as long, take about ten times as long."""
    assert callable(wash)
    assert growth(wash, unit) < LINEAR


def test_modes() -> None:
    """Each mode puts its operator where the profile has one, and nothing else changes."""
    names: dict[UrlMode, list[str]] = {
        mode: [operator.name for operator in with_urls(STANDARD, mode) if "url" in operator.name]
        for mode in URL_MODES
    }

    assert names == {
        "profile": ["remove_urls"],
        "remove": ["remove_urls"],
        "keep": [],
        "host": ["keep_url_hosts"],
        "strip": ["strip_url_parameters"],
    }
    assert with_urls(STRUCTURED, "strip") is STRUCTURED
    assert with_urls(STANDARD, "remove") is STANDARD
    assert with_urls(RAW, "remove") == RAW
    assert len(with_urls(STRUCTURED, "keep")) == len(STRUCTURED) - 1
