"""resolver-diff demo: the whole path on this machine, with resolvers that play a scenario."""

from pathlib import Path
from typing import Annotated

import typer

from resolver_diff import lab

SHIPPED = sorted(path.stem for path in (Path(lab.__file__).parent / "scenarios").glob("*.yaml"))


def _shipped(incomplete: str) -> list[str]:
    """Complete the name of a scenario."""
    return [name for name in SHIPPED if name.startswith(incomplete)]


Scenario = Annotated[
    str,
    typer.Option(
        "--scenario",
        metavar="NAME|FILE",
        help=f"What is played: {', '.join(SHIPPED)}, or a file of your own.",
        autocompletion=_shipped,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="FOLDER", help="Where it writes; a new temporary folder if not given.", file_okay=False
    ),
]


def command(scenario: Scenario = "russia-2026", folder: Folder = None) -> int:
    """Play a scenario with resolvers on this machine, and do the whole work on it: no network, no root, some seconds.

    Each day of the scenario becomes a snapshot, taken over real sockets on 127.0.0.1, and is compared with the day
    before. What changed is told on stdout and written to anomalies.csv; all files stay for you to look at.

    \b
    Examples:
      resolver-diff demo
      resolver-diff demo --folder rehearsal
      resolver-diff demo --scenario my-own.yaml
    """
    import tempfile

    from resolver_diff.commands import _play
    from resolver_diff.commands._output import page_width, show, write
    from resolver_diff.errors import ExitStatus, SnapshotError
    from resolver_diff.lab import reading
    from resolver_diff.lab.servers import Lab
    from resolver_diff.reports import csv

    played = reading.load(scenario)
    if folder is not None and (folder / "snapshots").exists():
        hint = "choose another --folder, or delete this one"
        raise SnapshotError(f"there is a demo already in {folder}", hint=hint)
    folder = folder or Path(tempfile.mkdtemp(prefix="resolver-diff-demo-"))
    width = page_width()
    diffs = []
    with Lab(played) as resolvers:
        show(_play.opening(played, width))
        for taken, diff in _play.days(resolvers, folder / "snapshots"):
            show(_play.day(taken, diff, width))
            if diff is not None:
                diffs.append(diff)
    write(folder / "anomalies.csv", csv.REPORT.render(diffs))
    show(_play.closing(diffs, folder))
    return ExitStatus.DONE
