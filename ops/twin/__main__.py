"""`python -m ops.twin run`: see `--help`."""

from __future__ import annotations

import sys

from ops.twin.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
