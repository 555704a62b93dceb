"""Many names in little memory: what goes in comes out, sorted and each once."""

from itertools import accumulate, pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resolver_diff.config
from resolver_diff.config import listed, load
from resolver_diff.config.listed import Names, Sorting

NAMES = st.text("abc.", min_size=1, max_size=4)
PARTS = st.lists(st.lists(NAMES, max_size=12), max_size=6)
EDGES = st.lists(NAMES, max_size=5).map(sorted)


@given(PARTS, EDGES, st.booleans())
def test_names_come_out_sorted_and_each_once(parts: list[list[str]], edges: list[str], presorted: bool) -> None:
    """Wherever they are parted, and however they came; the first line that repeats one is known."""
    if presorted:
        parts = [sorted(part) for part in parts]
    sorting = Sorting(edges)
    starts = accumulate(map(len, parts), initial=1)
    for start, part in zip(starts, parts, strict=False):
        lines = pl.Series("line", range(start, start + len(part)), dtype=pl.UInt32)
        sorting.add(pl.DataFrame([lines, pl.Series("qname", part, dtype=pl.String)]))
    every = [name for part in parts for name in part]
    assert sorting.names().to_list() == sorted(set(every))
    again = [(line, name) for line, name in enumerate(every, 1) if name in every[: line - 1]]
    assert sorting.repeated == len(again)
    assert sorting.first == (again[0] if again else None)


@given(st.lists(NAMES, max_size=40, unique=True).map(sorted), EDGES, st.data())
def test_any_part_of_the_names_can_be_had(given_: list[str], edges: list[str], data: st.DataObject) -> None:
    """By index, below an edge, block by block and as text, whatever the length of a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listed, "BLOCK", data.draw(st.integers(1, 7)))
        made = Names([pl.Series(given_[:5], dtype=pl.String), pl.Series(given_[5:], dtype=pl.String)])
        first, length = data.draw(st.integers(0, len(given_))), data.draw(st.integers(0, 50))
        assert made.slice(first, length).to_list() == given_[first : first + length]
        assert [name for part in made.parts() for name in part] == list(made) == given_
        assert "".join(made.texts()) == "".join(f"{name}\n" for name in given_)
        assert len(made) == len(given_)
        bounds = [("", edges[0]), *pairwise(edges), (edges[-1], "~")] if edges else [("", "~")]
        found = [part.to_list() for part in made.below(edges)]
        assert found == [[name for name in given_ if low <= name < high] for low, high in bounds]


def test_names_are_held_against_those_of_other_sets_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets too large to be compared in one go give the same names and warnings."""
    (tmp_path / "resolvers.yaml").write_text("resolvers: [{name: a, address: 192.0.2.1, role: control}]\n")
    (tmp_path / "lists").mkdir()
    lists = {"a": range(0, 60, 2), "b": range(0, 60, 3), "c": range(0, 60, 5), "d": range(0, 60, 10)}
    for name, numbers in lists.items():
        (tmp_path / "lists" / f"{name}.txt").write_text("".join(f"n{number:02}.example\n" for number in numbers))

    def read() -> tuple[dict[str, list[str]], list[str]]:
        config = load(tmp_path / "resolvers.yaml", [tmp_path / "lists"])
        return {each.name: each.qnames.to_list() for each in config.domain_sets}, [
            f"{warning.message} ({warning.hint})" for warning in config.warnings
        ]

    whole = read()
    monkeypatch.setattr(listed, "BLOCK", 3)
    monkeypatch.setattr(resolver_diff.config, "AT_ONCE", 6)
    assert read() == whole
    assert {name: len(listed) for name, listed in whole[0].items()} == {"a": 30, "b": 10, "c": 4}
    assert whole[1][0].startswith("10 names are in an earlier domain set too, the first of them `n00.example`")
    assert [warning.rpartition(" ")[2] for warning in whole[1]] == ["a)"] * 3
