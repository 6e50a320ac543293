"""The command line of the twin: arguments in, exit code out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import orjson
from rich.console import Console

from ops.twin import resident
from ops.twin.config import REPOSITORY, EventSource, TwinError
from ops.twin.inputs import InputError

LAYER = REPOSITORY / "layers" / "sluice" / "python"
MODES = ("standalone", "cluster")
OK, DIFFERENT, BAD_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130
_EPILOG = """\
exit codes: 0 every record is accounted for; 1 something differs (printed); 2 bad arguments; 130 Ctrl-C.
KAFKA_BOOTSTRAP_SERVERS and REDIS_URL (with REDIS_MODE) name running servers; without them, embedded ones
are started. Every run is a new one: topics on a given broker get a suffix of their own, and from a given
cache the keys that this input's identities name are removed first, where Sluice wrote them.
On a twin that `up` has started, a run uses its servers and leaves dead letters and cleaned records there.
"""


class _Parser(argparse.ArgumentParser):
    """Complain in one line."""

    def error(self, message: str) -> NoReturn:
        """End with the exit code for bad arguments."""
        sys.exit(_complain(f"{message} (see --help)", BAD_ARGUMENTS))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ops.twin", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run",
        allow_abbrev=False,
        help="run an input through the pipeline and account for every record",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "--input", metavar="FILE", help=".jsonl, .jsonl.gz, .b64 or - (default: the sample stream)"
    )
    run.add_argument(
        "--out", metavar="DIR", type=Path, help="write cleaned, dead letters, cache and summary there"
    )
    run.add_argument("--pollers", type=_positive, default=2, help="pollers of the event source (default 2)")
    run.add_argument("--batch-size", type=_positive, default=1000, help="records of a batch (default 1000)")
    run.add_argument("--window-seconds", type=float, default=0.5, help="batching window (default 0.5)")
    run.add_argument("--max-message-bytes", type=_positive, help="longest raw message (the sample: 65536)")
    # For tests: a patched copy of the package, to see that the check finds what is wrong with it.
    run.add_argument("--layer", type=Path, default=LAYER, help=argparse.SUPPRESS)
    commands.add_parser("up", allow_abbrev=False, help="start a twin that stays until `down`")
    commands.add_parser("down", allow_abbrev=False, help="end that twin, and everything in it")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return {"run": _run, "up": _up, "down": _down}[options.command](options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (InputError, TwinError, OSError) as error:
        # The servers and folders that were named are arguments, too.
        return _complain(str(error), BAD_ARGUMENTS)


def _complain(text: str, code: int) -> int:
    print(f"sluice: {' '.join(text.split())}", file=sys.stderr)
    return code


def _up(_: argparse.Namespace) -> int:
    twin, started = resident.up()
    print("the twin is up; it stays until `make down`" if started else "the twin runs already")
    print(f"  broker {twin.bootstrap}   cache {twin.redis_url}   AWS {twin.endpoint}")
    print(f"  logs   {twin.logs}")
    return OK


def _down(_: argparse.Namespace) -> int:
    print("the twin is down" if resident.down() else "no twin is running")
    return OK


def _servers(mode: str) -> dict[str, Any]:
    """Return the options that say where a run takes place: on the twin that runs, else where the user says."""
    kafka, redis = os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None, os.environ.get("REDIS_URL") or None
    twin = resident.running()
    if twin is None:
        return {"kafka": kafka, "redis": redis, "redis_mode": mode}
    if (kafka or twin.bootstrap, redis or twin.redis_url) != (twin.bootstrap, twin.redis_url):
        raise TwinError(
            "KAFKA_BOOTSTRAP_SERVERS or REDIS_URL names other servers than the running twin's: `make down` first"
        )
    return {
        "kafka": twin.bootstrap,
        "redis": twin.redis_url,
        "redis_mode": twin.redis_mode,
        "partitions": twin.partitions,
        "shared": twin.shared(),
    }


def _run(arguments: argparse.Namespace) -> int:
    # The package is a Lambda layer, not an installed distribution.
    sys.path.insert(0, str(LAYER))
    # Late: a wrong argument is told before a second of imports.
    from ops.twin.options import SAMPLE, RunOptions  # noqa: PLC0415
    from ops.twin.report import show, what_next  # noqa: PLC0415
    from ops.twin.run import RunError, run  # noqa: PLC0415

    mode = os.environ.get("REDIS_MODE") or "standalone"
    if mode not in MODES:
        return _complain(f"REDIS_MODE is {mode!r}, allowed are {', '.join(MODES)}", BAD_ARGUMENTS)
    options = RunOptions(
        source=arguments.input or str(SAMPLE),
        out=arguments.out,
        **_servers(mode),
        max_message_bytes=arguments.max_message_bytes,
        event_source=EventSource(
            batch_size=arguments.batch_size,
            window_seconds=arguments.window_seconds,
            pollers=arguments.pollers,
        ),
        layer=arguments.layer,
    )
    try:
        result = run(options)
    except RunError as error:
        return _complain(str(error), DIFFERENT)
    show(Console(), result.summary, result.findings, result.check_seconds)
    for note in result.notes:
        print(f"note: {note}")
    for difference in result.differences:
        print(f"DIFFERENCE: {difference}")
    for line in what_next(result.summary, stays=options.shared is not None, sample=options.is_sample()):
        print(line)
    print(orjson.dumps(result.summary).decode())
    return DIFFERENT if result.differences else OK
