"""Names of organisations as different registers write them, made alike: "AKAMAI-AS", "Akamai Technologies, Inc."."""

import polars as pl

COUNTRY = r",\s*[a-z]{2}$"  # as Team Cymru's table ends names
APART = r"[^\p{L}\p{N}]+"
FORMS = (
    *("s p a", "s r l", "s r o", "l l c", "sp z o o", "s a s", "a s a", "b v", "n v", "s a", "a s", "a g", "k k"),
    *(
        "inc",
        "incorporated",
        "llc",
        "ltd",
        "limited",
        "gmbh",
        "ag",
        "bv",
        "nv",
        "sa",
        "sas",
        "sarl",
        "srl",
        "spa",
        "sro",
    ),
    *("plc", "corp", "corporation", "co", "company", "pte", "pty", "pvt", "private", "oy", "oyj", "ab", "asa", "aps"),
    *("kg", "se", "kk", "jsc", "ojsc", "pjsc", "cjsc", "ooo", "oao", "zao", "pao", "ao", "tov", "doo", "ltda", "eirl"),
    *("group", "holding", "holdings", "international", "technology", "technologies", "the"),
)
HANDLE = r"(?:asn?\d*|as\d+|asblock|block|0\d)"  # what handles of autonomous systems add: AKAMAI-ASN1, AMAZON-02
COMMON = (
    *("telecom", "telecommunications", "telecommunication", "communications", "communication", "internet", "network"),
    *("networks", "net", "hosting", "host", "online", "data", "datacenter", "cloud", "server", "servers", "service"),
    *("services", "isp", "provider", "broadband", "mobile", "cable", "media", "digital", "systems", "solutions", "web"),
    *("national", "state", "ministry", "university", "bank", "global", "east", "west", "north", "south", "central"),
)
SHORTEST = 3  # letters; what is shorter may be anybody


def normal(name: pl.Expr) -> pl.Expr:
    """Return *name* in lower case without legal forms and handles; with them where only a common word is left."""
    plain = name.str.to_lowercase().str.replace(COUNTRY, "").str.replace_all(APART, " ").str.strip_chars()
    forms = "|".join(sorted(FORMS, key=len, reverse=True))
    short = pl.format(" {} ", plain).str.replace_all(" ", "  ", literal=True)  # so that each word has its own spaces
    short = short.str.replace_all(rf" (?:{forms.replace(' ', '  ')}|{HANDLE}) ", " ")
    short = short.str.replace_all(r"\s+", " ").str.strip_chars()
    common = "|".join(COMMON)
    vague = short.str.contains(rf"^(?:(?:{common}) ?)*$") | (short.str.len_chars() < SHORTEST)
    return pl.when(vague).then(plain).otherwise(short)
