"""Evidence as a family: it speaks of known columns, every piece has a story, and what decides, decides."""

from string import Formatter

import polars as pl
import pytest

import stories
from resolver_diff import anomaly
from resolver_diff.compare.special import special
from resolver_diff.diff import Diff
from resolver_diff.evidence import COLUMNS, Bearing, Claim
from resolver_diff.tables import State

pytestmark = stories.ONE_PROCESS

REASONS = anomaly.reasons()


@pytest.fixture(scope="module")
def told() -> list[Diff]:
    """Every story, judged on both dates."""
    return [stories.play(path) for path in sorted(stories.FOLDER.glob("*.yaml"))]


@pytest.mark.parametrize("name", REASONS)
def test_evidence_uses_known_columns(name: str) -> None:
    """What a piece of evidence looks at, and what it says, is in the list of columns."""
    reason = REASONS[name]
    assert set(reason.when.meta.root_names()) <= set(COLUMNS)
    assert {field for _, field, _, _ in Formatter().parse(reason.says) if field} <= set(COLUMNS)


def test_only_what_weakens_leaves_another_state() -> None:
    """Evidence that supports lets its claim stand; none leaves a cell vanished or divergent by weakening."""
    for reason in REASONS.values():
        assert reason.leaves not in anomaly.WRONG
        if reason.bearing is Bearing.SUPPORTS:
            assert reason.leaves is State.INSUFFICIENT
            assert reason.claim is not Claim.RESOLVER


@pytest.mark.parametrize("name", REASONS)
def test_every_piece_of_evidence_has_a_story(name: str, told: list[Diff]) -> None:
    """Each piece is found at some cell of some story, and not at every cell."""
    column = "evidence_for" if REASONS[name].bearing is Bearing.SUPPORTS else "evidence_against"
    found = pl.concat([one.cells.select(pl.col(column).list.contains(name)) for one in told]).to_series()
    assert found.any()
    assert not found.all()


@pytest.mark.parametrize("name", REASONS)
def test_evidence_speaks_in_sentences(name: str, told: list[Diff]) -> None:
    """What a piece of evidence says about a cell it applies to has every blank filled."""
    column = "evidence_for" if REASONS[name].bearing is Bearing.SUPPORTS else "evidence_against"
    rows = [one.cells.filter(pl.col(column).list.contains(name)).head(1) for one in told]
    for cell in pl.concat(rows).iter_rows(named=True):
        sentence = REASONS[name].sentence(cell)
        assert "None" not in sentence
        assert "{" not in sentence


def test_wrong_cells_have_a_mechanism(told: list[Diff]) -> None:
    """A vanished or divergent cell has a mechanism, and no other has one."""
    for one in told:
        wrong = pl.col("state").is_in([str(state) for state in anomaly.WRONG])
        assert one.cells.select((wrong == pl.col("mechanism").is_not_null()).all()).item()


def test_divergence_is_convicted(told: list[Diff]) -> None:
    """No cell is divergent without a piece of evidence that decides it."""
    deciding = [name for name, one in REASONS.items() if one.decides and one.bearing is Bearing.SUPPORTS]
    for one in told:
        divergent = one.cells.filter(pl.col("state") == State.DIVERGENT)
        convicted = pl.col("evidence_for").list.set_intersection(pl.lit(deciding)).list.len() > 0
        assert divergent.select(convicted.all()).item()


@pytest.mark.parametrize(
    ("story", "says"),
    [("injected_denial_comes_late", "first: nxdomain"), ("injection_comes_late", "answer 10.10.34.36")],
)
def test_a_second_reply_is_told_as_it_was(story: str, says: str) -> None:
    """The sentence says what the second reply was, whether it has RDATA or not."""
    one = stories.play(stories.FOLDER / f"{story}.yaml")
    cell = one.cells.filter(
        pl.col("date") == one.date_after, pl.col("resolver") == "isp-ir", pl.col("evidence_for").list.len() > 0
    ).row(0, named=True)
    assert REASONS["second_reply"].sentence(cell).endswith(says)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.10.34.36", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.31.255.255", "192.0.2.1",
        "192.168.55.1", "198.19.0.1", "198.51.100.7", "203.0.113.5", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "100::1", "2001::1f0d:5201", "2001:db8::1", "2002:7f00:1::",
        "3fff::1", "fc00::1", "fd12::1", "fe80::1", "ff02::1",
    ],
)  # fmt: skip
def test_special_addresses(address: str) -> None:
    """An address of the IANA special-purpose registries, plain or wrapped, cannot be on the public Internet."""
    assert special(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
        "192.0.3.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::808:808",
        "2001:4860:4860::8888", "2002:808:808::", "2606:4700::1111", "3ffe::1", "v=spf1",
    ],
)  # fmt: skip
def test_public_addresses(address: str) -> None:
    """The neighbours of the special blocks, and what is no address, are nothing special."""
    assert not special(address)
