"""What is found out about the answers when a run has asked everything: whose the addresses are, and certificates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resolver_diff import origins
from resolver_diff.config import Config
from resolver_diff.library.saying import Tell, tell_log
from resolver_diff.snapshot import sides
from resolver_diff.tables import Certificates, Origins, Table
from resolver_diff.verify import Wanted, check, due
from resolver_diff.verify.choosing import Choice, choose
from resolver_diff.wording.lines import duration, many


@dataclass(slots=True)
class Beside:
    """Looks up what is to lie beside a snapshot, and tells what it does."""

    source: origins.Source | None
    handshakes: Wanted | None = None
    tell: Tell = tell_log  # is told how it goes

    async def __call__(
        self, config: Config, heard: pl.LazyFrame, target: Path
    ) -> tuple[Sequence[Table], Mapping[str, int]]:
        """Return the tables, and counts for the facts of the run."""
        known = sides.read(target, Origins)
        found, counts = await self._origins(config, heard, known)
        if self.handshakes is None:
            return [found], counts
        whose = Origins(pl.concat([known.frame, found.frame]))
        there = sides.read(target, Certificates)
        choice = choose(heard, config, whose, there, self.handshakes.budget)
        shown, told = await self._certificates(choice, self.handshakes)
        return [found, shown], {**counts, **told}

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
            self.tell(f"nobody could be asked whose {many(len(fresh), 'address', 'addresses')} are")
            return found, {"origins": 0}
        unknown = found.frame["asn"].null_count()
        self.tell(
            f"looked up whose {many(len(found), 'address', 'addresses')} are, in {self.source.about}; "
            f"of {unknown:,} no one Autonomous System is known"
        )
        return found, {"origins": len(found), "origins_unknown": unknown}

    async def _certificates(self, choice: Choice, wanted: Wanted) -> tuple[Certificates, dict[str, int]]:
        """Shake hands with whom *choice* has; say what came of it, and what was left out."""
        times = due(choice.chosen["network"], wanted.budget)
        if times:
            self.tell(
                f"shaking hands with {many(len(times), 'address', 'addresses')}, for at least {duration(times[-1])}"
            )
        shown = await check(choice.chosen, wanted)
        valid = shown.frame["valid"]
        second = shown.frame.filter(pl.col("again").is_not_null() | pl.col("again_why").is_not_null())["again"]
        counts = {
            "certificates": len(shown),
            "certificates_tried_again": len(second),
            "certificates_valid_then": int(second.sum() or 0),
            "certificates_valid": int(valid.sum() or 0),
            "certificates_none": valid.null_count(),
            **choice.counts,
        }
        bad = len(shown) - counts["certificates_valid"] - counts["certificates_none"]
        left = choice.counts
        self.tell(
            f"{many(len(shown), 'handshake')}: {counts['certificates_valid']:,} with a valid certificate for the name, "
            f"{bad:,} with another, {counts['certificates_none']:,} with none; "
            f"tried again later: {len(second):,}, and {counts['certificates_valid_then']:,} of these valid; left out: "
            f"{left['certificates_left_out_by_budget']:,} by the budget of the run, "
            f"{left['certificates_left_out_by_network']:,} by that of a network, "
            f"{left['certificates_not_to_be_asked']:,} as special addresses or on the opt-out list"
        )
        return shown, counts
