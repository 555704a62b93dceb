"""resolver-diff calibrate: how often each pattern of evidence is right, counted on labelled sets."""

from pathlib import Path
from typing import Annotated

import typer

Labelled = Annotated[
    list[Path],
    typer.Argument(metavar="LABELLED", help="Labelled sets: folders with worlds, or Parquet files of replies."),
]
Out = Annotated[
    Path,
    typer.Option("--out", metavar="FILE", help="Write the table here; `-`: stdout, the default.", readable=False),
]


def command(labelled: Labelled, out: Out = Path("-")) -> int:
    """Judge labelled sets, and count for each pattern of evidence how many of its cells were blocked.

    A labelled set is what `import observations` reads, with the truth beside it: labels.parquet (obs_id, blocked,
    mechanism, benign_cause) in a folder, or the columns label_blocked and label_mechanism in a file. It is judged with
    its certificates and without them. `anomalies`, `diff`, `events` and `explain` take the table by --calibration;
    the one they take otherwise is shipped, and was made so from the made-up worlds of this project's tests.

    \b
    Examples:
      resolver-diff calibrate worlds/one worlds/two --out measured.json
      resolver-diff calibrate replies.parquet
    """
    from resolver_diff.commands import _calibrating
    from resolver_diff.commands._output import check_outputs, talk, write
    from resolver_diff.confidence import stored
    from resolver_diff.errors import ExitStatus

    check_outputs(out)
    found = _calibrating.measure(labelled, heard=talk)
    write(out, stored.render(found))
    return ExitStatus.DONE
