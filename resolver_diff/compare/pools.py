"""What the controls publish for each name, and who shares it: addresses, networks, CNAME targets.

An answer is told by its tokens: each address (or other RDATA), the /24 or /48 it lies in, the
autonomous system that announces it and whose that is, and each CNAME target on the way. Work is
done once per distinct answer to a question, not once per resolver.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl
import polars.selectors as cs

from resolver_diff.compare import organisations
from resolver_diff.compare.beside import beside
from resolver_diff.compare.special import KEPT, PERHAPS, special
from resolver_diff.tables import DENIALS

ADDRESS, PREFIX, CNAME, ORIGIN, ORGANISATION = range(5)  # kinds of token
TOKEN = ("said", "kind", "token", "mark")
NARROW = (ADDRESS, PREFIX)  # what few share: systems and organisations have room for anybody
SLASH_24 = r"^(\d+\.\d+\.\d+)\.\d+$"
SLASH_48 = r"^([0-9a-f]+:[0-9a-f]+:[0-9a-f]+):"
UNRELATED_ADDRESS, UNRELATED_TARGET = 3, 2  # names; two may meet by chance at one host, hardly under one alias
ALONE = 3  # operators; of two that differ, neither is the one that is alone
ODD = 0x9E3779B97F4A7C15  # numbers of questions times this are far apart in 64 bits
ABROAD = 2  # countries that make a control's lone answer a matter of regions
SHARES = {
    ADDRESS: "shares_address",
    PREFIX: "shares_prefix",
    CNAME: "shares_cname",
    ORIGIN: "shares_origin",
    ORGANISATION: "shares_organisation",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The distinct answers of one date.

    *distinct*: said (u32), q, answer, cname. *by_kind*: the tokens of each kind: said, kind (u8), token (u64), *mark*
    (u64: the token of that question, one number that tells what three columns would); text too of addresses and
    CNAME targets. *bogons*: said of the answers with an address that cannot be on the public Internet.
    """

    distinct: pl.DataFrame
    by_kind: dict[int, pl.DataFrame]
    bogons: pl.DataFrame
    _tokens: dict[tuple[int, ...], pl.DataFrame] = field(default_factory=dict)  # by kinds, once asked for

    @classmethod
    def of(cls, said: pl.DataFrame, questions: pl.DataFrame, origins: pl.DataFrame) -> "Answers":
        """Take the answers, second replies included, apart; *origins* has the columns of ``Origins``."""
        first = said.lazy().select("q", "answer", "cname")
        second = said.lazy().filter(pl.col("second_outcome").is_not_null())
        both = pl.concat([first, second.select("q", answer="second_answer", cname="second_cname")])
        some = pl.col("answer").is_not_null() | pl.col("cname").is_not_null()
        distinct = both.filter(some).unique().sort("q", "answer", "cname").collect().with_row_index("said")
        addressed = distinct.join(questions.select("q", "qtype"), on="q", how="left")
        addressed = addressed.with_columns(cs.categorical().cast(pl.String))
        tokens = _tokens(addressed, origins)
        return cls(distinct, tokens, _bogons(tokens[ADDRESS]))

    def tokens(self, *kinds: int) -> pl.DataFrame:
        """Return said, kind, token and mark of every token of these kinds; of all, where none is named."""
        kinds = kinds or tuple(self.by_kind)
        if kinds not in self._tokens:
            self._tokens[kinds] = pl.concat([self.by_kind[kind].select(TOKEN) for kind in kinds])
        return self._tokens[kinds]

    def published(self, said: pl.DataFrame) -> pl.DataFrame:
        """Return the tokens voting controls gave: q, token_kind, token, mark; of their operators op_least, op_most.

        *said* is labelled. A control may be misled itself: what only it gives, while all the others
        have something in common, is left out, and so are bogons that not most of them give.
        """
        told = said.select("said", "q", "op", "country", "role", "kind", "votes", "unfit").filter(
            pl.col("kind") == "answer"
        )
        controls = told.filter("votes")
        given = self._without_bogons(controls.select("said", "q", "op").unique())
        tokens = self.of_rows(given, "q", "op")
        tokens = tokens.join(self._alone(tokens, told), on=["q", "op"], how="anti")
        same = pl.col("q", "token_kind", "token").first()
        return tokens.group_by("mark").agg(same, op_least=pl.col("op").min(), op_most=pl.col("op").max())

    def _without_bogons(self, given: pl.DataFrame) -> pl.DataFrame:
        """Drop the answers with addresses that cannot be public, where not most operators give such."""
        of_them = given.join(self.bogons, on="said", how="semi").group_by("q").agg(few=pl.col("op").n_unique())
        everybody = given.group_by("q").agg(all=pl.col("op").n_unique())
        few = of_them.join(everybody, on="q").filter(2 * pl.col("few") <= pl.col("all"))
        bad = given.join(few, on="q", how="semi").join(self.bogons, on="said", how="semi")
        return given.join(bad, on=["said", "op"], how="anti")

    def _alone(self, tokens: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
        """Return q and op of the operators that share no token with the others, while all these share one.

        It is no matter of regions: resolvers of two countries would give its addresses too.
        """
        held = tokens.group_by("mark").agg(holders=pl.col("op").n_unique())
        each = tokens.join(held, on="mark")
        best = each.group_by("q", "op").agg(best=pl.col("holders").max())
        whole = best.group_by("q").agg(operators=pl.len(), most=pl.col("best").max())
        split = whole.filter((pl.col("operators") >= ALONE) & (pl.col("most") == pl.col("operators") - 1))
        lone = best.filter(pl.col("best") == 1).join(split, on="q", how="semi")
        theirs = tokens.join(lone, on=["q", "op"], how="semi").filter(pl.col("token_kind").is_in(NARROW))
        others = told.join(lone, on="q", how="semi").filter((pl.col("role") != "control") & ~pl.col("unfit"))
        others = self.of_rows(others, "country")
        met = others.join(theirs, on="mark")
        regional = met.group_by("q", "op").agg(abroad=pl.col("country").drop_nulls().n_unique())
        return lone.join(regional.filter(pl.col("abroad") >= ABROAD), on=["q", "op"], how="anti").select("q", "op")

    def label(
        self, said: pl.DataFrame, answer: str = "answer", cname: str = "cname", name: str = "said"
    ) -> pl.DataFrame:
        """Add the number of each row's answer; null where there is none."""
        numbers = self.distinct.rename({"answer": answer, "cname": cname, "said": name})
        return said.join(numbers, on=["q", answer, cname], how="left", nulls_equal=True, maintain_order="left")

    def shared(self, published: pl.DataFrame) -> pl.DataFrame:
        """Return per answer and kind of token the least and greatest operator of controls that gave it too."""
        tokens = self.tokens().select("said", "mark")
        met = tokens.join(published.select("mark", "token_kind", "op_least", "op_most"), on="mark")
        return met.group_by("said", "token_kind").agg(pl.col("op_least").min(), pl.col("op_most").max())

    def sharing(self, said: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame:
        """Add *second_said*, and whether other operators' controls share address, prefix, CNAME target.

        *second_shares* says it of a second reply, by address or prefix; *second_contradicts*: it denies
        what the first one answers, or has an address that cannot be on the public Internet, and that
        they do not give. *said* is labelled.
        """
        shared = self.shared(published)
        said = _met(said, shared, "said", SHARES)
        doubled = self.label(said, "second_answer", "second_cname", "second_said")
        named = {ADDRESS: "second_address", PREFIX: "second_prefix"}
        doubled = _met(doubled, shared, "second_said", named)
        shares = pl.col("second_address") | pl.col("second_prefix")
        bogon = pl.col("second_said").is_in(self.bogons["said"].implode()).fill_null(value=False)
        denies = (pl.col("kind") == "answer") & pl.col("second_outcome").is_in(DENIALS).fill_null(value=False)
        doubled = doubled.with_columns(second_shares=shares, second_contradicts=denies | (bogon & ~shares))
        return doubled.drop("second_address", "second_prefix")

    def of_rows(self, rows: pl.DataFrame, *carried: str, kinds: Sequence[int] = ()) -> pl.DataFrame:
        """Return one row per row and token of its answer: *carried*, token_kind, token, mark.

        *kinds* restricts to tokens of these kinds.
        """
        tokens = self.tokens(*kinds).rename({"kind": "token_kind"})
        return rows.select("said", *carried).join(tokens, on="said")

    def texts(self, rows: pl.DataFrame, *carried: str) -> pl.DataFrame:
        """Return one row per row and address (or other RDATA) of its answer: *carried*, token, mark, text."""
        return rows.select("said", *carried).join(self.by_kind[ADDRESS].drop("kind"), on="said")


def _met(said: pl.DataFrame, shared: pl.DataFrame, on: str, names: dict[int, str]) -> pl.DataFrame:
    for kind, name in names.items():
        one = shared.filter(pl.col("token_kind") == kind).select(pl.col("said").alias(on), "op_least", "op_most")
        said = beside(said, one, on)
        other = (pl.col("op_least") != pl.col("op")) | (pl.col("op_most") != pl.col("op"))
        said = said.with_columns(other.fill_null(value=False).alias(name)).drop("op_least", "op_most")
    return said


def _bogons(addresses: pl.DataFrame) -> pl.DataFrame:
    """Return said of the answers with an address that cannot be on the public Internet."""
    perhaps = addresses.filter(pl.col("text").str.contains(PERHAPS)).select("said", "text")
    texts = perhaps["text"].unique()
    known = pl.Series([text for text in texts if special(text)], dtype=pl.String)
    return perhaps.filter(pl.col("text").is_in(known.implode())).select("said").unique().sort("said")


def _tokens(distinct: pl.DataFrame, origins: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Return said, kind, token, mark for every distinct answer, by kind; text where it is kept."""
    rdata = (
        distinct.lazy()
        .filter(pl.col("answer").is_not_null())
        .select("said", "q", addressed=pl.col("qtype").is_in(["A", "AAAA"]), text=pl.col("answer").str.split(" "))
        .explode("text")
        .collect()
    )
    targets = distinct.lazy().filter(pl.col("cname").is_not_null())
    targets = targets.select("said", "q", text=pl.col("cname").str.split(" ")).explode("text")
    within = rdata.lazy().filter("addressed").join(_located(rdata, origins), on="text").collect().lazy()
    parts = {
        ADDRESS: _one_kind(rdata.lazy(), ADDRESS, pl.col("text").hash(ADDRESS), "text"),
        PREFIX: _one_kind(within, PREFIX, pl.col("prefix")),
        CNAME: _one_kind(targets, CNAME, pl.col("text").hash(CNAME), "text"),
        ORIGIN: _one_kind(within, ORIGIN, pl.col("asn")),
        ORGANISATION: _one_kind(within, ORGANISATION, pl.col("owner")),
    }
    return dict(zip(parts, pl.collect_all(list(parts.values())), strict=True))


def _located(rdata: pl.DataFrame, origins: pl.DataFrame) -> pl.LazyFrame:
    """Return where each address lies, as numbers: text, prefix, asn, owner; null where it is not known."""
    addresses = rdata.filter("addressed").select("text").unique()
    # what canonical text shows at a glance is not parsed one by one
    addresses = addresses.with_columns(
        prefix=pl.coalesce(pl.col("text").str.extract(one) for one in (SLASH_24, SLASH_48))
    )
    rare = addresses.filter(pl.col("prefix").is_null()).with_columns(
        pl.col("text").map_elements(prefix, return_dtype=pl.String).alias("prefix")
    )
    owners = origins.lazy().select("asn", "organisation", text="address")
    names = owners.select("organisation").unique().with_columns(owner=organisations.normal(pl.col("organisation")))
    owners = owners.join(names, on="organisation", how="left")  # many addresses are one owner's
    located = pl.concat([addresses.drop_nulls(), rare]).lazy().join(owners, on="text", how="left")
    numbers = {"prefix": PREFIX, "asn": ORIGIN, "owner": ORGANISATION}
    told = (pl.when(pl.col(name).is_not_null()).then(pl.col(name).hash(kind)) for name, kind in numbers.items())
    return located.select("text", *told)


def _one_kind(tokens: pl.LazyFrame, kind: int, token: pl.Expr, *kept: str) -> pl.LazyFrame:
    """Return each *token* that is not null once per answer: said, kind, token, mark, and what is *kept*."""
    columns = ("said", pl.lit(kind, pl.UInt8).alias("kind"), token.alias("token"), _at(token, "q").alias("mark"))
    told = tokens.filter(token.is_not_null()).select(*columns, *kept)
    return told.filter(_at(pl.col("token"), "said").is_first_distinct())


def _at(token: pl.Expr, column: str) -> pl.Expr:
    """Return one number that tells what *token* and *column* would."""
    return token ^ ((pl.col(column).cast(pl.UInt64) + 1) * pl.lit(ODD, pl.UInt64))


@lru_cache(KEPT)
def prefix(address: str) -> str | None:
    """Return the /24 of an IPv4 address or the /48 of an IPv6 address as text; null for anything else."""
    try:
        if ":" not in address:
            return str(ipaddress.IPv4Address(address)).rpartition(".")[0]
        octets = ipaddress.IPv6Address(address).packed
    except ValueError:
        return None
    return ":".join(f"{octets[place] << 8 | octets[place + 1]:x}" for place in (0, 2, 4))
