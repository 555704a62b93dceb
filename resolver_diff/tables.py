"""The tables that flow from stage to stage, and what each of their columns means.

Singular things are dataclasses; plural things are tables: polars frames whose
columns are declared here, once. null means *there was nothing*: never zero,
never "unknown", never a vote.
"""

# long because all that stages share is declared here, once, one column a line

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar, Self

import polars as pl


class Purpose(StrEnum):
    """Why a question is asked."""

    TARGET = "target"  # a name people care about
    CONTROL = "control"  # a stable name, before and after: is the resolver well?
    CANARY = "canary"  # a random name that cannot exist: are denials rewritten?
    IDENTITY = "identity"  # who really answers: CH TXT id.server, egress address


class Outcome(StrEnum):
    """How one query ended."""

    ANSWER = "answer"  # with records of the type asked for
    NODATA = "nodata"  # RFC 2308: the name exists, the type does not
    NXDOMAIN = "nxdomain"  # the name does not exist
    SERVFAIL = "servfail"  # the resolver could not find out
    REFUSED = "refused"  # the resolver would not say
    OTHER_RCODE = "other-rcode"  # another error; the column rcode has its number
    TIMEOUT = "timeout"  # no reply came in time
    MALFORMED = "malformed"  # what came could not be read
    UNREACHABLE = "unreachable"  # ICMP or the socket said so
    TLS_ERROR = "tls-error"  # the handshake or the certificate; the column trouble says what
    HTTP_ERROR = "http-error"  # a status that is not 200, or no DNS message; trouble says which


QUORUM = 2  # operators of controls; one alone is an opinion, not a consensus
DENIALS = (Outcome.NXDOMAIN, Outcome.NODATA)
SILENCES = (Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.MALFORMED, Outcome.TLS_ERROR, Outcome.HTTP_ERROR)
FAILURES = (Outcome.SERVFAIL, Outcome.REFUSED, Outcome.OTHER_RCODE)


class TransportName(StrEnum):
    """How queries are carried; reports print Do53, DoT, DoH, DoH3, DoQ."""

    UDP = "udp"  # Do53
    TCP = "tcp"  # Do53
    TLS = "tls"  # DoT
    HTTPS = "https"  # DoH, by HTTP/2
    H3 = "h3"  # DoH3
    QUIC = "quic"  # DoQ


class State(StrEnum):
    """What one cell (qname, qtype, resolver, transport, date) is, next to the controls."""

    AGREES = "agrees"  # says what the controls say
    VANISHED = "vanished"  # denied, failed or silent here, while the controls answer
    DIVERGENT = "divergent"  # answers what no control would
    GONE = "gone"  # the controls deny it too: the name itself lapsed
    INSUFFICIENT = "insufficient"  # cannot be told; not the same as fine


class Change(StrEnum):
    """What happened to one cell between two dates."""

    VANISHED = "vanished"  # it answered as the controls do, and now denies, fails or stays silent
    DIVERGED = "diverged"  # it answered as the controls do, and now answers what none of them would
    REAPPEARED = "reappeared"  # it had vanished, and answers again
    CONVERGED = "converged"  # its answer is an honest one again
    MECHANISM_CHANGED = "mechanism-changed"  # still wrong, by other means: no unblocking


class Mechanism(StrEnum):
    """By what a name vanished or diverged."""

    NXDOMAIN = "nxdomain"  # it says that the name does not exist
    NODATA = "nodata"  # it says that the name has no such record
    SERVFAIL = "servfail"  # it fails to look the name up
    REFUSED = "refused"  # it refuses, or gives another error
    TIMEOUT = "timeout"  # no reply that could be read
    BOGON = "bogon"  # an address that cannot be on the public Internet
    STUB = "stub"  # one address (or CNAME target) for many unrelated names
    BLOCKPAGE = "blockpage"  # an address (or CNAME target) known, from a list, to stand for blocked names
    FORGED = "forged"  # an address nobody else gives, for this name
    INJECTED = "injected"  # a second, different reply to the same query
    POLICY = "policy"  # the resolver says so itself: EDE 4, 15, 16, 17


class Column:
    """One column of a table: its type, what it means, and whether it may be null."""

    __slots__ = ("dtype", "meaning", "name", "nullable")

    def __init__(self, dtype: pl.DataType, meaning: str, *, nullable: bool = False) -> None:
        self.dtype = dtype
        self.meaning = meaning
        self.nullable = nullable
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


class Table:
    """A polars frame that has exactly the columns its class declares, in that order."""

    columns: ClassVar[tuple[Column, ...]] = ()
    schema: ClassVar[dict[str, pl.DataType]] = {}

    def __init_subclass__(cls) -> None:
        """Gather the declared columns, inherited ones first."""
        own = tuple(value for value in vars(cls).values() if isinstance(value, Column))
        cls.columns = (*cls.columns, *own)
        cls.schema = {column.name: column.dtype for column in cls.columns}

    def __init__(self, frame: pl.DataFrame) -> None:
        if dict(frame.schema) != self.schema or frame.columns != list(self.schema):
            raise TypeError(_mismatch(type(self).__name__, self.schema, dict(frame.schema)))
        self.frame = frame

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Self:
        """Select and cast the declared columns of *frame*; a column it lacks becomes null."""
        missing = [
            pl.lit(None, dtype=dtype).alias(name) for name, dtype in cls.schema.items() if name not in frame.columns
        ]
        return cls(frame.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in cls.schema.items()))

    @classmethod
    def empty(cls) -> Self:
        """Return a table without rows."""
        return cls(pl.DataFrame(schema=cls.schema))

    def __len__(self) -> int:
        return self.frame.height

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield each row by column name; for reports, never for the hot path."""
        return self.frame.iter_rows(named=True)


def _mismatch(name: str, wanted: dict[str, pl.DataType], got: dict[str, pl.DataType]) -> str:
    missing = [column for column in wanted if column not in got]
    extra = [column for column in got if column not in wanted]
    wrong = [
        f"{column} is {got[column]}, not {wanted[column]}"
        for column in wanted
        if column in got and got[column] != wanted[column]
    ]
    return f"{name}: missing {missing}, extra {extra}, wrong type {wrong}, or in another order"


TIME = pl.Datetime("us", "UTC")
INTERVAL = pl.Duration("us")
PURPOSE = pl.Enum(Purpose)
OUTCOME = pl.Enum(Outcome)
TRANSPORT = pl.Enum(TransportName)
STATE = pl.Enum(State)
CHANGE = pl.Enum(Change)
MECHANISM = pl.Enum(Mechanism)


class Questions(Table):
    """What a run asks; one row per question, a question being put to one resolver."""

    number = Column(pl.UInt64(), "The question's place in the plan; the same for the same plan, so that a broken run can go on.")
    domain_set = Column(pl.String(), "The file in domains/ that lists the name; null for control, canary and identity questions.", nullable=True)
    purpose = Column(PURPOSE, "Why it is asked.")
    qname = Column(pl.String(), "Lower case, A-label form, no final dot.")
    qtype = Column(pl.String(), "Mnemonic: A, AAAA, TYPE65280.")
    resolver = Column(pl.String(), "The entry of resolvers.yaml that is asked.")
    repeat = Column(pl.UInt8(), "How often the run has put this question to this entry before.")
    due = Column(pl.Float64(), "Seconds after the start of its batch when the query may leave.")


class Observations(Table):
    """What was said: one row per query sent and reply received; a query nobody answered is one row."""

    asked_at = Column(TIME, "When the query left; null: the question was withheld from a resolver in trouble, and trouble says why. Such a row says nothing of the name. A snapshot keeps it rounded down: to the second, or to 1/128 of the time its batch of questions took if that is less; of control questions as it was, where these would else be told apart no more.", nullable=True)
    resolver = Column(pl.String(), "Which entry of resolvers.yaml was asked.")
    transport = Column(TRANSPORT, "How the query was carried.")
    purpose = Column(PURPOSE, "target, control, canary or identity.")
    qname = Column(pl.String(), "Lower case, A-label form, no final dot.")
    qtype = Column(pl.String(), "Mnemonic: A, AAAA, TYPE65280.")
    attempt = Column(pl.UInt8(), "How often the question had been asked before: 0 is the first time.")
    repeat = Column(pl.UInt8(), "Which of several times, spread over the run, that the question was put: 0 is the first; each has its attempts.")
    reply = Column(pl.UInt8(), "How many replies to this query came before this one, truncated ones not counted: above 0 is a second reply, a sign of injection; null: no reply.", nullable=True)
    outcome = Column(OUTCOME, "How the query ended.")
    rcode = Column(pl.UInt16(), "The RCODE as received, extended bits included (RFC 6891).", nullable=True)
    aa = Column(pl.Boolean(), "Authoritative Answer.", nullable=True)
    tc = Column(pl.Boolean(), "A reply over UDP was truncated; everything else in the row then came over TCP, or nothing did.", nullable=True)
    ra = Column(pl.Boolean(), "Recursion Available.", nullable=True)
    ad = Column(pl.Boolean(), "Authentic Data (RFC 4035).", nullable=True)
    answer = Column(pl.String(), "RDATA of the RRset asked for at the end of the CNAME chain: presentation form, each once, sorted, a space between; spaces within one RDATA are \\032.", nullable=True)
    answer_hash = Column(pl.UInt64(), "blake2b of the answer, 8 octets, little endian: the same in every version, for whoever compares days outside of this program.", nullable=True)
    cname = Column(pl.String(), "Targets of the CNAME chain, in order, a space between.", nullable=True)
    ttl = Column(pl.UInt32(), "Smallest TTL of the answer and its chain, in seconds; of the SOA in a denial.", nullable=True)
    soa = Column(pl.String(), "Owner of the SOA in AUTHORITY: whose denial this is. null: a denial without proof.", nullable=True)
    authority = Column(pl.UInt16(), "Records in AUTHORITY; null in a reply: nobody noted them, as in a table from elsewhere, and its missing SOA says nothing.", nullable=True)
    ede = Column(pl.List(pl.UInt16()), "INFO-CODEs of Extended DNS Errors (RFC 8914), in order; null: none.", nullable=True)
    ede_text = Column(pl.String(), "EXTRA-TEXT of the first Extended DNS Error that has one; octets that are not UTF-8 as \\xNN.", nullable=True)
    nsid = Column(pl.String(), "Name Server Identifier (RFC 5001): as text when it is printable ASCII, else in hexadecimal after 0x.", nullable=True)
    size = Column(pl.UInt32(), "Octets received.", nullable=True)
    rtt = Column(INTERVAL, "From query to reply; of the query repeated over TCP where tc says so. A snapshot keeps seven significant bits of the microseconds: it is right to 0.8 %.", nullable=True)
    trouble = Column(pl.String(), "What was wrong where no DNS message came: the fault of a certificate, the status of HTTP, the word of ICMP; or why it was not asked.", nullable=True)
    wire = Column(pl.Binary(), "The message itself, only with --keep-wire.", nullable=True)


class Anomalies(Table):
    """One row per cell that changed, or that is wrong today; the columns of the CSV, in its order."""

    date_before = Column(pl.Date(), "The earlier date; null when one date was judged alone.", nullable=True)
    date_after = Column(pl.Date(), "The later date.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    domain_set = Column(pl.String(), "The file in domains/ that lists the name.")
    qname = Column(pl.String(), "Lower case, A-label form, no final dot.")
    qtype = Column(pl.String(), "Mnemonic.")
    resolver = Column(pl.String(), "The entry of resolvers.yaml.")
    operator = Column(pl.String(), "Who runs it.", nullable=True)
    country = Column(pl.String(), "Where it belongs: ISO 3166-1, two letters.", nullable=True)
    role = Column(pl.String(), "control, register, isp or public.")
    transport = Column(TRANSPORT, "How it was asked.")
    change = Column(CHANGE, "What happened; for one date alone, vanished or diverged.")
    mechanism = Column(MECHANISM, "By what, on the later date; on the earlier one when it came back.")
    outcome_before = Column(OUTCOME, "How the question ended on the earlier date.", nullable=True)
    outcome_after = Column(OUTCOME, "How the question ended on the later date.")
    answer_before = Column(pl.String(), "The answer on the earlier date.", nullable=True)
    answer_after = Column(pl.String(), "The answer on the later date.", nullable=True)
    controls_agreeing = Column(pl.UInt32(), "Operators of controls that answer as the consensus says, on the later date.")
    controls_asked = Column(pl.UInt32(), "Operators of controls that were asked and kept their vote.")
    repeats = Column(pl.UInt8(), "How often the question was put on the later date, spread over the run.", nullable=True)
    repeats_alike = Column(pl.UInt8(), "Of these, the times that it ended as outcome_after says, next to the controls.", nullable=True)
    share_low = Column(pl.Float64(), "Low end of the 95 % interval (Wilson's) of the share of times that it ends so; null: put once.", nullable=True)
    share_high = Column(pl.Float64(), "High end of it.", nullable=True)
    evidence_for = Column(pl.String(), "Names of the evidence that supports it, a space between.", nullable=True)
    evidence_against = Column(pl.String(), "Names of the evidence that weakens it, a space between.", nullable=True)
    confidence = Column(pl.Float64(), "Of the cells that differed like this on the same evidence in labelled data, the share that was blocked; null: never measured.", nullable=True)
    confidence_low = Column(pl.Float64(), "The lower bound of its 95 % interval (Wilson).", nullable=True)
    confidence_high = Column(pl.Float64(), "The upper bound.", nullable=True)
    confidence_cases = Column(pl.UInt32(), "Of how many cases: cells of one name in one country are one.", nullable=True)
    confidence_says = Column(pl.String(), "The same in words, and `never measured` where it was not; null: nobody looked.", nullable=True)
    first_seen = Column(pl.Date(), "First date, of those compared, on which the cell was wrong in this way.")
    event = Column(pl.String(), "The event it belongs to.")


class Events(Table):
    """Cells of one cause, gathered: one row instead of a thousand alerts."""

    event = Column(pl.String(), "A short name that stays the same when the same snapshots are judged again.")
    change = Column(CHANGE, "What happened.")
    mechanisms = Column(pl.List(pl.String()), "By what, sorted.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    country = Column(pl.String(), "Of the resolvers.", nullable=True)
    role = Column(pl.String(), "Of the resolvers.")
    domain_set = Column(pl.String(), "The names' set.")
    qnames = Column(pl.List(pl.String()), "The names, sorted.")
    resolvers = Column(pl.List(pl.String()), "The resolvers where it was seen, sorted.")
    cells = Column(pl.UInt32(), "Anomalies in the event.")
    witnesses = Column(pl.UInt32(), "Resolvers where it was seen.")
    denominator = Column(pl.UInt32(), "Resolvers of that country and role that could be judged on these names.")
    last_good = Column(pl.Date(), "Last date before it, of those compared.", nullable=True)
    first_bad = Column(pl.Date(), "First date of it, of those compared.")
    says = Column(pl.String(), "The event as a sentence.")
    confidence = Column(pl.Float64(), "That of most of its anomalies; null: never measured.", nullable=True)
    confidence_low = Column(pl.Float64(), "The lower bound of its 95 % interval (Wilson).", nullable=True)
    confidence_high = Column(pl.Float64(), "The upper bound.", nullable=True)
    confidence_cases = Column(pl.UInt32(), "Of how many cases.", nullable=True)
    confidence_says = Column(pl.String(), "The same in words, and `never measured` where it was not; null: nobody looked.", nullable=True)


class Spells(Table):
    """One row per name, country and run of dates on which resolvers there lost it or answered otherwise."""

    vantage = Column(pl.String(), "Where resolver_diff ran.")
    domain_set = Column(pl.String(), "The file in domains/ that lists the name.")
    qname = Column(pl.String(), "The name.")
    qtypes = Column(pl.List(pl.String()), "Which questions about it, sorted.")
    country = Column(pl.String(), "Of the resolvers.")
    mechanisms = Column(pl.List(pl.String()), "By what, sorted.")
    resolvers = Column(pl.List(pl.String()), "Where it was seen, sorted.")
    denominator = Column(pl.UInt32(), "Resolvers of the country that are asked, controls and filters that people choose left out.")
    last_good = Column(pl.Date(), "Last date before it on which those who lost it first had it; null: none had.", nullable=True)
    first_bad = Column(pl.Date(), "First date of it.")
    reported = Column(pl.Date(), "The date on which there was enough to tell it from chance.")
    last_bad = Column(pl.Date(), "Last date of it, so far.")
    first_good = Column(pl.Date(), "First date after it; null: it goes on.", nullable=True)
    weight = Column(pl.Float64(), "How much more likely all of it is under a block than by the best innocent explanation: the natural logarithm, beyond the price of picking these resolvers.")
    by_chance = Column(pl.Float64(), "The greatest chance, when it was reported, that a resolver shows such a sign for any name.")
    elsewhere = Column(pl.Float64(), "The share of resolvers in other countries that showed it too, at most.")
    at_once = Column(pl.Float64(), "The share of names that most of the country's resolvers lost on the same date, at most.")
    evidence = Column(pl.List(pl.String()), "Names of the evidence on its cells, sorted.")
    event = Column(pl.String(), "The event it belongs to: names of one set that a country's resolvers lost together, by the same kind of means.")
    says = Column(pl.String(), "The event as a sentence.")
    confidence = Column(pl.Float64(), "Of the spells by the same means in labelled data, the share that was a block; null: never measured.", nullable=True)
    confidence_low = Column(pl.Float64(), "The lower bound of its 95 % interval (Wilson).", nullable=True)
    confidence_high = Column(pl.Float64(), "The upper bound.", nullable=True)
    confidence_cases = Column(pl.UInt32(), "Of how many spells.", nullable=True)
    confidence_says = Column(pl.String(), "The same in words, and `never measured` where it was not; null: nobody looked.", nullable=True)


class Courses(Table):
    """One row per event, over all the dates that were followed: the spells that it gathers, as one."""

    event = Column(pl.String(), "As in the spells: the same as long as the dates, and what they show of it, reach back to where it began.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    country = Column(pl.String(), "Of the resolvers.")
    domain_set = Column(pl.String(), "The file in domains/ that lists the names.")
    means = Column(pl.String(), "The kind of means: denial, failure, other address, injected or policy.")
    mechanisms = Column(pl.List(pl.String()), "By what, sorted.")
    qnames = Column(pl.List(pl.String()), "The names, sorted.")
    going_on = Column(pl.List(pl.String()), "Of these, the ones of which it goes on, sorted.")
    resolvers = Column(pl.List(pl.String()), "Where it was seen, sorted.")
    denominator = Column(pl.UInt32(), "Resolvers of the country that are asked, as in the spells.")
    last_good = Column(pl.Date(), "The last date before it; null: it may have begun before the first date.", nullable=True)
    first_bad = Column(pl.Date(), "The first date of it.")
    reported = Column(pl.Date(), "The date on which there was enough to tell some of it from chance.")
    last_bad = Column(pl.Date(), "The last date of it, so far.")
    first_good = Column(pl.Date(), "The first date after it; null: it goes on.", nullable=True)
    by_chance = Column(pl.Float64(), "As in the spells, the greatest of them.")
    elsewhere = Column(pl.Float64(), "As in the spells, the greatest of them.")
    at_once = Column(pl.Float64(), "As in the spells, the greatest of them.")
    evidence = Column(pl.List(pl.String()), "Names of the evidence on its cells, sorted.")
    says = Column(pl.String(), "The event as a sentence.")
    confidence = Column(pl.Float64(), "That of most of its spells; null: never measured.", nullable=True)
    confidence_low = Column(pl.Float64(), "The lower bound of its 95 % interval (Wilson).", nullable=True)
    confidence_high = Column(pl.Float64(), "The upper bound.", nullable=True)
    confidence_cases = Column(pl.UInt32(), "Of how many spells.", nullable=True)
    confidence_says = Column(pl.String(), "The same in words, and `never measured` where it was not; null: nobody looked.", nullable=True)


class Condition(StrEnum):
    """How a resolver was on a date."""

    WELL = "well"  # nothing is known against it
    SILENT = "silent"  # it said nothing at all
    ILL = "ill"  # it failed its own control names, or a third of everything
    LOSSY = "lossy"  # silence or failures that strike any name; cells that chance explains are not judged
    REWRITES_NXDOMAIN = "rewrites-nxdomain"  # it answers names that cannot exist
    CATCH_ALL = "catch-all"  # it answers nearly every name with one address, names that the controls deny too
    INTERCEPTED = "intercepted"  # somebody else answers in its place, over this transport
    STRIPS_QTYPE = "strips-qtype"  # it denies one qtype for nearly every name that has it


class Health(Table):
    """One row per resolver, date and vantage: is it fit to be judged, and as a control to vote?"""

    date = Column(pl.Date(), "The snapshot's date.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    resolver = Column(pl.String(), "The entry of resolvers.yaml.")
    transport = Column(TRANSPORT, "How it was asked.")
    condition = Column(pl.Enum(Condition), "How it was.")
    asked = Column(pl.UInt32(), "Questions put to it.")
    silent = Column(pl.UInt32(), "Questions that no attempt got a reply to.")
    failed = Column(pl.UInt32(), "Questions that ended in SERVFAIL, REFUSED or another error RCODE.")
    control_asked = Column(pl.UInt32(), "Control questions that the controls' consensus answers.")
    control_failed = Column(pl.UInt32(), "Of these, the ones it did not answer.")
    votes = Column(pl.Boolean(), "It is a control, and its vote counts.")
    says = Column(pl.String(), "The condition as a sentence, and what else there is to say of it; null when that is nothing.", nullable=True)


class Coverage(Table):
    """One row per vantage, country or resolver of which many fewer cells than usual, or none at all of the vantage, could be judged on a date; controls left out."""

    date = Column(pl.Date(), "The date.")
    vantage = Column(pl.String(), "Where resolver_diff ran.")
    country = Column(pl.String(), "Of the resolvers; null: of all of them, or not known.", nullable=True)
    resolver = Column(pl.String(), "The entry of resolvers.yaml; null: all of the country, or of the vantage.", nullable=True)
    transport = Column(TRANSPORT, "How that one was asked.", nullable=True)
    judged = Column(pl.UInt32(), "Cells that could be judged.")
    asked = Column(pl.UInt32(), "Of so many that were asked.")
    usual = Column(pl.UInt32(), "Cells that could be judged on earlier dates: the median; 0 where there are too few dates.")
    least = Column(pl.UInt32(), "The fewest on any of these.")
    dates = Column(pl.UInt32(), "How many earlier dates tell what is usual, of the last 30.")
    unfit = Column(pl.UInt32(), "Cells more than usual at resolvers that were silent or ill.")
    undecided = Column(pl.UInt32(), "Cells more than usual on which too few controls agree.")
    not_asked = Column(pl.UInt32(), "Cells fewer than usual that were asked.")
    says = Column(pl.String(), "All of it as a sentence.")


class Origins(Table):
    """Whose network an address is in, as it was known when the snapshot was taken; one row per address."""

    address = Column(pl.String(), "An IPv4 or IPv6 address that somebody answered with.")
    asn = Column(pl.UInt32(), "Number of the Autonomous System that announces it.", nullable=True)
    organisation = Column(pl.String(), "Who that system belongs to, as the source names it.", nullable=True)
    prefix = Column(pl.String(), "The announced prefix it lies in.", nullable=True)
    source = Column(pl.String(), "Where this is known from.", nullable=True)


class KnownAnswers(Table):
    """What stands for blocked names, and for nothing else, as lists have it; one row per line of a list."""

    value = Column(pl.String(), "An address, or a CNAME target.")
    country = Column(pl.String(), "Where it was seen: ISO 3166-1, two letters.", nullable=True)
    noted = Column(pl.Date(), "When that was known.", nullable=True)
    source = Column(pl.String(), "Where this is known from.", nullable=True)


class Tags(Table):
    """What an address shows to whoever looks, without a name: as services that scan the Internet publish it."""

    address = Column(pl.String(), "An IPv4 or IPv6 address that somebody answered with.")
    certificate = Column(pl.String(), "A hash, or another mark, of the certificate it shows.", nullable=True)
    page = Column(pl.String(), "A hash, or another mark, of the page it shows.", nullable=True)


class Certificates(Table):
    """What TLS handshakes told about answers, some of the controls' among them; one row per name and address."""

    qname = Column(pl.String(), "The name asked for, and sent as SNI.")
    address = Column(pl.String(), "The address that was connected to.")
    valid = Column(pl.Boolean(), "A certificate for that name, from an authority that is trusted, was shown; null: none was shown at all.", nullable=True)
    why = Column(pl.String(), "What was wrong; null where it was valid.", nullable=True)
    again = Column(pl.Boolean(), "As valid, of a second handshake later in the run, where the first did not go well; null: none was tried, or no certificate shown.", nullable=True)
    again_why = Column(pl.String(), "What was wrong the second time; null where it was valid, or not tried.", nullable=True)
    names = Column(pl.String(), "The names in the certificate, a space between; whoever shows it can write there what he likes.", nullable=True)
    issuer = Column(pl.String(), "Who issued it, by its own account.", nullable=True)
    fingerprint = Column(pl.String(), "SHA-256 of the certificate, in hexadecimal.", nullable=True)
    status = Column(pl.UInt16(), "Status of the response to one GET of /; null: not asked, or none came.", nullable=True)
    title = Column(pl.String(), "Title of the page that came with it.", nullable=True)
    body_hash = Column(pl.String(), "SHA-256 of the page, of its first 64 KiB at most, in hexadecimal.", nullable=True)
