"""Fetch the Lambda runtime interface emulator: `python -m ops.twin.rie`.

The emulator ships inside the wheel of aws-sam-cli. The wheel is downloaded, checked against its hash and taken
apart, never installed: its dependencies contradict ours.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ops.twin.config import REPOSITORY, TwinError

REQUIREMENTS = REPOSITORY / "requirements" / "rie.txt"
CACHE = REPOSITORY / ".cache"
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def _member() -> str:
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES or sys.platform != "linux":
        raise TwinError(f"there is no Lambda runtime interface emulator for {sys.platform} on {machine}")
    return f"samcli/local/rapid/aws-lambda-rie-{ARCHITECTURES[machine]}"


def _download(folder: Path) -> Path:
    """Let pip fetch the pinned wheel into the folder; TwinError when it cannot."""
    options = [
        "--no-deps",
        "--only-binary",
        ":all:",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(REQUIREMENTS), "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # fixed words
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = done.stderr.strip().splitlines() or ["no wheel"]
        raise TwinError(f"pip could not download the Lambda runtime interface emulator: {lines[-1]}")
    return wheels[0]


def ensure_rie(cache_dir: Path = CACHE) -> Path:
    """Return the emulator for this machine, downloading it when this version is not in the cache yet."""
    member = _member()
    version = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    target = cache_dir / "rie" / version / Path(member).name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        with zipfile.ZipFile(_download(Path(folder))) as wheel:
            binary = Path(wheel.extract(member, folder))
        binary.chmod(0o755)
        # A rename is atomic: two runs at once do no harm.
        binary.replace(target)
    return target


if __name__ == "__main__":
    print(ensure_rie())  # the command's output
