"""resolver-diff on the command line: which commands there are, and how they end."""

import atexit
import functools
import gc
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType, FunctionType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from resolver_diff import __version__, commands, family
from resolver_diff.errors import ResolverDiffError, UsageError

# numpy's linear algebra, which nothing here uses, would start a thread per core, and these wait busily: 0.1 s a start
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

INTERNAL = 70  # EX_SOFTWARE of sysexits.h: our mistake, not the user's
STOPPED = 128  # and the number of the signal that did it
PIPE_CLOSED = 141  # 128 + SIGPIPE, which not every system has
ABOUT = """Ask many DNS resolvers the same questions, keep what they said, say what changed.

stdout is data, stderr is talk. Exit status: 0 done; 1 differences found, only with --exit-code; 2 cannot do what was
asked; 3 done, but some resolver said nothing at all.
"""


@dataclass
class Manner:
    """How the program was called."""

    debug: bool = False
    stopped_by: int = signal.SIGINT  # the signal that a KeyboardInterrupt stands for


def main() -> None:
    """Run the command that was typed, and exit with its status."""
    manner = Manner()
    _heed_signals(manner)
    gc.set_threshold(250_000, 50, 100)  # what is imported is no garbage, and a tenth of starting was to look for it
    atexit.register(gc.freeze)  # nor is it when all is over: the interpreter would look through everything once more
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = application(manner, sys.argv[1:2])(prog_name="resolver-diff", standalone_mode=False)
    except TyperException as error:
        status = _misused(error)
    sys.exit(status)


def _heed_signals(manner: Manner) -> None:
    """Make SIGTERM and SIGHUP end the program in the way Ctrl-C does.

    What whoever started us has told to be ignored stays so: SIGHUP under nohup, and SIGINT of a
    `command &` in a script. asyncio stops in order only where SIGINT has Python's handler, so it
    gets that even then, and is blocked instead.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def stop(number: int, frame: FrameType | None) -> None:
        if manner.stopped_by == signal.SIGINT:  # once: a second signal must not tear apart what the first lets end
            manner.stopped_by = number
            interrupt = signal.getsignal(signal.SIGINT)  # Python's or asyncio's
            assert callable(interrupt)
            interrupt(signal.SIGINT, frame)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


class _Command(TyperCommand):
    """One command; options that take no value are shown without one, where typer would print ``<bool>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters."""
        return _bare(super().get_params(ctx))


class _Commands(TyperGroup):
    """The program."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters."""
        return _bare(super().get_params(ctx))


def _bare(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


def application(manner: Manner, wanted: Sequence[str] = ()) -> typer.Typer:
    """Return the program with the command that is *wanted*; where none is of that name, with all of the family."""
    app = typer.Typer(
        name="resolver-diff",
        cls=_Commands,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
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

    there = family.names(commands)
    for name in [name for name in there if name in wanted] or there:
        command = family.member(commands, name, "command", FunctionType)
        app.command(name, cls=_Command, help=_help(command.__doc__ or ""))(_ending(command, manner))
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
            status = STOPPED + manner.stopped_by
        except Exception as error:  # noqa: BLE001  (whatever it is, the user gets a line and a status)
            if manner.debug:
                traceback.print_exc()
            message, status = _last_words(error)
            typer.echo(message, err=True)
            _give_up_stdout()
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


def _misused(error: TyperException) -> int:
    """Say in our own way what was typed wrong, and return the exit status."""
    message = error.format_message()
    if not message:  # nothing was typed: the help is the answer
        error.show()  # type: ignore[attr-defined]
        return error.exit_code
    said, _, suggestion = message.rstrip(".").replace("'", "`").partition(" Did you mean ")
    said, _, options = said.partition(" (Possible options: ")
    hint = suggestion or options.removesuffix(")")
    context = getattr(error, "ctx", None)
    help_of = context.command_path if context is not None else "resolver-diff"
    hint = f"did you mean {hint.rstrip('?')}?" if hint else f"`{help_of} --help` says what there is"
    typer.echo(UsageError(said[:1].lower() + said[1:].rstrip("."), hint=hint).render(), err=True)
    return error.exit_code


def _give_up_stdout() -> None:
    """Drop what stdout cannot take, so that the interpreter does not try again at exit and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        _close_stdout()


def _close_stdout() -> None:
    """Point stdout to nowhere, where the interpreter may flush it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
