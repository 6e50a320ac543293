"""How the runner reads its input."""

from __future__ import annotations

import base64
import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest
from hypothesis import given, strategies as st

from ops.twin.inputs import InputError, identity, raw_key, read_values

LINES = st.lists(st.binary(max_size=30).map(lambda value: value.replace(b"\n", b"")))


@given(LINES)
def test_a_line_is_a_value(tmp_path_factory: pytest.TempPathFactory, values: list[bytes]) -> None:
    """Each line's bytes are one value, whatever they are, and an empty line is a tombstone."""
    path = tmp_path_factory.mktemp("lines") / "in.jsonl"
    path.write_bytes(b"".join(value + b"\n" for value in values))

    assert read_values(str(path)) == [value or None for value in values]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\n", [b"a", None]),
        (b"\n", [None]),
        (b"a\r\nb\x0bc\x85d\xe2\x80\xa8e\n", [b"a\r", b"b\x0bc\x85d\xe2\x80\xa8e"]),
    ],
)
def test_only_line_feeds_split(tmp_path: Path, content: bytes, values: list[bytes | None]) -> None:
    """Lines end at line feeds alone, and a line feed at the end of the file begins no further record."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)

    assert read_values(str(path)) == values


def test_gzip(tmp_path: Path) -> None:
    """A .jsonl.gz file holds the same values as the file that was compressed, in several members, too."""
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n\n') + gzip.compress(b"\xff\n"))

    assert read_values(str(path)) == [b'{"a":1}', None, b"\xff"]


def test_base64(tmp_path: Path) -> None:
    """A line of a .b64 file is base64 of a value, which may hold line feeds or nothing at all."""
    path = tmp_path / "in.b64"
    values = [b"a\nb", b"", b"\x00\xff"]
    path.write_bytes(b"\r\n".join(map(base64.b64encode, values)) + b"\n")

    assert read_values(str(path)) == values


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name - stands for lines on standard input."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a\n\nb")))

    assert read_values("-") == [b"a", None, b"b"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.jsonl", None, "No such file"),
        ("in.txt", b"a\n", "must end in"),
        ("in.jsonl.gz", b"plain", "Not a gzipped file"),
        ("in.jsonl.gz", gzip.compress(b"a\n" * 999)[:-9], "gzip stream is broken"),
        ("in.jsonl.gz", gzip.compress(b"")[:10] + b"\xff\xff", "gzip stream is broken"),
        ("in.b64", b"YQ==\n!!\n", "line 2 is not base64"),
        ("in.b64", b"YQ\n", "line 1 is not base64"),
    ],
)
def test_unreadable(tmp_path: Path, name: str, content: bytes | None, complaint: str) -> None:
    """What cannot be read is named in one line that says why."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputError, match=complaint) as caught:
        read_values(str(path))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b'{"agent_id":"a\\u00e9"}', "aé".encode()),
        (b'\xef\xbb\xbf{"agent_id":"a"}', b"a"),
        (b'{"agent_id":7}', None),
        (b'{"agent":"a"}', None),
        (b'["agent_id"]', None),
        (b'{"agent_id":"a"', None),
        (b"\xff", None),
        (b"", None),
        (None, None),
    ],
)
def test_raw_key(value: bytes | None, key: bytes | None) -> None:
    """The raw key is agent_id where the value parses and has one that is a string, else there is none."""
    assert raw_key(value) == key


def test_identity_ignores_spelling() -> None:
    """Two spellings of one object, one with an old _prep, have the same identity and content."""
    plain = {"agent_id": "a", "timestamp": "t", "text": "é", "n": 1}
    spelled = b' {"text":"\\u00e9", "n":1, "timestamp":"t", "_prep":{"x":1}, "agent_id":"a"}'

    assert identity(orjson.dumps(plain)) == identity(spelled)
    assert identity(spelled) is not None


def test_identity_tells_contents_apart() -> None:
    """Objects that differ in any member but _prep share their key at most, never their content."""
    first = identity(b'{"agent_id":"a","timestamp":"t","text":"x","n":1}')
    second = identity(b'{"agent_id":"a","timestamp":"t","text":"x","n":2}')

    assert first is not None
    assert second is not None
    assert first.key == second.key == "a:t"
    assert first.content != second.content


DEEP = b'{"agent_id":"a","timestamp":"t","x":' + b"[" * 300 + b"]" * 300 + b"}"


@pytest.mark.parametrize("value", [None, b"[]", b"{}", b'{"agent_id":"a","timestamp":5}', b"{", DEEP])
def test_no_identity(value: bytes | None) -> None:
    """A value without string agent_id and timestamp, or one that nothing can write again, has no identity."""
    assert identity(value) is None
