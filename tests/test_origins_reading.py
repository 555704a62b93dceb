"""Databases of origins: every form that is read, what is refused, and whose an address then is."""

import gzip
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from databases import write_mmdb
from resolver_diff.errors import UsageError
from resolver_diff.origins import ranges, reading
from resolver_diff.origins.ranges import Ranges

RANGES = """\
1.0.0.0,1.0.0.255,13335,"Cloudflare, Inc."
1.0.4.0,1.0.7.255,AS38803,Goldenit
2001:200::,2001:200:5ff:ffff:ffff:ffff:ffff:ffff,2500,WIDE
"""
IPTOASN = "1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n"
PREFIXES = "network,autonomous_system_number,autonomous_system_organization\n1.0.0.0/24,13335,X\n2001:db8::/32,5,Y\n"
PFX2AS = "1.0.0.0\t16\t10\n1.0.1.0\t24\t20\n1.1.0.0\t16\t30_31\n1.2.0.0\t16\t40,41\n"


def made(folder: Path, text: str | bytes, name: str = "database.csv") -> Path:
    """Write a database."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def whose(file: Path, *addresses: str) -> list[tuple[object, ...]]:
    """Return asn, organisation and prefix of each address."""
    known = reading.read(file)
    found = ranges.look_up(pl.Series("address", addresses), known.ranges, known.called).frame
    assert found["address"].to_list() == list(addresses)
    return found.select("asn", "organisation", "prefix").rows()


NOBODY = (None, None, None)


def test_ranges_hold_their_first_and_last_address(tmp_path: Path) -> None:
    """A range is from its first to its last address; before, between and after, an address is nobody's."""
    found = whose(made(tmp_path, RANGES), "1.0.0.0", "1.0.0.255", "1.0.1.0", "0.255.255.255", "1.0.8.0", "2001:200::1")
    cloudflare = (13335, "Cloudflare, Inc.", None)
    assert found == [cloudflare, cloudflare, NOBODY, NOBODY, NOBODY, (2500, "WIDE", None)]


def test_ranges_with_a_country_have_the_name_behind_it(tmp_path: Path) -> None:
    """In the five columns of iptoasn the fifth is the name; AS 0 is nobody."""
    file = made(tmp_path, gzip.compress(IPTOASN.encode()), "ip2asn.tsv.gz")
    assert whose(file, "1.0.0.9", "1.0.2.1") == [(13335, "CLOUDFLARENET", None), NOBODY]


def test_prefixes_are_told_with_the_address(tmp_path: Path) -> None:
    """A file of prefixes, its columns named in the first line, also says in which prefix an address lies."""
    found = whose(made(tmp_path, PREFIXES), "1.0.0.7", "2001:db8:ffff::1")
    assert found == [(13335, "X", "1.0.0.0/24"), (5, "Y", "2001:db8::/32")]


def test_the_longest_prefix_holds_and_several_origins_are_none(tmp_path: Path) -> None:
    """Of two prefixes the longer is the one; what several Autonomous Systems announce has a prefix and no AS."""
    found = whose(
        made(tmp_path, PFX2AS, "routeviews-rv2-20260201-1200.pfx2as"), "1.0.0.1", "1.0.1.1", "1.0.2.1", "1.1.2.3"
    )
    assert found == [
        (10, None, "1.0.0.0/16"),
        (20, None, "1.0.1.0/24"),
        (10, None, "1.0.0.0/16"),
        (None, None, "1.1.0.0/16"),
    ]


def test_the_same_range_of_two_systems_has_none(tmp_path: Path) -> None:
    """Two lines with the same range and different systems contradict each other: null, not whichever came last."""
    assert whose(made(tmp_path, "1.0.0.0,1.0.0.255,1,A\n1.0.0.0,1.0.0.255,2,B\n"), "1.0.0.1") == [NOBODY]


def test_ranges_that_overlap_are_cut(tmp_path: Path) -> None:
    """Where two ranges overlap and neither is in the other, the one that begins later holds from there."""
    file = made(tmp_path, "1.0.0.0,1.0.0.9,1\n1.0.0.5,1.0.0.20,2\n1.0.0.7,1.0.0.8,3\n")
    found = whose(file, "1.0.0.4", "1.0.0.5", "1.0.0.7", "1.0.0.8", "1.0.0.9", "1.0.0.20", "1.0.0.21")
    assert [row[0] for row in found] == [1, 2, 3, 3, 2, 2, None]


def test_every_address_is_in_the_narrowest_prefix(tmp_path: Path) -> None:
    """Random nested prefixes, looked up as fast as a day needs, agree with a search through all of them."""
    generator = np.random.default_rng(7)
    drawn = [
        (int(generator.integers(1 << 24, 1 << 32)) & 0xFFFFF000, int(generator.integers(6, 29))) for _ in range(400)
    ]
    nets = {(base >> (32 - length) << (32 - length), length): number + 1 for number, (base, length) in enumerate(drawn)}
    text = "".join(f"{ip(base)}\t{length}\t{asn}\n" for (base, length), asn in nets.items())
    asked = generator.integers(1 << 24, 1 << 32, 500).tolist() + [base for base, _ in nets]
    found = [row[0] for row in whose(made(tmp_path, text, "x.pfx2as"), *map(ip, asked))]
    for number, asn in zip(asked, found, strict=True):
        holding = [
            (length, each) for (base, length), each in nets.items() if number >> (32 - length) == base >> (32 - length)
        ]
        assert asn == (max(holding)[1] if holding else None)


def ip(number: int) -> str:
    """Return an IPv4 address."""
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def test_mmdb_is_read(tmp_path: Path) -> None:
    """A MaxMind database gives AS, organisation and prefix of IPv4 and IPv6, its name and its date."""
    pytest.importorskip("maxminddb")
    file = write_mmdb(
        tmp_path / "GeoLite2-ASN.mmdb",
        {
            "1.0.0.0/24": {"autonomous_system_number": 13335, "autonomous_system_organization": "CLOUDFLARENET"},
            "2001:db8::/32": {"asn": "AS64500", "as_name": "Example"},
            "9.9.9.0/24": {"country": "CH"},
        },
    )
    found = whose(file, "1.0.0.1", "2001:db8::1", "9.9.9.9", "1.0.1.0")
    assert found == [(13335, "CLOUDFLARENET", "1.0.0.0/24"), (64500, "Example", "2001:db8::/32"), NOBODY, NOBODY]
    assert reading.read(file).called == "Test-ASN, 2026-02-02"


def test_an_mmdb_of_countries_is_no_help(tmp_path: Path) -> None:
    """A database that names no AS is refused, and it is said which kind would do."""
    pytest.importorskip("maxminddb")
    file = write_mmdb(tmp_path / "c.mmdb", {"1.0.0.0/24": {"country": "AU"}}, kind="GeoLite2-Country", version=4)
    with pytest.raises(UsageError, match="no Autonomous System") as refused:
        reading.read(file)
    assert "GeoLite2-ASN" in (refused.value.hint or "")


def test_without_maxminddb_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An MMDB file without the extra: the error names the extra."""
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(UsageError) as refused:
        reading.read(write_mmdb(tmp_path / "a.mmdb", {"1.0.0.0/24": {"asn": 1}}))
    assert "resolver-diff[mmdb]" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no database"),
        ("hello world\n", "no line of"),
        (b"\x00\x01\x02", "no database"),
        ("1.0.0.0,1.0.0.9,x\n1.0.0.0,1.0.0.9,y\n", "2 of 2 lines"),
        ("1.0.0.9,1.0.0.1,5\n", "1 of 1 lines"),
        ("1.0.0.0/24,5\n1.0.0.0/33,5\n1.0.0.0/x,5\n", "2 of 3 lines"),
        (gzip.compress(b"1.0.0.0,1.0.0.9,5\n", mtime=0)[:-9], "cannot read"),
        (b"PAR1 and then nothing", "damaged"),
        (b"x" * 257 + b"ustar" + bytes(100), "archive"),
    ],
)
def test_what_is_no_database_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    """A file of something else is an error that says so, not an empty database."""
    with pytest.raises(UsageError, match=says):
        reading.read(made(tmp_path, text))


def test_a_bad_line_costs_itself(tmp_path: Path) -> None:
    """A line that cannot be read is counted; the others hold."""
    known = reading.read(made(tmp_path, f"{RANGES}bad,line,1\n"))
    assert (known.wrong, len(known.ranges)) == (1, 3)


def test_the_date_is_in_the_name_else_the_file_is_as_old_as_it_is(tmp_path: Path) -> None:
    """CAIDA's files have the date in their name; a number that is no date is none."""
    assert reading.read(made(tmp_path, PFX2AS, "routeviews-rv2-20260201-1200.pfx2as")).dated == date(2026, 2, 1)
    assert reading.read(made(tmp_path, RANGES, "asn-2026-01-31.csv")).dated == date(2026, 1, 31)
    written = datetime.fromtimestamp(made(tmp_path, RANGES, "asn-20260231.csv").stat().st_mtime, UTC).date()
    assert reading.read(tmp_path / "asn-20260231.csv").dated == written


def test_names_cannot_harm_a_terminal(tmp_path: Path) -> None:
    """Control characters in a name are made harmless, and a long name is cut."""
    ((_, name, _),) = whose(made(tmp_path, f"1.0.0.0/24,5,a\x1b[31m{'b' * 500}\n"), "1.0.0.1")
    assert str(name).startswith("a?[31mb")
    assert len(str(name)) == reading.LONGEST


def test_coverage_counts_addresses(tmp_path: Path) -> None:
    """Half of IPv4 and an eighth of 2000::/3 are just that."""
    known = reading.read(made(tmp_path, "0.0.0.0/1,1\n2000::/6,2\n"))
    assert ranges.coverage(known.ranges) == {"IPv4": 0.5, "IPv6": 0.125}


def test_an_empty_database_knows_nobody() -> None:
    """Looking up in nothing gives a row of nothing for each address."""
    found = ranges.look_up(pl.Series("address", ["1.0.0.1"]), Ranges.empty(), "x").frame
    assert found.rows() == [("1.0.0.1", None, None, None, "x")]
