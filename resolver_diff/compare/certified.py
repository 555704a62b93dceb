"""What TLS handshakes with the addresses of an answer showed, and with those of the controls."""

import polars as pl

from resolver_diff.compare.beside import beside
from resolver_diff.compare.pools import ADDRESS, Answers


def beside_answers(
    said: pl.DataFrame, answers: Answers, questions: pl.DataFrame, certificates: pl.DataFrame
) -> pl.DataFrame:
    """Add *certified* and *controls_certified*, null where no handshake was tried.

    *certified*: an address of the answer showed a certificate for the name; false: none did, and some showed
    another twice, with the same wrong about it; null also where that was seen once. *controls_certified*: so did
    those of most voting controls. *said* is labelled; *certificates* has the columns of ``Certificates``.
    """
    checked = _checked(answers, questions, certificates)
    said = beside(said, checked, "said")
    controls = said.select("q", "votes", "certified").filter("votes", pl.col("certified").is_not_null())
    return beside(said, controls.group_by("q").agg(controls_certified=pl.col("certified").mean() > 0.5), "q")


def _checked(answers: Answers, questions: pl.DataFrame, certificates: pl.DataFrame) -> pl.DataFrame:
    """Return said, *certified* of the answers with an address that a handshake was tried with."""
    if not certificates.height:
        return pl.DataFrame(schema={"said": pl.UInt32(), "certified": pl.Boolean()})
    named = answers.distinct.select("said", "q").join(questions.select("q", "qname"), on="q")
    given = answers.by_kind[ADDRESS].select("said", address="text").join(named, on="said")
    shown = certificates.select("qname", "address", valid=_told()).drop_nulls()
    met = given.join(shown.unique(["qname", "address"]), on=["qname", "address"])
    return met.group_by("said").agg(certified=pl.col("valid").any())


def _told() -> pl.Expr:
    """Return what one or two handshakes tell: valid once is valid; what is wrong must be so twice, in the same way."""
    valid = pl.any_horizontal(pl.col("valid", "again").fill_null(value=False))
    alike = _fault("why").eq_missing(_fault("again_why"))
    return pl.when(valid | (~pl.col("valid") & ~pl.col("again") & alike)).then(valid)


def failed(answers: Answers, questions: pl.DataFrame, certificates: pl.DataFrame) -> pl.DataFrame:
    """Return the answered addresses that showed another certificate and no valid one: q, token, fault (a hash).

    With what was seen on another date one failure is two.
    """
    bad = certificates.filter(_told().is_null() | ~_told())
    each = pl.concat(
        [
            bad.filter(~pl.col(valid)).select("qname", token=pl.col("address").hash(ADDRESS), fault=_fault(why).hash())
            for valid, why in (("valid", "why"), ("again", "again_why"))
        ]
    )
    given = answers.distinct.select("said", "q").join(questions.select("q", "qname"), on="q")
    given = given.join(each.unique(), on="qname")
    shown = answers.by_kind[ADDRESS].select("said", "token")
    return given.join(shown, on=["said", "token"], how="semi").select("q", "token", "fault").unique()


def _fault(column: str) -> pl.Expr:
    """Return what kind of fault was told, without names and dates."""
    return pl.col(column).str.replace(r"( \(| is for ).*$", "")
