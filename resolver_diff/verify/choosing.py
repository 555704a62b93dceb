"""Which answers are worth a handshake: those that share no address, network or origin with what the controls gave."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from resolver_diff.compare.pools import SLASH_24, SLASH_48, prefix
from resolver_diff.compare.special import special
from resolver_diff.config import Config
from resolver_diff.tables import Certificates, Origins, Outcome, Purpose
from resolver_diff.verify import Budget

PAIR = ["qname", "address"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Names and addresses to check (qname, address, network), in their order, and how many are left out."""

    chosen: pl.DataFrame
    counts: dict[str, int]


def choose(heard: pl.LazyFrame, config: Config, origins: Origins, known: Certificates, budget: Budget) -> Choice:
    """Return what is worth a handshake, as far as *budget* goes; for each name one answer of a control besides.

    Names take turns, those first which more resolvers give; what *known* has is not checked again.
    """
    given = _given(heard, config).join(origins.frame.select("address", "asn"), on="address", how="left")
    doubtful = _uncleared(given)
    per_pair = doubtful.group_by(*PAIR, "network").agg(pl.col("givers").sum())
    allowed, barred = _allowed(per_pair, config)
    fresh = allowed.join(known.frame, on=PAIR, how="anti")
    turn = fresh.sort("givers", *PAIR, descending=[True, False, False]).with_columns(
        turn=pl.int_range(pl.len()).over("qname"), is_control=pl.lit(value=False)
    )
    beside = _of_controls(given, turn, config).join(known.frame, on=PAIR, how="anti")
    queue = pl.concat([turn, beside.select(turn.columns)], how="vertical_relaxed")
    queue = queue.sort(
        "turn", pl.col("givers").max().over("qname", "turn"), "qname", "is_control",
        descending=[False, True, False, False],
    )  # fmt: skip
    within = queue.with_columns(nth=pl.int_range(pl.len()).over("network")).filter(pl.col("nth") < budget.network)
    chosen = within.head(budget.first).select(*PAIR, "network")
    counts = {
        "certificates_left_out_by_network": queue.height - within.height,
        "certificates_left_out_by_budget": within.height - chosen.height,
        "certificates_not_to_be_asked": barred,
    }
    return Choice(chosen, counts)


def _given(heard: pl.LazyFrame, config: Config) -> pl.DataFrame:
    """Return the addresses of each distinct answer to a name: qname, said, address, network, givers, op_least, op_most.

    *givers* are the resolvers with that answer, the two ops the operators of controls among them.
    """
    target = (pl.col("purpose") == Purpose.TARGET) & pl.col("qtype").is_in(["A", "AAAA"])
    answers = heard.filter(target & (pl.col("outcome") == Outcome.ANSWER) & pl.col("answer").is_not_null())
    operators = {each.name: each.operator or each.name for each in config.resolvers if each.role == "control"}
    op = pl.col("resolver").replace_strict(operators, default=None, return_dtype=pl.String)
    said = answers.group_by("qname", "answer").agg(
        givers=pl.col("resolver").n_unique(), op_least=op.min(), op_most=op.max()
    )
    rows = said.sort("qname", "answer").with_row_index("said").collect()
    split = rows.with_columns(address=pl.col("answer").str.split(" ")).drop("answer").explode("address")
    texts = split.select("address").unique()
    networks = texts.with_columns(
        network=pl.coalesce(pl.col("address").str.extract(one) for one in (SLASH_24, SLASH_48))
    )
    rare = networks.filter(pl.col("network").is_null()).with_columns(
        network=pl.col("address").map_elements(prefix, return_dtype=pl.String)
    )
    return split.join(pl.concat([networks.drop_nulls(), rare.drop_nulls()]), on="address")


def _uncleared(given: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of answers that share nothing with controls; what one operator gives, with those of others.

    Where all controls are of one operator, there is nobody to hold them against.
    """
    several = pl.concat([given["op_least"], given["op_most"]]).drop_nulls().n_unique() > 1
    own = pl.when(pl.lit(several) & (pl.col("op_least") == pl.col("op_most"))).then("op_least")
    cleared = pl.lit(value=False)
    for token in ("address", "network", "asn"):
        told = given.filter(pl.col("op_least").is_not_null() & pl.col(token).is_not_null())
        ends = told.group_by("qname", token).agg(least=pl.col("op_least").min(), most=pl.col("op_most").max())
        ends = ends.rename({"least": f"{token}_least", "most": f"{token}_most"})
        given = given.join(ends, on=["qname", token], how="left")
        least, most = pl.col(f"{token}_least"), pl.col(f"{token}_most")
        cleared |= (least.ne_missing(own) | most.ne_missing(own)) & least.is_not_null()
    return given.filter(~cleared.any().over("said"))


def _allowed(pairs: pl.DataFrame, config: Config) -> tuple[pl.DataFrame, int]:
    """Return *pairs* without addresses that must not or cannot be connected to, and how many these were."""
    barred = _barred(config)
    texts = pairs["address"].unique().sort().to_list()
    bad = pl.Series([text for text in texts if barred(text)], dtype=pl.String)
    kept = pairs.filter(~pl.col("address").is_in(bad.implode()))
    return kept, pairs.height - kept.height


def _barred(config: Config) -> Callable[[str], bool]:
    return lambda address: special(address) or config.opt_out.covering(address) is not None


def _of_controls(given: pl.DataFrame, turn: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Return for each name with something to check the control's address that most give, to hold it against."""
    theirs = given.filter(pl.col("op_least").is_not_null()).join(turn, on="qname", how="semi")
    theirs = theirs.join(turn, on=PAIR, how="anti")
    per_pair = theirs.group_by(*PAIR, "network").agg(pl.col("givers").sum())
    allowed, _ = _allowed(per_pair, config)
    by_kind = [pl.col("address").str.contains(":", literal=True), pl.col("givers"), pl.col("address")]
    best = allowed.sort(by_kind, descending=[False, True, False]).unique("qname", keep="first", maintain_order=True)
    return best.with_columns(turn=pl.lit(0, pl.Int64), is_control=pl.lit(value=True))
