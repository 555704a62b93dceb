"""A snapshot taken: under which date it is filed, and the run to its end, wherever it is called from."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import Any, TypeVar

from resolver_diff.errors import Problem, UsageError
from resolver_diff.library.saying import Warn
from resolver_diff.library.source import TODAY, parse_day, utc_today

T = TypeVar("T")
Begun = tuple[asyncio.AbstractEventLoop, "asyncio.Task[Any]"]


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end and return what comes of it, also where an event loop runs already, as in a notebook.

    There it has a thread and a loop of its own, and the caller waits. An interrupt cancels it, and is raised
    when it has put away what it has.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        try:
            return asyncio.run(work)
        finally:
            work.close()  # Python complains of one that was interrupted before it began
    begun = Future[Begun]()

    async def noted() -> T:
        task = asyncio.current_task()
        assert task is not None
        begun.set_result((asyncio.get_running_loop(), task))
        return await work

    with ThreadPoolExecutor(1, "snapshot") as aside:
        result = aside.submit(asyncio.run, noted())
        try:
            return result.result()
        except KeyboardInterrupt:
            loop, task = begun.result()
            loop.call_soon_threadsafe(task.cancel)
            with suppress(asyncio.CancelledError):
                result.result()
            raise


def filed_under(day: str | None, warn: Warn, *, resume: bool) -> date:
    """Return the date of a snapshot; warns when it is over, and raises UsageError when it has not begun."""
    today = utc_today()
    wanted = today if day in (None, TODAY) else parse_day(str(day))
    if wanted > today:
        hint = f"today is {today} (UTC); without a date a snapshot is filed under it"
        raise UsageError(f"{wanted} has not begun, so nothing can be asked on it", hint=hint)
    if wanted < today and not resume:
        warn_backdated(wanted, warn)
    return wanted


def warn_backdated(wanted: date, warn: Warn) -> None:
    """Warn that what is asked now stands under a date that is over."""
    hint = "a past date is for going on with a run, and for rehearsals; whoever reads it will take it for that day's"
    warn([Problem(f"filed under {wanted}; it was asked today, {utc_today()}", hint=hint)])
