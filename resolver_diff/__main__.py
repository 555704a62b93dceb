"""resolver-diff on the command line: which commands there are, and how they end."""

import functools
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, FunctionType
from typing import Annotated

import typer

from resolver_diff import __version__, commands, family
from resolver_diff.errors import ResolverDiffError

INTERNAL = 70  # EX_SOFTWARE of sysexits.h: our mistake, not the user's
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
PIPE_CLOSED = 141  # 128 + SIGPIPE, which not every system has
ABOUT = """Ask many DNS resolvers the same questions, keep what they said, say what changed.

stdout is data, stderr is talk. Exit status: 0 done; 1 differences found, only with --exit-code; 2 cannot do what was
asked; 3 done, but some resolver said nothing at all.
"""


@dataclass
class Manner:
    """How the program was called."""

    debug: bool = False
    terminated: bool = False


def main() -> None:
    """Run the command that was typed, and exit with its status."""
    manner = Manner()

    def terminate(_number: int, _frame: FrameType | None) -> None:
        manner.terminated = True
        signal.raise_signal(signal.SIGINT)  # from here on like Ctrl-C, so that there is one way to stop

    signal.signal(signal.SIGTERM, terminate)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    application(manner)(prog_name="resolver-diff")


def application(manner: Manner) -> typer.Typer:
    """Return the program with all commands of the family."""
    app = typer.Typer(
        name="resolver-diff", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )

    @app.callback(help=_help(ABOUT))
    def options(
        *,
        version: Annotated[  # noqa: ARG001  (its callback does it)
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
        ] = False,
        debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    ) -> None:
        manner.debug = debug

    for name, command in family.members(commands, "command", FunctionType).items():
        app.command(name, help=_help(command.__doc__ or ""))(_ending(command, manner))
    return app


def _help(docstring: str) -> str:
    r"""Return *docstring* with each paragraph on one line, to be broken where the terminal ends; not after a ``\b``."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(part if part.startswith("\b") else " ".join(part.split()) for part in paragraphs)


def _version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if wanted:
        typer.echo(f"resolver-diff {__version__}")
        raise typer.Exit


def _ending(command: Callable[..., int], manner: Manner) -> Callable[..., None]:
    """Return *command* so that however it ends, it ends with an exit status and no traceback."""

    @functools.wraps(command)
    def run(*arguments: object, **options: object) -> None:
        try:
            status = int(command(*arguments, **options))
            sys.stdout.flush()
        except BrokenPipeError:
            _close_stdout()
            status = PIPE_CLOSED
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            status = TERMINATED if manner.terminated else INTERRUPTED
        except Exception as error:  # noqa: BLE001  (whatever it is, the user gets a line and a status)
            if manner.debug:
                traceback.print_exc()
            message, status = _last_words(error)
            typer.echo(message, err=True)
        raise typer.Exit(status)

    return run


def _last_words(error: Exception) -> tuple[str, int]:
    """Return what to say about *error*, and the exit status."""
    if isinstance(error, ResolverDiffError):
        return error.render(), error.status
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"error: {where}{error.strerror}", ResolverDiffError.status
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"internal error: {what}; run with --debug before the command for the traceback", INTERNAL


def _close_stdout() -> None:
    """Point stdout to nowhere, so that the interpreter does not complain when it flushes it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
