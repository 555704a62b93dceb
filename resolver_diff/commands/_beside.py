"""What is found out about the answers when a run has asked everything: whose the addresses are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resolver_diff import origins
from resolver_diff.commands._output import talk
from resolver_diff.config import Config
from resolver_diff.reports._layout import many
from resolver_diff.snapshot import sides
from resolver_diff.tables import Origins, Table


@dataclass(slots=True)
class Beside:
    """Looks up what is to lie beside a snapshot, and tells what it does."""

    source: origins.Source | None

    async def __call__(
        self, config: Config, heard: pl.LazyFrame, target: Path
    ) -> tuple[Sequence[Table], Mapping[str, int]]:
        """Return the tables, and counts for the facts of the run."""
        found, counts = await self._origins(config, heard, sides.read(target, Origins))
        return [found], counts

    async def _origins(self, config: Config, heard: pl.LazyFrame, known: Origins) -> tuple[Origins, dict[str, int]]:
        """Return whose the addresses are that nobody has looked up for this date yet."""
        if self.source is None:
            return Origins.empty(), {}
        addresses = origins.answered(heard)
        fresh = addresses.filter(~addresses.is_in(known.frame["address"].implode()))
        if fresh.is_empty():
            return Origins.empty(), {"origins": 0}
        found = await self.source.look_up(fresh, config, heard)
        if not len(found):
            talk(f"nobody could be asked whose {many(len(fresh), 'address', 'addresses')} are")
            return found, {"origins": 0}
        unknown = found.frame["asn"].null_count()
        talk(
            f"looked up whose {many(len(found), 'address', 'addresses')} are, in {self.source.about}; "
            f"of {unknown:,} no one Autonomous System is known"
        )
        return found, {"origins": len(found), "origins_unknown": unknown}
