"""Tie a command's life to its parent's: `python -I -S tether.py PARENT_PID COMMAND…`.

The kernel sends SIGKILL when the thread that started this process ends, and the setting survives exec. It runs as
a script of its own, before exec, because a Python function between fork and exec is not safe in a process with
threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Set the death signal, then become the command; a parent pid of 0 skips the check for a lost parent."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent and os.getppid() != parent:  # it died before the line above
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  # an argument list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
