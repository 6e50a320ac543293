"""`sluice`: the commands, and how errors end them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

import typer

from ops.cli import discarding, looking, replaying, screen
from ops.cli.exits import INTERRUPTED, MEANINGS, OK, Complaint

_EPILOG: Final = "exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())
COMMANDS: Final[tuple[Callable[..., int], ...]] = (
    looking.ls,
    looking.stats,
    looking.show,
    looking.explain,
    replaying.replay,
    replaying.status,
    replaying.cancel,
    discarding.discard,
)


def build() -> typer.Typer:
    """Return the application."""
    app = typer.Typer(
        name="sluice",
        help="Look at dead letters, mend and replay them, follow what happens.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in COMMANDS:
        app.command()(_ending(command))
    return app


def _ending(command: Callable[..., int]) -> Callable[..., None]:
    """Return the command as typer calls it: its answer, or what it complains of, becomes the exit code."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            code = command(*arguments, **options)
        except Complaint as complaint:
            screen.err.print(f"sluice: {screen.plain(' '.join(str(complaint).split()))}")
            code = complaint.code
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        raise typer.Exit(code)

    return run


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    try:
        build()(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else OK
    return OK
