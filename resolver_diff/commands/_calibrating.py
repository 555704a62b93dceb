"""Labelled sets -> snapshots, which are judged -> the table of how often each pattern of evidence was right."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from resolver_diff import compare, importers, snapshot
from resolver_diff.commands._loading import utc_today
from resolver_diff.commands._output import warn
from resolver_diff.confidence import Measured, Origin, counting
from resolver_diff.errors import Place, UsageError
from resolver_diff.importers import _labels, observations
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import Certificates

VANTAGE = "labelled"


def measure(paths: Sequence[Path], heard: Callable[[str], None]) -> Measured:
    """Judge the labelled sets at *paths*, and count; *heard* is told of each.

    Raises UsageError when one of them is none.
    """
    tally = counting.Tally()
    origins = []
    named: dict[str, Path] = {}
    for path in paths:
        if path.stem in named:
            hint = "sets are told apart by what their files or folders are called"
            raise UsageError(f"two sets are called `{path.stem}`", Place(str(path)), hint)
        named[path.stem] = path
    for name, path in named.items():
        origins.append(_one(tally, name, path))
        heard(f"{name}: {origins[-1].cells:,} labelled cells, {origins[-1].first} to {origins[-1].last}")
    return Measured(*tally.count(), tuple(origins), utc_today().isoformat())


def _one(tally: counting.Tally, name: str, path: Path) -> Origin:
    """Judge one set, with its certificates and without; what does not hang on them is found twice, and counted once."""
    labels = _labels.read(path)
    truth = counting.dated(labels.cells, labels.dates)
    found = observations.IMPORTER.read(path)
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(passing)
        for _ in importers.keep(found, folder, VANTAGE):
            pass
        warn(found.unread)
        days = snapshot.dates(folder)
        panel = compare.Panel.of_asked([snapshot.asked(folder, day, VANTAGE) for day in days])
        shown = any(len(each.certificates) for each in _days(folder))
        for certificates in (True, False) if shown else (True,):
            tally.add(name, _days(folder, certificates=certificates), panel, truth)
    known = int(labels.cells["blocked"].count())
    return Origin(name, _digest(path, found.inputs), str(labels.dates[0]), str(labels.dates[-1]), known)


def _days(folder: Path, *, certificates: bool = True) -> Iterator[Snapshot]:
    """Yield the snapshots in *folder*, oldest first."""
    for day in snapshot.dates(folder):
        (today,) = snapshot.load(folder, day, judged=True)
        yield today if certificates else replace(today, certificates=Certificates.empty())


def _digest(path: Path, inputs: dict[str, str]) -> str:
    """Return one hash of what was measured and of its labels."""
    whole = sha256()
    for name, digest in sorted(inputs.items()):
        whole.update(f"{name} {digest}\n".encode())
    if path.is_dir():
        whole.update((path / "labels.parquet").read_bytes())
    return whole.hexdigest()
