"""Names by resolvers, date by date: in each place one letter, which says what became of the name there.

The states of all cells of a date are kept in an octet each while the dates are followed, so that nothing is judged
twice; of the types of a name, and of several signs, the one that says most is kept.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from resolver_diff.anomaly import WRONG, Judged
from resolver_diff.anomaly.memory import is_part_of_more, is_wrong
from resolver_diff.compare import FILTERS, Panel
from resolver_diff.event import MEANS
from resolver_diff.tables import Mechanism, State

# What says more comes later. The letters are what is printed, so that no state is told by its color alone.
LETTERS = {
    "not asked": " ",
    "agrees": "·",
    "gone": "-",
    "insufficient": "?",
    "policy": "P",
    "no reply": "T",
    "failure": "F",
    "denial": "N",
    "other address": "A",
    "injected": "I",
}
CODES = {kind: code for code, kind in enumerate(LETTERS)}
WRONG_FROM = CODES["no reply"]  # a policy that people choose is no news
MEANINGS = {
    "agrees": "says what the controls say",
    "gone": "the controls have no answer either",
    "insufficient": "cannot be told",
    "policy": "filtered by the resolver's own policy",
    "no reply": "no reply, while the controls answer",
    "failure": "failed (SERVFAIL, REFUSED), while the controls answer",
    "denial": "denied (NXDOMAIN, NODATA), while the controls answer",
    "other address": "an address that no control would give",
    "injected": "two replies that contradict each other",
}
STATES = {State.AGREES: "agrees", State.GONE: "gone", State.INSUFFICIENT: "insufficient"}


@dataclass(frozen=True, slots=True)
class Matrix:
    """*codes* has, by date, name and entry, the place in ``LETTERS`` of what was seen.

    *names*: domain_set, qname. *entries*: resolver, transport, operator, country, role. Names with nothing wrong on
    any of *dates* are left out; *asked* is how many there were in all.
    """

    dates: tuple[date, ...]
    names: pl.DataFrame
    entries: pl.DataFrame
    codes: np.ndarray
    asked: int


class Kept:
    """The states of all cells on the dates that a page looks back to."""

    def __init__(self, panel: Panel, since: date) -> None:
        names = panel.questions.select("domain_set", "qname").unique("qname", maintain_order=True).with_row_index("n")
        self._names = names
        self._name_of = panel.questions.join(names, on="qname", how="left", maintain_order="left")["n"].to_numpy()
        self._entries = panel.entries
        self._since = since
        self._dates: list[date] = []
        self._codes: list[np.ndarray] = []
        self._wrong = np.zeros(names.height, dtype=bool)
        self._facts = pl.DataFrame(schema=dict.fromkeys(("resolver", "operator", "country", "role"), pl.String()))

    def add(self, judged: Judged) -> None:
        """Keep what a date shows, if the page looks back to it."""
        if judged.date < self._since:
            return
        facts = judged.comparison.entries.select(pl.col(self._facts.columns).cast(pl.String))
        self._facts = pl.concat([facts, self._facts]).unique("resolver", keep="first", maintain_order=True)
        q, r = (judged.cells[column].to_numpy() for column in ("q", "r"))
        name = self._name_of[q]
        codes = np.zeros((self._names.height, self._entries.height), dtype=np.uint8)
        np.maximum.at(codes, (name, r), judged.cells.select(code()).to_series().to_numpy())
        odd = judged.cells.select(odd=is_odd()).to_series().to_numpy()
        self._wrong[name[odd]] = True
        self._dates.append(judged.date)
        self._codes.append(codes)

    def matrix(self) -> Matrix:
        """Return what was kept: countries and roles with most that was wrong first, controls last."""
        names = self._names.filter(pl.Series(self._wrong)).sort("domain_set", "qname")
        stack = np.stack(self._codes) if self._codes else np.zeros((0, *self._shape()), dtype=np.uint8)
        stack = stack[:, names["n"].to_numpy(), :]
        entries = self._entries.join(self._facts, on="resolver", how="left", maintain_order="left")
        entries = entries.with_columns(wrong=pl.Series((stack >= WRONG_FROM).sum(axis=(0, 1)), dtype=pl.Int64))
        if names.height:
            entries = entries.filter(pl.Series(stack.any(axis=(0, 1)))[entries["r"]])
        order = [
            (pl.col("role") == "control").fill_null(value=False),
            -pl.col("wrong").sum().over("country", "role"),
            *map(pl.col, ("country", "role", "resolver", "transport")),
        ]
        entries = entries.sort(*order, nulls_last=True, maintain_order=True)
        chosen = stack[:, :, entries["r"].to_numpy()]
        return Matrix(tuple(self._dates), names.drop("n"), entries.drop("wrong"), chosen, len(self._wrong))

    def _shape(self) -> tuple[int, int]:
        return self._names.height, self._entries.height


def is_odd() -> pl.Expr:
    """Tell a cell for which its name belongs into the matrix: wrong, and not by a filter that people choose."""
    chosen = pl.col("policy").cast(pl.String).is_in(FILTERS) & (pl.col("mechanism") == Mechanism.POLICY)
    return (is_wrong() & ~is_part_of_more() & ~chosen.fill_null(value=False)).fill_null(value=False)


def code() -> pl.Expr:
    """Return the place in ``LETTERS`` of what a cell shows."""
    kinds = {str(mechanism): CODES[_kind(mechanism)] for mechanism in Mechanism}
    plain = {str(state): CODES[kind] for state, kind in STATES.items()}
    wrong = pl.col("mechanism").cast(pl.String).replace_strict(kinds, default=0, return_dtype=pl.UInt8)
    other = pl.col("state").cast(pl.String).replace_strict(plain, default=0, return_dtype=pl.UInt8)
    return pl.when(pl.col("state").is_in([str(one) for one in WRONG])).then(wrong).otherwise(other)


def _kind(mechanism: Mechanism) -> str:
    return "no reply" if mechanism is Mechanism.TIMEOUT else MEANS[mechanism]
