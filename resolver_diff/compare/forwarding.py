"""Who hands queries on to a register: it misses what the register misses, or its queries leave from there.

That a name is missing at such an ISP is not told by the ISP's own list, so it is said of the resolver. It
is no trouble: whether an ISP forwards, or copies the register's list, looks the same from outside, and
only the exit tells.

Wrong where a law has every network remove the same names, and the register does nothing else.
"""

from collections.abc import Iterator

import polars as pl

from resolver_diff.compare.egress import Exit
from resolver_diff.tables import State

NAMES = 3  # registrable domains that both miss; fewer may be missing at both for reasons of their own
NEARLY_EVERY = 9 / 10  # of what the register misses
HARDLY_ANY = 1 / 10  # names that only the other one misses, of those that both miss
TOLD = {"r": pl.UInt32(), "forwards": pl.String()}


def forwarding(said: pl.DataFrame, entries: pl.DataFrame, leaves: dict[int, list[Exit]]) -> pl.DataFrame:
    """Return the entries that seem to forward to a register: r, *forwards*, a sentence.

    *said* has *apparent*; *leaves* is the exits of entries.
    """
    told: dict[int, list[str]] = {}
    for r, sentence in (*_alike(said, entries), *_leaving(entries, leaves)):
        told.setdefault(r, []).append(sentence)
    return pl.DataFrame([(r, "; ".join(told[r])) for r in sorted(told)], schema=TOLD, orient="row")


def _pairs(entries: pl.DataFrame) -> pl.DataFrame:
    """Return *r* and *s*, an entry and a register of the same country and another operator, and its name."""
    fit = entries.filter(~pl.col("unfit") & ~pl.col("replaced"), pl.col("country").is_not_null())
    fit = fit.with_columns(pl.col("role", "country").cast(pl.String))
    registers = fit.filter(pl.col("role") == "register").select("country", s="r", its="op", register="resolver")
    others = fit.filter(~pl.col("role").is_in(["register", "control"])).select("country", "r", "op")
    return others.join(registers, on="country").filter(pl.col("op") != pl.col("its")).select("r", "s", "register")


def _alike(said: pl.DataFrame, entries: pl.DataFrame) -> Iterator[tuple[int, str]]:
    """Yield the entries that miss nearly all that a register misses, and hardly anything that it answers."""
    pairs = _pairs(entries)
    question = ["q", "qname", "domain"]
    there = said.filter(pl.col("r").is_in(pairs["s"].implode())).select(*question, "kind", "apparent", s="r")
    missing = there.filter((pl.col("kind") == "denial") & (pl.col("apparent") == State.VANISHED))
    here = said.join(pairs.select("r").unique(), on="r", how="semi").select("q", "qname", "r", "kind", "apparent")
    spoken = here.filter(pl.col("kind").is_in(["answer", "denial"])).join(
        missing.select("q", "domain", "s"), on="q", how="inner"
    )
    both = spoken.join(pairs, on=["r", "s"])
    denied = pl.col("kind") == "denial"
    shares = both.group_by("r", "s", "register").agg(
        domains=pl.col("domain").filter(denied).n_unique(),
        shared=pl.col("qname").filter(denied).n_unique(),
        names=pl.col("qname").n_unique(),
    )
    enough = (pl.col("domains") >= NAMES) & (pl.col("shared") >= NEARLY_EVERY * pl.col("names"))
    shares = shares.filter(enough)
    only_here = here.filter(denied & (pl.col("apparent") == State.VANISHED)).join(shares.select("r", "s"), on="r")
    answered = there.filter(pl.col("kind") == "answer").select("q", "s")
    beyond = only_here.join(answered, on=["q", "s"]).group_by("r", "s").agg(beyond=pl.col("qname").n_unique())
    shares = shares.join(beyond, on=["r", "s"], how="left").with_columns(pl.col("beyond").fill_null(0))
    shares = shares.filter(pl.col("beyond") <= HARDLY_ANY * pl.col("shared"))
    best = shares.sort("r", "beyond", "shared", "register", descending=[False, False, True, False])
    best = best.unique("r", keep="first")
    for row in best.sort("r").iter_rows(named=True):
        its = row["register"]
        text = f"of {row['names']} names that {its} denies it denies {row['shared']}, and {row['beyond']} that {its}"
        yield row["r"], f"{text} answers: it seems to forward to the register"


def _leaving(entries: pl.DataFrame, leaves: dict[int, list[Exit]]) -> Iterator[tuple[int, str]]:
    """Yield the entries whose queries leave from the network of a register."""
    rows = {row["r"]: row for row in entries.iter_rows(named=True)}
    registers = [(rows[r], one) for r in leaves if rows[r]["role"] == "register" for one in leaves[r]]
    for r in sorted(leaves):
        row = rows[r]
        if row["role"] in {"register", "control"} or row["unfit"] or row["replaced"]:
            continue
        met = (
            (one, other["resolver"])
            for one in leaves[r]
            for other, its in registers
            if other["op"] != row["op"] and one.is_beside(its)
        )
        for one, register in met:
            yield r, f"its queries leave from {one}, the network of {register}"
            break
