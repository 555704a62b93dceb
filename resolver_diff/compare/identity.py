"""Does the resolver that was asked answer, or somebody on the way who took the query?

Plain DNS can be answered by anybody on the path, over UDP by a single packet, over TCP by whoever
takes the connection. So each entry over UDP or TCP is held against what the same resolver says over
a transport that is harder to take, and against where its operator's queries leave for the Internet.
Witnesses, as counted here:

    answers   names that it denies, and that the same resolver answers over the other transport
    page      one address for unrelated names to which the other transport gives different ones
    shape     denials that claim authority and show no SOA, none of which come over the other transport
    egress    queries leave from a network in which none of the operator's others do
    itself    NSID or CH TXT are there over one transport only, or name another software

The first three are what it says, the last two who it is. Where they are many, or the network is known
to be a foreign one, one witness is enough; else something said and something more are asked for, as one operator
may well have several machines, caches and exits.

Wrong when an operator filters over one transport only, or has its exits over TCP and UDP in networks
of different owners.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from resolver_diff.compare import replies
from resolver_diff.compare.egress import Exit
from resolver_diff.compare.replies import domain_of
from resolver_diff.config.qnames import is_address
from resolver_diff.tables import Outcome, Purpose, TransportName

HARDNESS = {TransportName.UDP: 0, TransportName.TCP: 1}  # to answer in another's place; any other: 2
PROVEN = 2
NAMES = 3  # registrable domains; what befalls fewer is about the names
MANY = 5  # of them, all in one direction: by chance once in 32 at most
ONE_WAY = 1 / 10  # contradictions in the other direction, of those in this: a cache that lags errs in both
HEARD = 10  # replies, before what is never in them says anything
NEARLY_EVERY = 9 / 10
CHAOS = ("id.server", "hostname.bind", "version.bind")  # RFC 4892
SOFTWARE = "version.bind"  # the same at all machines of a resolver; the other two name the machine
OWNERS = ("register", "isp")  # roles; these may send on to others, and their networks are told by their exits
SHOWN = 3  # names in a sentence
QUESTION = ("qname", "qtype")
TEXTS = ("resolver", *QUESTION, "answer")  # as categories they are compared and joined faster
TOLD = {"r": pl.UInt32(), "intercepted": pl.String()}


@dataclass(frozen=True, slots=True)
class Witness:
    """One thing that speaks for an interception of the entry *r*."""

    r: int
    kind: str
    says: str
    enough: bool  # alone

    @property
    def is_said(self) -> bool:
        """Tell whether it is about what was said; else it is about who said it."""
        return self.kind in {"answers", "page", "shape"}


def intercepted(observations: pl.DataFrame, entries: pl.DataFrame, leaves: dict[int, list[Exit]]) -> pl.DataFrame:
    """Return the entries that somebody else answers for: r, *intercepted*, a sentence with the witnesses.

    *leaves* is the exits of entries.
    """
    plain = entries.filter(pl.col("transport").is_in(list(HARDNESS)))
    pairs = _pairs(plain, entries)
    found: dict[int, list[Witness]] = defaultdict(list)
    for witness in (*_heard(observations, entries, pairs), *_leaving(entries, pairs, leaves)):
        found[witness.r].append(witness)
    rows = [
        (row["r"], _sentence(row, found[row["r"]]))
        for row in plain.sort("r").iter_rows(named=True)
        if _is_enough(found[row["r"]])
    ]
    return pl.DataFrame(rows, schema=TOLD, orient="row")


def _is_enough(witnesses: list[Witness]) -> bool:
    kinds = {witness.kind for witness in witnesses}
    return any(one.enough for one in witnesses) or (len(kinds) > 1 and any(one.is_said for one in witnesses))


def _sentence(row: dict[str, object], witnesses: list[Witness]) -> str:
    whom = row["at"] or row["resolver"]
    found = "; ".join(witness.says for witness in witnesses)
    return f"{str(row['transport']).upper()} to {whom} is answered by somebody else: {found}"


def hardness() -> pl.Expr:
    """Return how hard it is to answer in place of an entry."""
    steps = {str(name): number for name, number in HARDNESS.items()}
    return pl.col("transport").cast(pl.String).replace_strict(steps, default=PROVEN, return_dtype=pl.UInt8)


def _pairs(plain: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return r and s, the same resolver over a transport that is harder to take, and *over*, that transport.

    The same address may stand under two names; behind one address on loopback stand many operators.
    """
    columns = ["r", "op", "address", "who"]
    harder = entries.select("op", "address", "who", s="r", over=pl.col("transport").cast(pl.String), hard=hardness())
    both = plain.select(*columns, own=hardness()).join(harder, on="op", suffix="_other")
    same = (pl.col("address") == pl.col("address_other")) | (pl.col("who") == pl.col("who_other"))
    return both.filter(same & (pl.col("hard") > pl.col("own"))).select("r", "s", "over").sort("r", "s")


def _heard(observations: pl.DataFrame, entries: pl.DataFrame, pairs: pl.DataFrame) -> Iterator[Witness]:
    """Yield what is told by replies over two transports."""
    if not pairs.height:
        return
    concerned = entries.filter(pl.col("r").is_in(pl.concat([pairs["r"], pairs["s"]]).implode()))
    rows = replies.as_categories(observations.filter(pl.col("reply").is_not_null()), *TEXTS)
    named = replies.as_categories(concerned.select("r", "resolver", "transport"), "resolver")
    rows = rows.join(named, on=["resolver", "transport"]).with_columns(kind=replies.kind_of())
    targets = rows.filter(pl.col("purpose") == Purpose.TARGET)
    names = {row["r"]: row["over"] for row in pairs.iter_rows(named=True)}
    yield from _answers(targets, pairs, names)
    yield from _pages(targets, pairs, names)
    yield from _shapes(rows, pairs, names)
    yield from _itself(rows, pairs, names)


def _answers(targets: pl.DataFrame, pairs: pl.DataFrame, over: dict[int, str]) -> Iterator[Witness]:
    denials = targets.filter(pl.col("kind") == "denial").select("r", *QUESTION, domain=_domain()).unique()
    answers = targets.filter(pl.col("kind") == "answer").select("r", *QUESTION).join(denials, on=QUESTION, how="semi")
    answers = answers.unique()
    against = pairs.join(denials, on="r").join(answers, left_on=["s", *QUESTION], right_on=["r", *QUESTION])
    other_way = pairs.join(answers, on="r").join(denials, left_on=["s", *QUESTION], right_on=["r", *QUESTION])
    reverse = other_way.group_by("r").agg(reverse=pl.col("domain").n_unique())
    against = against.with_columns(pl.col("qname").cast(pl.String))
    counts = against.group_by("r").agg(
        domains=pl.col("domain").n_unique(), names=pl.col("qname").n_unique(), some=pl.col("qname").unique().sort()
    )
    counts = counts.join(reverse, on="r", how="left").with_columns(pl.col("reverse").fill_null(0))
    for row in counts.filter(pl.col("domains") >= NAMES, pl.col("reverse") <= ONE_WAY * pl.col("domains")).iter_rows(
        named=True
    ):
        says = f"{row['names']} names that it denies are answered over {over[row['r']]} ({_some(row['some'])})"
        yield Witness(row["r"], "answers", says, enough=row["domains"] >= MANY)


def _pages(targets: pl.DataFrame, pairs: pl.DataFrame, over: dict[int, str]) -> Iterator[Witness]:
    answers = targets.filter(pl.col("kind") == "answer", pl.col("qtype").is_in(["A", "AAAA"]))
    answers = answers.select("r", *QUESTION, "answer")
    given = answers.join(pairs.select("r").unique(), on="r", how="semi")
    same = ["r", "answer"]
    given = given.join(given.group_by(same).len().filter(pl.col("len") >= NAMES), on=same, how="semi")
    given = given.with_columns(domain=_domain()).unique()
    many = given.group_by(same).agg(domains=pl.col("domain").n_unique()).filter(pl.col("domains") >= NAMES)
    met = given.join(many, on=same, how="semi").join(pairs, on="r")
    met = met.join(answers, left_on=["s", *QUESTION], right_on=["r", *QUESTION], suffix="_other")
    met = met.with_columns(pl.col("answer", "answer_other").cast(pl.String))
    apart = pl.col("answer").str.split(" ").list.set_intersection(pl.col("answer_other").str.split(" ")).list.len() == 0
    counts = met.group_by("r", "answer").agg(
        apart=apart.all(), domains=pl.col("domain").n_unique(), others=pl.col("answer_other").n_unique()
    )
    counts = counts.filter("apart", pl.min_horizontal("domains", "others") >= NAMES).sort("r", "domains", "answer")
    for row in counts.unique("r", keep="last", maintain_order=True).iter_rows(named=True):
        says = (
            f"{row['domains']} unrelated names lead to {row['answer']}, over {over[row['r']]} to {row['others']} places"
        )
        yield Witness(row["r"], "page", says, enough=row["others"] >= MANY)


def _shapes(rows: pl.DataFrame, pairs: pl.DataFrame, over: dict[int, str]) -> Iterator[Witness]:
    bare = pl.col("aa") & pl.col("soa").is_null() & pl.col("authority").is_not_null()
    denials = rows.filter(pl.col("kind") == "denial").with_columns(domain=_domain()).group_by("r")
    counts = denials.agg(
        denials=pl.len(), bare=bare.fill_null(value=False).sum(), domains=pl.col("domain").filter(bare).n_unique()
    )
    others = pairs.join(counts, left_on="s", right_on="r").group_by("r")
    usual = others.agg(other_bare=pl.col("bare").sum(), other_denials=pl.col("denials").sum())
    odd = counts.join(usual, on="r").filter(
        pl.col("domains") >= NAMES, pl.col("other_bare") == 0, pl.col("other_denials") > 0
    )
    for row in odd.iter_rows(named=True):
        says = f"{row['bare']} denials claim authority and show no SOA, none over {over[row['r']]}"
        yield Witness(row["r"], "shape", says, enough=False)


def _itself(rows: pl.DataFrame, pairs: pl.DataFrame, over: dict[int, str]) -> Iterator[Witness]:
    """Yield where NSID (RFC 5001) or CH TXT (RFC 4892) show another than the resolver that was asked."""
    usual = rows.filter(pl.col("purpose") != Purpose.IDENTITY).group_by("r")
    nsid = usual.agg(replies=pl.len(), named=pl.col("nsid").is_not_null().sum())
    both = pairs.join(nsid, on="r").join(nsid, left_on="s", right_on="r", suffix="_other")
    enough = pl.min_horizontal("replies", "replies_other") >= HEARD
    always = NEARLY_EVERY * pl.col("replies_other") <= pl.col("named_other")
    for r in sorted(both.filter(enough & (pl.col("named") == 0) & always)["r"].unique()):
        yield Witness(r, "itself", f"it never gives the NSID that comes over {over[r]}", enough=False)
    chaos = rows.filter(pl.col("purpose") == Purpose.IDENTITY)
    chaos = chaos.with_columns(pl.col("qname").cast(pl.String)).filter(pl.col("qname").is_in(CHAOS))
    told = chaos.group_by("r", "qname").agg(
        text=pl.col("answer")
        .cast(pl.String)
        .filter(pl.col("outcome") == Outcome.ANSWER)
        .drop_nulls()
        .unique()
        .sort()
        .str.join(", ")
    )
    met = pairs.join(told, on="r").join(told, left_on=["s", "qname"], right_on=["r", "qname"], suffix="_other")
    lacks = (pl.col("text") == "") != (pl.col("text_other") == "")
    other = (pl.col("text") != pl.col("text_other")) & (pl.col("qname") == SOFTWARE)
    for row in met.filter(lacks | other).sort("r", "qname").unique("r", keep="first").sort("r").iter_rows(named=True):
        here, there = (row[name] or "nothing" for name in ("text", "text_other"))
        yield Witness(row["r"], "itself", f"{row['qname']} is {here}, over {row['over']} {there}", enough=False)


def _leaving(entries: pl.DataFrame, pairs: pl.DataFrame, leaves: dict[int, list[Exit]]) -> Iterator[Witness]:
    """Yield the entries whose queries leave from a foreign network."""
    same = {r: set(pairs.filter(pl.col("r") == r)["s"]) for r in pairs["r"].unique()}
    rows = {row["r"]: row for row in entries.iter_rows(named=True)}
    by_operator: dict[int, list[int]] = defaultdict(list)
    for r in leaves:
        by_operator[rows[r]["op"]].append(r)
    others = [(rows[r], one) for r in leaves for one in leaves[r] if _is_its_own(rows[r], one)]
    for r in sorted(leaves):
        row = rows[r]
        if row["transport"] not in HARDNESS or (row["role"] in OWNERS and not same.get(r)):
            continue
        own = [one for s in same.get(r, ()) for one in leaves.get(s, ())]
        kin = own or [
            one
            for s in by_operator[row["op"]]
            if rows[s]["address"] != row["address"] and rows[s]["who"] != row["who"]
            for one in leaves[s]
        ]
        whose = [(other, one) for other, one in others if other["op"] != row["op"]]
        yield from _foreign(r, leaves[r], own, kin, whose)


def _is_its_own(row: dict[str, object], one: Exit) -> bool:
    """Tell the exits that lie in the network of a register or an ISP, not in that of whom an ISP sends on to."""
    if row["role"] != "isp":
        return row["role"] == "register"
    return is_address(str(row["at"])) and Exit(str(row["at"])).is_near(one)


def _foreign(
    r: int, left: Iterable[Exit], own: list[Exit], kin: list[Exit], whose: list[tuple[dict[str, object], Exit]]
) -> Iterator[Witness]:
    """Yield the first address that is none of the operator's, if there is one.

    *own* are the exits of the same resolver over the other transports, *kin* these or those of the operator's
    other entries, *whose* those of registers and networks.
    """
    for one in left:
        comparable = [other for other in kin if one.is_comparable(other)]
        if any(one.is_near(other) for other in comparable):
            continue
        holder = next((row for row, other in whose if one.is_beside(other)), None)
        if not comparable and (holder is None or holder["role"] != "register"):
            continue
        text = f"its queries leave from {one}"
        text += f", the network of {holder['resolver']}" if holder is not None else ""
        text += f", and {'over the other transport' if own else 'elsewhere'} from {comparable[0]}" if comparable else ""
        known = bool(own and comparable) and one.asn is not None and all(other.asn is not None for other in comparable)
        yield Witness(r, "egress", text, enough=known or holder is not None)
        return


def _domain() -> pl.Expr:
    return domain_of(pl.col("qname").cast(pl.String)).hash()


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
