"""What was said on one date, as the columns that published rules look at.

Work is done once per distinct answer to a question, not once per resolver. Of several replies to
a question the first counts, of several times that it was put the first one that brought a reply:
none of the rules has more than one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from resolver_diff.compare.special import PERHAPS, special
from resolver_diff.rules import CERTIFICATES, COLUMNS, ORIGINS, TAGS
from resolver_diff.snapshot import Snapshot
from resolver_diff.tables import SILENCES, TRANSPORT, Certificates, Origins, Outcome, Purpose, Tags

CELL = ("qname", "qtype", "resolver", "transport")
WHERE = ("domain_set", *CELL, "country", "role", "outcome", "answer", "cname")  # of a cell, for a person
SAID = ("domain_set", "outcome", "rcode", "aa", "tc", "ra", "ad", "answer", "cname")
FLAGS = ("aa", "tc", "ra", "ad")
ERRORS = (Outcome.NXDOMAIN, Outcome.SERVFAIL, Outcome.REFUSED, Outcome.OTHER_RCODE)
CDN = r"^(AMAZON|Akamai|OPENDNS|CLOUDFLARENET|GOOGLE)"
PRIVATE = r"^(0|10|127|172\.(1[6-9]|2\d|3[01])|192\.168)\."
MARKS = ("asn", "organisation", "certificate", "page")  # that addresses may have in common
FIELDS = ("timeout", "rcode", "flags", "types")  # that replies are held against each other by


@dataclass(frozen=True, slots=True)
class Beside:
    """The side files of a date; those that are empty are not there."""

    origins: Origins
    tags: Tags
    certificates: Certificates

    def known(self) -> list[str]:
        """Return which there are."""
        tables = {ORIGINS: self.origins, TAGS: self.tags, CERTIFICATES: self.certificates}
        return [name for name, table in tables.items() if len(table)]


def cells(day: Snapshot, beside: Beside) -> pl.DataFrame:
    """Return one row per cell of a resolver that is no control: ``WHERE`` and the columns of ``COLUMNS``."""
    entries = _entries(day)
    said = _said(day.observations, entries)
    questions = said.select("qname", "qtype").unique().with_row_index("q")
    said = said.join(questions, on=["qname", "qtype"], how="left", maintain_order="left")
    is_control = pl.col("role") == "control"
    controls, tested = said.filter(is_control), said.filter(~is_control)
    given = _given(said, beside)
    told = tested.join(_controls(controls), on="q", how="left", maintain_order="left")
    answers = _answers(given, controls)
    told = told.join(answers, on=["q", "answer"], how="left", maintain_order="left")
    told = told.join(_published_tags(given, controls), on="q", how="left", maintain_order="left")
    told = told.join(_manners(day.observations, said), on=["resolver", "transport"], how="left", maintain_order="left")
    told = told.join(_with_tls(beside.certificates), on="qname", how="left", maintain_order="left")
    told = told.with_columns(*_differences(), pl.col("tls").fill_null(value=False))
    counts = ("controls_asked", "controls_answered")
    told = told.with_columns(*(pl.col(name).fill_null(0) for name in counts))
    return told.select(*WHERE, *(name for name in COLUMNS if name not in WHERE))


def _entries(day: Snapshot) -> pl.DataFrame:
    """Return role and country of the entries."""
    rows = [(each.name, str(each.transport), str(each.role), each.country) for each in day.resolvers]
    frame = pl.DataFrame(rows, schema=("resolver", "transport", "role", "country"), orient="row")
    return frame.cast({"resolver": pl.String, "transport": TRANSPORT, "role": pl.String, "country": pl.String})


def _said(observations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return one row per target cell: the reply that counts; one that was withheld is none."""
    rows = observations.lazy().filter(pl.col("purpose") == Purpose.TARGET, pl.col("asked_at").is_not_null())
    rows = rows.select(*CELL, "repeat", "attempt", "reply", *SAID)
    rows = rows.sort(*CELL, pl.col("reply").is_null(), "repeat", "attempt", "reply", maintain_order=True)
    rows = rows.unique(CELL, keep="first", maintain_order=True).drop("repeat", "attempt", "reply")
    silent = pl.col("outcome").is_in([*SILENCES])
    kinds = pl.concat_str(
        pl.when(pl.col("answer").is_not_null()).then("qtype").otherwise(pl.lit("")),
        pl.when(pl.col("cname").is_not_null()).then(pl.lit(" CNAME")).otherwise(pl.lit("")),
    )
    marks = [pl.when(pl.col(name)).then(pl.lit(name)).when(pl.col(name).is_null()).then(pl.lit("?")) for name in FLAGS]
    told = rows.with_columns(
        answered=pl.col("outcome") == Outcome.ANSWER,
        silent=silent,
        error=pl.col("outcome").is_in([*ERRORS]),
        timeout=silent & (pl.col("outcome") != Outcome.MALFORMED),
        flags=pl.concat_str(marks, separator=" ", ignore_nulls=True),
        types=kinds,
    ).collect()
    told = told.join(entries, on=["resolver", "transport"], how="left", maintain_order="left")
    return told.with_columns(pl.col("role").fill_null("public"))


def _with_tls(certificates: Certificates) -> pl.DataFrame:
    """Return the names for which somebody was shown a good certificate."""
    return certificates.frame.filter("valid").select("qname", tls=pl.lit(value=True)).unique()


def _given(said: pl.DataFrame, beside: Beside) -> pl.DataFrame:
    """Return one row per address of each distinct answer to a question, with what is known of it.

    q, answer, address, ``MARKS``, good (its certificate for the name; null: not known), bogon.
    """
    distinct = said.filter("answered").select("q", "qname", "answer").unique()
    each = distinct.with_columns(address=pl.col("answer").str.split(" ")).explode("address")
    each = each.join(beside.origins.frame.select("address", "asn", "organisation"), on="address", how="left")
    each = each.join(beside.tags.frame, on="address", how="left")
    facts = beside.certificates.frame.select("qname", "address", good="valid")
    each = each.join(facts, on=["qname", "address"], how="left").drop("qname")
    perhaps = each["address"].unique().filter(each["address"].unique().str.contains(PERHAPS))
    bogons = pl.Series([text for text in perhaps if special(text)], dtype=pl.String)
    return each.with_columns(
        bogon=pl.col("address").is_in(bogons.implode()), asn=pl.when(pl.col("asn") > 0).then("asn")
    )


def _controls(controls: pl.DataFrame) -> pl.DataFrame:
    """Return per question how the controls ended, and whether they all did so alike."""
    each = controls.group_by("q").agg(
        controls_asked=pl.len(),
        controls_answered=pl.col("answered").sum(),
        controls_ending=pl.col("outcome").cast(pl.String).mode().sort().first(),
        others_agree=pl.all_horizontal(pl.col(name).n_unique() == 1 for name in FIELDS),
        **{f"their_{name}": pl.col(name).first() for name in FIELDS},
    )
    return each.with_columns(others_agree=pl.col("others_agree") & (pl.col("controls_asked") > 1))


def _published(given: pl.DataFrame, controls: pl.DataFrame) -> pl.DataFrame:
    """Return what the controls' addresses are: q, address, ``MARKS``."""
    theirs = controls.filter("answered").select("q", "answer").unique()
    return given.join(theirs, on=["q", "answer"]).select("q", "address", *MARKS).unique()


def _published_tags(given: pl.DataFrame, controls: pl.DataFrame) -> pl.DataFrame:
    """Return per question whether anything is known of an address of the controls."""
    return _published(given, controls).group_by("q").agg(controls_tagged=_marked().any())


def _marked() -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_not_null() for name in MARKS)


def _answers(given: pl.DataFrame, controls: pl.DataFrame) -> pl.DataFrame:
    """Return per distinct answer what it shares with the controls', and what is known of its addresses."""
    published = _published(given, controls)
    each = given
    for column in ("address", *MARKS):
        there = (
            published.select("q", column)
            .drop_nulls()
            .unique()
            .with_columns(pl.lit(value=True).alias(f"shares_{column}"))
        )
        each = each.join(there, on=["q", column], how="left")
    each = each.with_columns(pl.col("^shares_.*$").fill_null(value=False))
    mine = ~pl.col("shares_address")
    return each.group_by("q", "answer").agg(
        pl.col("^shares_.*$").any(),
        tagged=_marked().any(),
        cdn=pl.col("organisation").str.contains(CDN).fill_null(value=False).any(),
        bogon=(pl.col("bogon") & mine).any(),
        bogon_published=(pl.col("bogon") & ~mine).any(),
        private=pl.col("address").str.contains(PRIVATE).any(),
        valid=pl.col("good").fill_null(value=False).any(),
        invalid=(~pl.col("good")).fill_null(value=False).any(),
        invalid_unpublished=((~pl.col("good")).fill_null(value=False) & mine).any(),
    )


def _manners(observations: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Return per entry the shares of errors and silences, and whether it answered a control question."""
    entry: Sequence[str] = ("resolver", "transport")
    shares = said.group_by(entry).agg(error_share=pl.col("error").mean(), silent_share=pl.col("silent").mean())
    tested = observations.filter(pl.col("purpose") == Purpose.CONTROL)
    alive = tested.group_by(entry).agg(alive=(pl.col("outcome") == Outcome.ANSWER).any())
    return shares.join(alive, on=entry, how="left")


def _differences() -> list[pl.Expr]:
    """Return in which field a reply differs from the controls', where these are alike."""
    spoken = ~pl.col("silent") & ~pl.col("their_timeout")
    return [
        (pl.col("timeout") != pl.col("their_timeout")).alias("differs_timeout"),
        (pl.col("outcome") == Outcome.MALFORMED).alias("differs_malformed"),
        (spoken & pl.col("rcode").ne_missing(pl.col("their_rcode"))).alias("differs_rcode"),
        *((spoken & (pl.col(name) != pl.col(f"their_{name}"))).alias(f"differs_{name}") for name in ("flags", "types")),
    ]
