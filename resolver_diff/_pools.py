"""What the controls publish for each name, and who shares it: addresses, prefixes, CNAME targets.

An answer is told by its tokens: each address (or other RDATA), the /24 or /48 it
lies in, and each CNAME target on the way. Work is done once per distinct answer to
a question, not once per resolver.
"""

import ipaddress
from dataclasses import dataclass

import polars as pl

ADDRESS, PREFIX, CNAME = 0, 1, 2  # kinds of token
SLASH_24 = r"^(\d+\.\d+\.\d+)\.\d+$"
SLASH_48 = r"^([0-9a-f]+:[0-9a-f]+:[0-9a-f]+):"
SHARES = {ADDRESS: "shares_address", PREFIX: "shares_prefix", CNAME: "shares_cname"}


@dataclass(frozen=True, slots=True)
class Answers:
    """The distinct answers of one date.

    *distinct*: said (u32), q, answer, cname. *tokens*: said, kind (u8), token (u64), text.
    """

    distinct: pl.DataFrame
    tokens: pl.DataFrame

    @classmethod
    def of(cls, said: pl.DataFrame, questions: pl.DataFrame) -> "Answers":
        """Take the answers, second replies included, apart."""
        first = said.lazy().select("q", "answer", "cname")
        second = said.lazy().filter(pl.col("second_outcome").is_not_null())
        both = pl.concat([first, second.select("q", answer="second_answer", cname="second_cname")])
        some = pl.col("answer").is_not_null() | pl.col("cname").is_not_null()
        distinct = both.filter(some).unique().sort("q", "answer", "cname").collect().with_row_index("said")
        addressed = distinct.join(questions.select("q", "qtype"), on="q", how="left")
        return cls(distinct, _tokens(addressed))

    def published(self, said: pl.DataFrame) -> pl.DataFrame:
        """Return the tokens voting controls gave: q, kind, token, and of their operators op_least, op_most."""
        controls = said.filter(pl.col("votes") & (pl.col("kind") == "answer"))
        given = self.label(controls).select("said", "q", "op").unique()
        given = given.join(self.tokens.select(pl.col("kind").alias("token_kind"), "said", "token"), on="said")
        return given.group_by("q", "token_kind", "token").agg(op_least=pl.col("op").min(), op_most=pl.col("op").max())

    def label(
        self, said: pl.DataFrame, answer: str = "answer", cname: str = "cname", name: str = "said"
    ) -> pl.DataFrame:
        """Add the number of each row's answer; null where there is none."""
        numbers = self.distinct.rename({"answer": answer, "cname": cname, "said": name})
        return said.join(numbers, on=["q", answer, cname], how="left", nulls_equal=True, maintain_order="left")

    def shared(self, published: pl.DataFrame) -> pl.DataFrame:
        """Return per answer and kind of token the least and greatest operator of controls that gave it too."""
        tokens = self.tokens.select("said", pl.col("kind").alias("token_kind"), "token")
        tokens = tokens.join(self.distinct.select("said", "q"), on="said")
        met = tokens.join(published, on=["q", "token_kind", "token"])
        return met.group_by("said", "token_kind").agg(pl.col("op_least").min(), pl.col("op_most").max())

    def sharing(self, said: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame:
        """Add *said*, *second_said*, and whether other operators' controls share address, prefix, CNAME target.

        *second_shares* says it of a second reply, by address or prefix.
        """
        shared = self.shared(published)
        said = self.label(said)
        said = _met(said, shared, "said", SHARES)
        doubled = self.label(said, "second_answer", "second_cname", "second_said")
        named = {ADDRESS: "second_address", PREFIX: "second_prefix"}
        doubled = _met(doubled, shared, "second_said", named)
        return doubled.with_columns(second_shares=pl.col("second_address") | pl.col("second_prefix")).drop(
            "second_address", "second_prefix"
        )

    def of_rows(self, rows: pl.DataFrame, *carried: str) -> pl.DataFrame:
        """Return one row per row and token of its answer: *carried*, kind, token, text."""
        return rows.select("said", *carried).join(self.tokens.rename({"kind": "token_kind"}), on="said")


def _met(said: pl.DataFrame, shared: pl.DataFrame, on: str, names: dict[int, str]) -> pl.DataFrame:
    for kind, name in names.items():
        one = shared.filter(pl.col("token_kind") == kind).select(pl.col("said").alias(on), "op_least", "op_most")
        said = said.join(one, on=on, how="left", maintain_order="left")
        other = (pl.col("op_least") != pl.col("op")) | (pl.col("op_most") != pl.col("op"))
        said = said.with_columns(other.fill_null(value=False).alias(name)).drop("op_least", "op_most")
    return said


def _tokens(distinct: pl.DataFrame) -> pl.DataFrame:
    """Return said, kind, token, text for every distinct answer."""
    rdata = (
        distinct.lazy()
        .filter(pl.col("answer").is_not_null())
        .select("said", "qtype", text=pl.col("answer").str.split(" "))
        .explode("text")
        .collect()
    )
    addresses = rdata.filter(pl.col("qtype").is_in(["A", "AAAA"])).select("text").unique()
    # what canonical text shows at a glance is not parsed one by one
    addresses = addresses.with_columns(
        prefix=pl.coalesce(pl.col("text").str.extract(one) for one in (SLASH_24, SLASH_48))
    )
    rare = addresses.filter(pl.col("prefix").is_null()).with_columns(
        pl.col("text").map_elements(prefix, return_dtype=pl.String).alias("prefix")
    )
    prefixes = pl.concat([addresses.drop_nulls(), rare])
    within = rdata.filter(pl.col("qtype").is_in(["A", "AAAA"])).join(prefixes, on="text")
    targets = distinct.lazy().filter(pl.col("cname").is_not_null())
    parts = [
        _one_kind(rdata.lazy(), ADDRESS),
        _one_kind(within.lazy().select("said", text="prefix").drop_nulls(), PREFIX),
        _one_kind(targets.select("said", text=pl.col("cname").str.split(" ")).explode("text"), CNAME),
    ]
    return pl.concat(parts).collect()


def _one_kind(texts: pl.LazyFrame, kind: int) -> pl.LazyFrame:
    columns = ("said", pl.lit(kind, pl.UInt8).alias("kind"), pl.col("text").hash(kind).alias("token"), "text")
    return texts.select(columns).unique()


def prefix(address: str) -> str | None:
    """Return the /24 of an IPv4 address or the /48 of an IPv6 address as text; null for anything else."""
    try:
        if ":" not in address:
            return str(ipaddress.IPv4Address(address)).rpartition(".")[0]
        octets = ipaddress.IPv6Address(address).packed
    except ValueError:
        return None
    return ":".join(f"{octets[place] << 8 | octets[place + 1]:x}" for place in (0, 2, 4))
