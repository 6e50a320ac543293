"""What `make run` reads: one message value a line, whatever its bytes are."""

from __future__ import annotations

import binascii
import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson
from pybase64 import b64decode

Value = bytes | None
_BOM = b"\xef\xbb\xbf"
SUFFIXES = (".jsonl", ".jsonl.gz", ".b64")


class InputError(ValueError):
    """Raised when the input cannot be read; the message is one clear line."""


def read_values(source: str) -> list[Value]:
    """Read all message values of a .jsonl, .jsonl.gz or .b64 file, or of standard input for `-`.

    They are held in memory for the whole run, because the check compares bytes. Raises InputError.
    """
    if source == "-":
        return list(_lines(sys.stdin.buffer))
    path = Path(source)
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"{source}: the name must end in .jsonl, .jsonl.gz or .b64 (or be -)")
    try:
        with path.open("rb") as file:
            return list(_values(path, file))
    except OSError as error:  # a broken gzip header (gzip.BadGzipFile) is one, too
        raise InputError(f"{source}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{source}: the gzip stream is broken: {error}") from error


def _values(path: Path, file: BinaryIO) -> Iterator[Value]:
    if path.name.endswith(".gz"):
        with gzip.open(file) as unzipped:
            yield from _lines(unzipped)
    elif path.name.endswith(".b64"):
        yield from _decoded(path, file)
    else:
        yield from _lines(file)


def _lines(file: BinaryIO | gzip.GzipFile) -> Iterator[Value]:
    # Iterating a binary file splits on \n alone and yields no empty piece after the last one.
    for line in file:
        yield line.removesuffix(b"\n") or None


def _decoded(path: Path, file: BinaryIO) -> Iterator[bytes]:
    for number, line in enumerate(file, 1):
        try:
            yield b64decode(line.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError(f"{path}: line {number} is not base64: {error}") from error


def parse_object(value: Value) -> dict[str, object] | None:
    """Return the JSON object that the value holds, else None; a leading byte order mark is no obstacle."""
    if value is None:
        return None
    try:
        parsed = orjson.loads(value.removeprefix(_BOM))
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def raw_key(value: Value) -> bytes | None:
    """Return the raw message's key: its agent_id where the value parses and has one, else None."""
    parsed = parse_object(value)
    agent = parsed.get("agent_id") if parsed else None
    return agent.encode() if isinstance(agent, str) else None


class Identity(NamedTuple):
    """Who a value claims to be from, its cache key `agent_id:timestamp`, and its canonical content."""

    agent: str
    key: str
    content: bytes


def identity(value: Value) -> Identity | None:
    """Return a value's identity and content (its object with sorted members, without `_prep`), if it has one.

    Written apart from the package: a proof that two records are the same must not rest on the code
    that called them so.
    """
    parsed = parse_object(value)
    if parsed is None:
        return None
    agent, timestamp = parsed.get("agent_id"), parsed.get("timestamp")
    if not (isinstance(agent, str) and isinstance(timestamp, str)):
        return None
    parsed.pop("_prep", None)
    try:
        content = orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS)
    except (
        orjson.JSONEncodeError
    ):  # nests deeper than it writes, though it has read it: nothing that is cleaned does
        return None
    return Identity(agent, f"{agent}:{timestamp}", content)
