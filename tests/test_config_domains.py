"""What a domain list may hold, and what is said about one that is wrong."""

import hashlib
import json
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import dns.name
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import resolver_diff.config.qnames as rules
from resolver_diff.config import Config, load
from resolver_diff.config.qnames import BadNameError, qname
from resolver_diff.errors import ConfigError, Problem

RESOLVERS = "resolvers: [{name: a, address: 192.0.2.1, role: control}]\n"


def load_lists(folder: Path, **lists: str | bytes) -> Config:
    """Write lists, `name=text` (`name_csv=text` for CSV), into *folder* and load them."""
    (folder / "resolvers.yaml").write_text(RESOLVERS)
    domains = folder / "domains"
    domains.mkdir(exist_ok=True)
    for name, text in lists.items():
        file = domains / (f"{name.removesuffix('_csv')}.csv" if name.endswith("_csv") else f"{name}.txt")
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(folder / "resolvers.yaml", [domains])


def mistakes(folder: Path, **lists: str | bytes) -> tuple[Problem, ...]:
    """Load lists that cannot be loaded, and return why."""
    with pytest.raises(ConfigError) as caught:
        load_lists(folder, **lists)
    return caught.value.problems


def qnames(config: Config) -> dict[str, list[str]]:
    """Return the names of every set."""
    return {each.name: each.qnames.to_list() for each in config.domain_sets}


def test_a_list_is_one_name_a_line(tmp_path: Path) -> None:
    """Comments, empty lines, spaces, final dots, capitals and line ends of any system are all the same."""
    text = "# a comment\r\n\r\n  WhatsApp.COM.  # the site\r\nwa.me\rt.me\n\n_dmarc.example.com\ncom"
    assert qnames(load_lists(tmp_path, s=text)) == {"s": ["_dmarc.example.com", "com", "t.me", "wa.me", "whatsapp.com"]}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("президент.рф", "xn--d1abbgf6aiiy.xn--p1ai"),
        ("BÜCHER.de", "xn--bcher-kva.de"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("例え。jp", "xn--r8jz45g.jp"),
        ("_tls.bücher.de.", "_tls.xn--bcher-kva.de"),
        ("XN--BCHER-KVA.de", "xn--bcher-kva.de"),
        ("r1---sn-x.googlevideo.com", "r1---sn-x.googlevideo.com"),
    ],
)
def test_names_are_kept_as_a_labels(tmp_path: Path, written: str, name: str) -> None:
    """Letters beyond ASCII become A-labels by IDNA 2008; `ß` stays `ß` and is not `ss`."""
    assert qnames(load_lists(tmp_path, s=written)) == {"s": [name]}


LONG = "a" * 64
BAD_NAMES = {
    "https://www.example.com/path?x=1": ("a URL, not a name", "write the name alone: `www.example.com`", 1),
    "example.com/path": ("a URL, not a name", "write the name alone: `example.com`", 1),
    "two words": ("a space in a name", "write one name a line", 4),
    "0.0.0.0 ads.example.com": ("a line of a hosts file, not a name", "write `ads.example.com`", 1),
    "||ads.example.com^": ("a rule of an ad blocker, not a name", "write `ads.example.com`", 1),
    "*.example.com": ("a wildcard cannot be asked", "write a name: `example.com` or one under it", 1),
    "me@example.com": ("a mail address, not a name", "write `example.com`", 3),
    "example.com:443": ("a port does not belong to a name", "write `example.com`", 12),
    "192.0.2.1": ("an IP address, not a name", None, 1),
    "2001:db8::1": ("an IP address, not a name", None, 1),
    "[2001:db8::1]": ("an IP address, not a name", None, 1),
    "example..com": ("an empty label", "two dots stand together", 9),
    ".example.com": ("an empty label", "one stands in front", 1),
    "bücher..de": ("an empty label", "two dots stand together", 8),
    "bücher.a,b.de": ("`,` cannot stand in a name", None, 9),
    "bücher.de..": ("an empty label", "two dots stand together", 11),
    ".": ("the root is not a name to ask about", None, 1),
    "a,b.example": ("`,` cannot stand in a name", None, 2),
    "exa\x00mple".replace("\x00", "\x1b"): ("`\x1b` cannot stand in a name", None, 4),
    "example.123": ("a name does not end in a number", None, 1),
    f"x.{LONG}.com": ("a label of 64 octets; the longest has 63", None, 3),
    "ü" * 60 + ".com": ("a label longer than 63 octets", None, 1),
    ".".join(["a" * 63] * 4): ("a name of 257 octets; the longest has 255", None, 1),
    "a\u2028b.com": ("a space in a name", None, 2),
    "exam\u0378ple.com": ("no IDNA 2008 label", None, 1),
}


@pytest.mark.parametrize("written", BAD_NAMES)
def test_what_is_no_name_is_told_from_one(tmp_path: Path, written: str) -> None:
    """Everything people paste instead of names is refused where it stands, and the name in it shown."""
    message, hint, column = BAD_NAMES[written]
    (problem,) = mistakes(tmp_path, s=f"example.com\n{written}\n")
    assert problem.message.startswith(message)
    assert hint is None or (problem.hint is not None and hint in problem.hint)
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (2, column)


def test_every_mistake_of_every_file_is_reported_at_once(tmp_path: Path) -> None:
    """Mistakes of resolvers.yaml and of two lists come together; of one file twenty are shown."""
    (tmp_path / "domains").mkdir()
    (tmp_path / "domains" / "b.txt").write_text("x y\n" * 1000)
    (tmp_path / "domains" / "a.txt").write_text("x y\n")
    (tmp_path / "resolvers.yaml").write_text("resolvers: 3\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "resolvers.yaml", [tmp_path / "domains"])
    files = [Path(problem.place.file).name for problem in caught.value.problems if problem.place]
    assert files == ["resolvers.yaml", "a.txt", *["b.txt"] * 21]
    assert caught.value.problems[-1].message == "and 980 more"


@pytest.mark.parametrize("text", ["", "\n\n# nothing but this\n", "\ufeff"])
def test_an_empty_list_is_a_mistake(tmp_path: Path, text: str) -> None:
    """A set without names would make a snapshot without rows, and nobody would notice."""
    assert [problem.message for problem in mistakes(tmp_path, s=text)] == ["there is no name in it"]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_a_warning(tmp_path: Path, codec: str) -> None:
    """What Windows editors write is read, and the user is told."""
    config = load_lists(tmp_path, s="bücher.de\r\nwa.me\r\n".encode(codec))
    assert qnames(config) == {"s": ["wa.me", "xn--bcher-kva.de"]}
    assert [warning.message[:15] for warning in config.warnings] == ["byte order mark"]


@pytest.mark.parametrize(
    ("octets", "message", "place"),
    [
        (b"wa.me\nt.m\0e\n", "a NUL octet", (2, 4)),
        (b"wa.me\r\nb\xfccher.de\r\n", "octet 0xfc is not UTF-8", (2, 2)),
    ],
)
def test_octets_that_are_no_text_are_found(tmp_path: Path, octets: bytes, message: str, place: tuple[int, int]) -> None:
    """NUL and Latin-1 are mistakes, with line and column."""
    (problem,) = mistakes(tmp_path, s=octets)
    assert problem.place is not None
    assert (problem.message, (problem.place.line, problem.place.column)) == (message, place)


def test_a_name_twice_in_a_list_is_a_warning_and_asked_once(tmp_path: Path) -> None:
    """Two spellings of one name are one name."""
    config = load_lists(tmp_path, s="wa.me\nbücher.de\nWA.ME.\nxn--bcher-kva.de\n")
    assert qnames(config) == {"s": ["wa.me", "xn--bcher-kva.de"]}
    (warning,) = config.warnings
    assert warning.message == "2 lines repeat a name, the first of them `wa.me`"
    assert warning.place is not None
    assert warning.place.line == 3


def test_a_name_in_two_sets_stays_in_the_first(tmp_path: Path) -> None:
    """A name is asked once, for the first set by name; a set that has nothing left is not there."""
    config = load_lists(tmp_path, a="x.org\ny.org\n", b="x.org\ny.org\nz.org\n", c="z.org\n")
    assert qnames(config) == {"a": ["x.org", "y.org"], "b": ["z.org"]}
    assert [warning.message for warning in config.warnings] == [
        "2 names are in an earlier domain set too, the first of them `x.org`",
        "`z.org` is in an earlier domain set too",
    ]


def test_a_test_list_of_the_citizen_lab_gives_the_hosts_of_its_urls(tmp_path: Path) -> None:
    """Hosts are taken from URLs, each once; URLs of bare addresses are counted and left out."""
    config = load_lists(
        tmp_path,
        ru_csv="url,category_code,category_description,date_added,source,notes\n"
        'https://www.BBC.com/russian/,NEWS,News Media,2018-09-13,OONI,"a, b\nc"\n'
        "http://user@www.bbc.com:8080/,NEWS,,,,\n"
        "http://bücher.de/ü,NEWS,,,,\n"
        "http://192.0.2.1/,HOST,,,,\n"
        "https://[2001:db8::1]/,HOST,,,,\n",
    )
    assert qnames(config) == {"ru": ["www.bbc.com", "xn--bcher-kva.de"]}
    (warning,) = config.warnings
    assert warning.message == "2 URLs name an IP address instead of a host and were left out"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("rank,domain\n1,x.org\n", "no column is called `url`", 1),
        ("url,x\nhttp://a b/,\n", "a space in a name", 2),
        ("url,x\n,NEWS\n", "there is no URL in this row", 2),
        ("url,x\nhttp://[x/,NEWS\n", "no URL", 2),
        ("url,x\nx.org,NEWS\n", "no URL", 2),
        ('url,x\n"http://x.org/,NEWS\n', "this is not CSV", None),
        ("", "no column is called `url`", 1),
    ],
)
def test_a_csv_file_that_is_no_test_list_is_refused(tmp_path: Path, text: str, message: str, line: int | None) -> None:
    """A CSV file of another kind is named as such, and a bad URL by its line."""
    problem = mistakes(tmp_path, s_csv=text)[0]
    assert problem.message.startswith(message)
    assert problem.place is not None
    assert problem.place.line == line


def test_control_names_come_from_control_txt(tmp_path: Path) -> None:
    """`control.txt` among the lists is no domain set; without one the shipped names are used."""
    own = load_lists(tmp_path, control="b.example\na.example\n", s="wa.me\n")
    assert own.control_names == ("a.example", "b.example")
    assert [each.name for each in own.domain_sets] == ["s"]
    (tmp_path / "domains" / "control.txt").unlink()
    assert "example.com" in load_lists(tmp_path).control_names


def test_a_single_file_is_a_domain_set_too(tmp_path: Path) -> None:
    """`--domains FILE` may be given beside `--domains FOLDER`, in any order; sets come by name."""
    (tmp_path / "resolvers.yaml").write_text(RESOLVERS)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "b.txt").write_text("b.example\n")
    (tmp_path / "lists" / "notes.md").write_text("not a list\n")
    (tmp_path / "a.list").write_text("a.example\n")
    config = load(tmp_path / "resolvers.yaml", [tmp_path / "lists", tmp_path / "a.list"])
    assert qnames(config) == {"a": ["a.example"], "b": ["b.example"]}


def test_what_a_snapshot_cannot_be_called_a_set_cannot(tmp_path: Path) -> None:
    """Names of sets become names of files that readers must see."""
    assert [problem.message for problem in mistakes(tmp_path, _x="a.org\n", s="b.org\n")] == [
        "a domain set cannot be called that"
    ]


def test_two_sets_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    """`s.txt` and `s.csv` would write the same snapshot."""
    (problem,) = mistakes(tmp_path, s="a.org\n", s_csv="url,x\nhttp://b.org/,\n")
    assert problem.message == "two domain sets are called `s`"


def test_a_folder_without_lists_is_a_mistake(tmp_path: Path) -> None:
    """An empty folder, or one with control names only, leaves nothing to ask."""
    assert mistakes(tmp_path)[0].message == "there is no .txt or .csv file in this folder"
    assert mistakes(tmp_path, control="example.com\n")[0].message == "there is no domain set"


def test_the_inputs_are_named_with_their_hashes(tmp_path: Path) -> None:
    """A snapshot says which files it was made from."""
    config = load_lists(tmp_path, s="a.org\n", control="b.org\n")
    assert config.inputs[(tmp_path / "domains" / "s.txt").as_posix()] == hashlib.sha256(b"a.org\n").hexdigest()
    assert len(config.inputs) == 3


@pytest.mark.parametrize("length", [1, 7, 40])
def test_a_list_is_read_the_same_in_pieces_of_any_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """Where a long list is cut into pieces changes neither names nor lines."""
    monkeypatch.setattr(rules, "CHUNK", length)
    text = "".join(f"n{number}.example\n" for number in range(50))
    assert len(qnames(load_lists(tmp_path, s=text))["s"]) == 50
    (problem,) = mistakes(tmp_path, s=text + "x y\n")
    assert problem.place is not None
    assert problem.place.line == 51


LABELS = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-_"), min_size=1, max_size=63)


@given(st.lists(LABELS, min_size=1, max_size=8).map(".".join))
def test_the_fast_way_and_the_slow_way_agree(name: str) -> None:
    """A name that is accepted is one for dnspython too, the same one; its wire form fits."""
    try:
        accepted = qname(name)
    except BadNameError:
        return
    assert dns.name.from_text(accepted).to_text(omit_final_dot=True) == accepted
    assert accepted == name.lower()


@given(st.text(max_size=30))
@example("A\n")
@settings(max_examples=300)
def test_no_text_is_more_than_a_name_or_a_bad_name(text: str) -> None:
    """Whatever a line holds, it is a name in A-label form or a BadNameError at a place in it."""
    try:
        name = qname(text)
    except BadNameError as bad:
        offset, name = bad.offset, "a.example"
    else:
        offset = 0
    assert 0 <= offset <= len(text)
    assert dns.name.from_text(name).to_text(omit_final_dot=True) == name


COUNT = """
import json, resource, sys
from pathlib import Path
from resolver_diff.config import load
config = load(Path(sys.argv[1]), [Path(sys.argv[2])])
used = resource.getrusage(resource.RUSAGE_SELF)
status = Path("/proc/self/status")  # there the peak is this program's own; elsewhere it may be its parent's
peaks = [line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line] if status.exists() else []
peak = int(peaks[0]) if peaks else used.ru_maxrss
print(json.dumps([len(config.domain_sets[0].qnames), used.ru_utime + used.ru_stime, peak]))
"""


def test_a_million_names_take_seconds_and_little_memory(tmp_path: Path) -> None:
    """1,000,000 names are read in some CPU seconds and a third of a gigabyte."""
    dice = random.Random(1)
    (tmp_path / "resolvers.yaml").write_text(RESOLVERS)
    (tmp_path / "big.txt").write_text("".join(f"{dice.getrandbits(40):x}.{n}.example\n" for n in range(1_000_000)))
    done = subprocess.run(
        [sys.executable, "-c", COUNT, tmp_path / "resolvers.yaml", tmp_path / "big.txt"],
        check=True,
        capture_output=True,
    )
    names, seconds, kilobytes = json.loads(done.stdout)
    assert names == 1_000_000
    assert seconds < 60  # 4 on a quiet machine; a quadratic step would take an hour
    assert kilobytes < 350_000


def test_a_line_without_end_is_a_mistake_and_takes_no_memory(tmp_path: Path) -> None:
    """A line of 20 MB is cut short, named by its number, and the lines after it are still read."""
    problems = mistakes(tmp_path, s="a.org\n" + "x" * 20_000_000 + "\nb c\n")
    assert [(problem.message[:20], problem.place and problem.place.line) for problem in problems] == [
        ("a label of 65536 oct", 2),
        ("a line of 20,000,000", 2),
        ("a space in a name: `", 3),
    ]


def test_a_list_above_the_limit_is_refused(tmp_path: Path) -> None:
    """A list may have 128 MiB; a longer one is refused before it is looked at."""
    (tmp_path / "resolvers.yaml").write_text(RESOLVERS)
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(128 * 2**20 + 1)  # sparse: it takes no room
    tracemalloc.start()
    with pytest.raises(ConfigError, match="it is longer than 128 MiB"):
        load(tmp_path / "resolvers.yaml", [tmp_path / "big.txt"])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 28  # octets: read once, and nothing made of them
