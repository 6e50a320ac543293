"""What importing a function does: next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sluice.settings import CacheSettings
from sluice.sinks.cache import ClusterCache, StandaloneCache, open_cache

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"

# Run in a fresh interpreter: import a function, note who reads the environment or opens a socket meanwhile.
PROBE = """
import os, sys
readers, sockets = [], []
class Environment(type(os.environ)):
    def __getitem__(self, key):
        frame = sys._getframe(1)
        while frame and "os.py" in frame.f_code.co_filename or "_collections_abc" in frame.f_code.co_filename:
            frame = frame.f_back
        readers.append(frame.f_code.co_filename)
        return super().__getitem__(key)
os.environ.__class__ = Environment
sys.addaudithook(lambda name, _: sockets.append(name) if name.startswith("socket.") else None)
probe = os.environ.get("PATH")
assert len(readers) == 1, readers
function = sys.argv[1]
__import__(function)
print([path for path in readers[1:] if "/sluice/" in path.replace(os.sep, "/") or "/functions/" in path])
print(sockets)
print(sorted(sys.modules.keys() & set(sys.argv[2:])))
"""
HEAVY = [
    "boto3",
    "botocore.session",
    "confluent_kafka",
    "jsonschema",
    "jsonschema_rs",
    "re2",
    "ftfy",
    "pydantic",
]


def _probe(function: str) -> list[str]:
    paths = f"{FUNCTIONS}:{ROOT / 'layers/sluice/python'}"
    done = subprocess.run(
        [sys.executable, "-c", PROBE, function, *HEAVY],
        env={"PYTHONPATH": paths, "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("function", "loaded"), [("preprocess", ["confluent_kafka", "jsonschema_rs", "re2"]), ("lookup", [])]
)
def test_imports(function: str, loaded: list[str]) -> None:
    """Importing a function reads no setting, opens no socket, and loads only what every call needs."""
    readers, sockets, modules = _probe(function)

    assert (readers, sockets) == ("[]", "[]")
    assert modules == str(loaded)


def test_opening_a_cache() -> None:
    """The mode decides on the client; opening one connects to nothing."""
    url = "redis://cache.invalid:6379"

    assert isinstance(open_cache(CacheSettings(url, "standalone", 60), 1), StandaloneCache)
    assert isinstance(open_cache(CacheSettings(url, "cluster", 60), 1), ClusterCache)
