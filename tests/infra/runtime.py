"""What AWS Lambda's Python runtime itself brings: its client of the runtime API, and boto3."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from ops.layers.lock import read_lock
from ops.layers.target import Target
from ops.layers.wheels import install

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "local.txt"
CACHE = ROOT / ".cache" / "runtime"
# awslambdaric and boto3, with what they need.
PACKAGES = (
    *("awslambdaric", "simplejson", "snapshot-restore-py"),
    *("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"),
)


def runtime_packages(target: Target) -> Path:
    """Return a folder with the runtime's own packages for the target, at the versions that are pinned here.

    A virtual environment will not do in its place: it holds the layers' packages too, so that a function whose
    layer is missing would run all the same.
    """
    pins = [pin for pin in read_lock(LOCK.read_text(), target) if pin.name in PACKAGES]
    assert len(pins) == len(PACKAGES)
    name = hashlib.sha256("".join(map(str, (target, *pins))).encode()).hexdigest()[:16]
    folder = CACHE / f"{target}-{name}"
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / "packages"
            install(pins, target, made)
            # A rename is atomic; two test runs at once may both come here, the second finds it done.
            if not folder.is_dir():
                made.rename(folder)
    return folder
