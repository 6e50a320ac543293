"""Make the virtual environment `.venv`: `python3 ops/install.py local|infra|dev|rie|cdk`, by make, with any Python from 3.11.

Imports the standard library only: it runs before anything is installed. Two makes at once are safe, the second
waits and finds the work done.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import time
import venv
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


# What a stamp stands for: the files whose content it records, and the stamps that come with it.
INPUTS = {
    "local": ("requirements/local.txt",),
    "infra": ("requirements/infra.txt",),
    "dev": ("requirements/dev.txt",),
    "rie": ("requirements/rie.txt", "ops/twin/rie.py"),
    "cdk": ("requirements/node.txt", "package.json", "package-lock.json"),
}
# What pip downloads for a list, where it has nothing yet.
MEGABYTES = {"local": 80, "infra": 150, "dev": 180, "node": 65}
INCLUDED = {"infra": ("local",), "dev": ("local", "infra")}


def main(kind: str) -> int:
    """Install *kind* unless that is done already: the packages of a list, the Lambda emulator or the CDK's CLI."""
    installers = {"rie": emulator, "cdk": command_line}
    with locked(ROOT / ".venv.lock"):
        if not works(PYTHON):
            create()
        if not stamped(kind) and not installers.get(kind, lambda: packages(kind))():
            return 1
        command()
        for each in (kind, *INCLUDED.get(kind, ())):
            (VENV / f"{each}.stamp").write_text(digest(each))
    return 0


def stamped(kind: str) -> bool:
    """Tell whether *kind* was installed from files of the present content, whatever their dates."""
    stamp = VENV / f"{kind}.stamp"
    return stamp.is_file() and stamp.read_text() == digest(kind)


def digest(kind: str) -> str:
    """Hash the files that decide what *kind* installs."""
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in INPUTS[kind])).hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file *path*, saying so when another make has it."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another make that sets up .venv")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def works(python: Path) -> bool:
    """Tell whether *python* starts, is new enough and has pip (a moved or half-made folder does not)."""
    if not python.exists():
        return False
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    return subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0


def create() -> None:
    """Make an empty `.venv`, in place of one that does not work."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    venv.create(VENV, clear=True, with_pip=True, symlinks=True)


def packages(kind: str) -> bool:
    """Install the pinned and hashed packages of *kind*; tell whether it worked, after pip's own words if not."""
    name = f"requirements/{kind}.txt"
    requirements = ROOT / name
    count = sum("==" in line for line in requirements.read_text().splitlines())
    say(f"installing {count} packages of {name} ({MEGABYTES[kind]} MB the first time)")
    started = time.monotonic()
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "-r", str(requirements)]
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        last = follow(pip.stdout or iter(()))
    if pip.returncode:
        sys.stderr.writelines(last)
        say(
            f"pip could not install {name}: see its words above; once mended, the same command goes on from there"
        )
        return False
    say(f"installed in {time.monotonic() - started:.0f} s")
    return True


def command() -> None:
    """Write the console script `.venv/bin/sluice`: the operator's tool, from whatever folder it is called."""
    path = VENV / "bin" / "sluice"
    folders = f"{ROOT}:{ROOT / 'layers' / 'sluice' / 'python'}"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{folders}" exec "{PYTHON}" -m ops.cli "$@"\n')
    path.chmod(0o755)


def emulator() -> bool:
    """Take the Lambda runtime emulator out of its wheel; tell whether it worked."""
    say("fetching the Lambda runtime emulator (8 MB the first time)")
    command = [str(PYTHON), "-m", "ops.twin.rie"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0


def command_line() -> bool:
    """Install the CDK's command line, and Node.js to run it where the machine has none that fits."""
    find = [str(PYTHON), "-m", "ops.cdk.node"]
    if subprocess.run(find, cwd=ROOT, capture_output=True, check=False).returncode and not packages("node"):
        return False
    say("fetching the CDK's command line (13 MB the first time)")
    npm = [*find, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(
        [*npm, "--fetch-retries=1"], cwd=ROOT, stdout=subprocess.DEVNULL, check=False
    ).returncode:
        say(
            "npm could not install package-lock.json: see its words above; once mended, the same command goes on"
        )
        return False
    return True


def follow(lines: Iterator[str]) -> deque[str]:
    """Show on a terminal what pip downloads; keep its last lines for the case that it fails."""
    last: deque[str] = deque(maxlen=12)
    tty = sys.stderr.isatty()
    for line in lines:
        last.append(line)
        if tty and line.lstrip().startswith(("Downloading", "Using cached", "Installing")):
            print(f"\r\x1b[K  {line.strip()[:100]}", end="", file=sys.stderr, flush=True)
    if tty:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return last


def say(line: str) -> None:
    """Tell the user on stderr: stdout belongs to the program that is about to run."""
    print(f"set-up: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
