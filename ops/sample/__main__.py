"""Print the sample stream, one message a line: `python -m ops.sample > events/records/sample.jsonl`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from ops.sample.clean_stream import iterate
from ops.sample.stream import RECORDS, SEED, sample_stream


def main() -> None:
    """Write to standard output what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m ops.sample", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="which stream (default: %(default)s)")
    parser.add_argument("--clean-only", action="store_true", help="valid messages of one length only")
    parser.add_argument("--text-bytes", type=int, default=500, help="length of a text, with --clean-only")
    options = parser.parse_args()
    lines: Iterable[bytes]
    if options.clean_only:
        lines = iterate(options.records, options.seed, options.text_bytes)
    else:
        lines = (sample.value for sample in sample_stream(options.records, options.seed))
    sys.stdout.buffer.writelines(line + b"\n" for line in lines)


if __name__ == "__main__":
    main()
