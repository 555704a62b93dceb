"""Names of organisations as different registers write them, made alike: "AKAMAI-AS", "Akamai Technologies, Inc."."""

import polars as pl

COUNTRY = r",\s*[a-z]{2}$"  # as Team Cymru's table ends names
APART = r"[^\p{L}\p{N}]+"
FORMS = (
    *("s p a", "s r l", "s r o", "l l c", "sp z o o", "s a s", "a s a", "b v", "n v", "s a", "a s", "a g", "k k"),
    *("inc", "incorporated", "llc", "ltd", "limited", "gmbh", "ag"),
    *("bv", "nv", "sa", "sas", "sarl", "srl", "spa", "sro"),
    *("plc", "corp", "corporation", "co", "company", "pte", "pty", "pvt", "private", "oy", "oyj", "ab", "asa", "aps"),
    *("kg", "se", "kk", "jsc", "ojsc", "pjsc", "cjsc", "ooo", "oao", "zao", "pao", "ao", "tov", "doo", "ltda", "eirl"),
    *("group", "holding", "holdings", "international", "technology", "technologies", "the"),
)
HANDLE = r"(?:asn?\d*|as\d+|asblock|block|0\d)"  # what handles of autonomous systems add: AKAMAI-ASN1, AMAZON-02
COMMON = (
    "telecom telecommunications telecommunication communications communication internet network networks net hosting "
    "host online data datacenter cloud server servers service services isp provider broadband mobile cable media "
    "digital systems solutions web national state ministry university bank global east west north south central"
)
PLACES = (  # where many are; with "international" or "technology" after it, still anybody there
    "afghanistan africa albania america armenia asia australia austria azerbaijan bahrain bangladesh belarus belgium "
    "brasil brazil bulgaria cambodia canada chile china colombia croatia cuba cyprus czech denmark deutschland dubai "
    "egypt emirates espana estonia ethiopia europe finland france georgia germany ghana greece hong hungary iceland "
    "india indonesia iran iraq ireland israel istanbul italia italy japan jordan kazakhstan kenya kiev kong korea "
    "kuwait kyiv kyrgyzstan lao laos latvia lebanon libya lithuania london malaysia mexico moldova mongolia morocco "
    "moscow myanmar nepal netherlands nigeria norway oman pacific pakistan palestine peru philippines poland polska "
    "portugal qatar romania russia russian saudi arabia serbia shanghai beijing singapore slovakia slovenia spain "
    "sudan sweden switzerland syria syrian taiwan tajikistan tehran thai thailand tunisia turk turkey turkiye "
    "turkmenistan uk ukraine united usa us uzbekistan venezuela viet nam vietnam yemen new zealand islamic republic "
    "kingdom states of and"
)
NOBODY = (  # what registers write where they name no owner
    "unknown, none, null, nil, n a, na, not available, private, reserved, unallocated, unassigned, not announced, not "
    "routed, no name, unnamed, private customer, redacted for privacy, redacted"
)
SHORTEST = 3  # letters; what is shorter may be anybody


def normal(name: pl.Expr) -> pl.Expr:
    """Return *name* in lower case without legal forms and handles; with them where only a common word is left.

    Null where it names nobody: two networks without an owner's name have no owner in common.
    """
    plain = name.str.to_lowercase().str.replace(COUNTRY, "").str.replace_all(APART, " ").str.strip_chars()
    forms = "|".join(sorted(FORMS, key=len, reverse=True))
    short = pl.format(" {} ", plain).str.replace_all(" ", "  ", literal=True)  # so that each word has its own spaces
    short = short.str.replace_all(rf" (?:{forms.replace(' ', '  ')}|{HANDLE}) ", " ")
    short = short.str.replace_all(r"\s+", " ").str.strip_chars()
    common = "|".join((*COMMON.split(), *PLACES.split()))
    vague = short.str.contains(rf"^(?:(?:{common}) ?)*$") | (short.str.len_chars() < SHORTEST)
    return pl.when((plain != "") & ~plain.is_in(NOBODY.split(", "))).then(pl.when(vague).then(plain).otherwise(short))
