from __future__ import annotations

import base64
import hashlib
import json
import random

import pytest
from hypothesis import given, strategies as st

from sluice.clean.json_strings import map_values
from sluice.clean.replace_blobs import MIN_BLOB, replace_blobs
from tests.unit.clean.laws import LINEAR, assert_lawful, growth

BYTES = random.Random(7).randbytes(900)
BASE64 = base64.b64encode(BYTES).decode()
HEX = BYTES.hex()
MIME = base64.encodebytes(BYTES).decode().rstrip("\n")
URL_SAFE = base64.urlsafe_b64encode(BYTES).decode()
DIGESTS = "\n".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(20))


def label(run: str) -> str:
    return f"<BLOB:{hashlib.sha256(run.encode()).hexdigest()}:{len(run)}>"


TABLE = {
    "none": ("a b " * 600, "a b " * 600),
    "base64": (f"see {BASE64} ok", f"see {label(BASE64)} ok"),
    "URL-safe": (URL_SAFE, label(URL_SAFE)),
    "hex": (f"({HEX})", f"({label(HEX)})"),
    "hex in capitals": (HEX.upper(), label(HEX.upper())),
    "data URI": (f'src="data:image/png;base64,{BASE64}"', f'src="data:image/png;base64,{label(BASE64)}"'),
    "wrapped by MIME": (f"body:\n{MIME}\nThe end", f"body:\n{label(MIME)}\nThe end"),
    "wrapped, carriage returns": (MIME.replace("\n", "\r\n"), label(MIME.replace("\n", "\r\n"))),
    "999 characters": (BASE64[: MIN_BLOB - 1], BASE64[: MIN_BLOB - 1]),
    "1,000 characters": (BASE64[:MIN_BLOB], label(BASE64[:MIN_BLOB])),
    "a list of digests": (DIGESTS, DIGESTS),
    "a ruler": ("-" * 3_000, "-" * 3_000),
    "one letter": ("x" * 3_000, "x" * 3_000),
    "a number": ("1234567890" * 300, "1234567890" * 300),
    "a path": ("/usr/lib/python3" * 100, "/usr/lib/python3" * 100),
    "a blob after lines of its width": ("x" * 70 + "\n" + BASE64, "x" * 70 + "\n" + label(BASE64)),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """Only what is long and a mixture of letters and digits becomes its digest; what stands around it stays."""
    assert replace_blobs(text) == expected


@pytest.mark.parametrize("value", [f"a\n{BASE64}", f"\\{BASE64}", f"é\t{HEX}", MIME, f"n{BASE64}"])
def test_json_stays_json(value: str) -> None:
    """In a JSON string an escape before the blob, or inside of it, is not torn."""
    for text in (json.dumps({"k": value}), json.dumps({"k": value}).replace("/", r"\/")):
        assert "<BLOB:" in json.loads(map_values(text, replace_blobs))["k"]


@given(
    st.lists(
        st.sampled_from([BASE64, HEX, MIME, "\n", "\\n", "=", " ", "a" * 60, "aB3" * 20, BASE64[:76]])
        | st.text(max_size=3),
        max_size=20,
    ).map("".join)
)
def test_fuzz(text: str) -> None:
    """A second pass finds nothing, and the text does not grow."""
    assert len(assert_lawful(replace_blobs, text)) <= len(text)


@pytest.mark.parametrize(
    "unit", ["aB3x", "a\n", "=", "\\n", "aB3" * 20 + "\n", "aB3" * 21 + "=\n", "\\u00e9", "aB3 "]
)
def test_is_linear(unit: str) -> None:
    """Ten times as long a blob takes about ten times as long."""
    assert growth(replace_blobs, unit) < LINEAR
