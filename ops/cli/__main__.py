"""`python -m ops.cli …`: see `--help`."""

from __future__ import annotations

import sys

from ops.cli.app import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
