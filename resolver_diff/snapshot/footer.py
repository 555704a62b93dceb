"""Files of Parquet made into one: their groups of rows are copied as they are, only the footer is new.

A footer is a structure in Thrift's compact protocol. Only those of its fields are known here that tell where
something lies in the file (parquet.thrift of the Parquet format); all others are copied as they come.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MAGIC = b"PAR1"
TAIL = 8  # octets: the length of the footer, and MAGIC
CHUNK = 1 << 20  # octets copied at once

TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 7, 8, 9, 10, 12  # types of the compact protocol
NUMBERS = (4, 5, 6)
LONG = 15  # how many elements a list has from which on their number is written on its own

# fields of FileMetaData, SchemaElement, RowGroup, ColumnChunk and ColumnMetaData
SCHEMA, NUM_ROWS, ROW_GROUPS, KEY_VALUES = 2, 3, 4, 5
PHYSICAL_TYPE, REPETITION, NAME, CHILDREN = 1, 3, 4, 5
COLUMNS, ROWS_OF_GROUP, GROUP_OFFSET, ORDINAL = 1, 3, 5, 7
COLUMN_METADATA = 3
CHUNK_OFFSETS = (2, 4, 6)  # of the chunk, its offset index, its column index
COLUMN_OFFSETS = (9, 10, 11, 14)  # of its data, index and dictionary pages, and its Bloom filter

Struct = dict[int, tuple[int, Any]]  # by field: type and value; the value of a list is its elements' type, and they


def join(files: Iterable[Path], target: Path, like: Path, metadata: Mapping[str, str]) -> None:
    """Write the rows of *files* one after another to *target*, typed as those of *like*, with *metadata*.

    Raises ValueError where the columns of a file have other names or physical types.
    """
    footer, _ = _footer(like)
    wanted = _columns(footer)
    groups: list[bytes] = []  # as they are written: as objects, the columns of a day take 50 MB
    count = 0
    with target.open("wb") as out:
        out.write(MAGIC)
        for file in files:
            part, end = _footer(file)
            if _columns(part) != wanted:
                message = f"the columns of {file.name} are not those of {like.name}"
                raise ValueError(message)
            for group in part[ROW_GROUPS][1][1]:
                _move(group, out.tell() - len(MAGIC), len(groups))
                count += group[ROWS_OF_GROUP][1]
                groups.append(_written(group))
            with file.open("rb") as source:
                source.seek(len(MAGIC))
                left = end - len(MAGIC)
                while left and (octets := source.read(min(CHUNK, left))):
                    out.write(octets)
                    left -= len(octets)
        pairs = [{1: (BINARY, name.encode()), 2: (BINARY, text.encode())} for name, text in metadata.items()]
        footer[NUM_ROWS] = (footer[NUM_ROWS][0], count)
        footer[ROW_GROUPS] = (LIST, (STRUCT, groups))
        footer[KEY_VALUES] = (LIST, (STRUCT, pairs))
        written = _written(footer)
        out.write(written + len(written).to_bytes(4, "little") + MAGIC)


def _footer(file: Path) -> tuple[Struct, int]:
    """Return the footer of *file*, and where it begins; raises ValueError where there is none."""
    with file.open("rb") as source:
        size = source.seek(0, 2)
        source.seek(max(0, size - TAIL))
        tail = source.read(TAIL)
        begin = size - TAIL - int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or begin < len(MAGIC):
            message = f"{file.name} is no file of Parquet"
            raise ValueError(message)
        source.seek(begin)
        footer: Struct = _Reader(source.read(size - TAIL - begin)).value(STRUCT)
    return footer, begin


def _columns(footer: Struct) -> list[tuple[Any, ...]]:
    """Return what must be the same where groups of rows are to stand in one file."""
    fields = (NAME, PHYSICAL_TYPE, REPETITION, CHILDREN)
    return [tuple(element[field][1] for field in fields if field in element) for element in footer[SCHEMA][1][1]][1:]


def _move(group: Struct, by: int, place: int) -> None:
    """Note that *group* lies *by* octets further on, at *place* among the groups."""

    def shift(struct: Struct, fields: Iterable[int]) -> None:
        for field in fields:
            if field in struct:
                kind, offset = struct[field]
                struct[field] = (kind, offset + by)

    for chunk in group[COLUMNS][1][1]:
        _, offset = chunk.get(CHUNK_OFFSETS[0], (0, 0))
        shift(chunk, CHUNK_OFFSETS if offset else CHUNK_OFFSETS[1:])  # the first may be zero: it says nothing
        shift(chunk[COLUMN_METADATA][1], COLUMN_OFFSETS)
    shift(group, [GROUP_OFFSET])
    if ORDINAL in group:
        group[ORDINAL] = (group[ORDINAL][0], place)


class _Reader:
    """Octets of the compact protocol, read from front to back."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def value(self, kind: int) -> Any:
        """Return the value of type *kind* that stands here."""
        if kind in NUMBERS:
            return self._number()
        if kind == STRUCT:
            return self._struct()
        if kind in (LIST, SET):
            return self._list()
        if kind == BINARY:
            return self._take(self._varint())
        if kind in (TRUE, FALSE, BYTE):  # as an element; as a field, a truth is its type
            return self._take(1)
        if kind == DOUBLE:
            return self._take(8)
        message = f"a footer with a value of type {kind}"  # maps and such, which the format does not use
        raise ValueError(message)

    def _struct(self) -> Struct:
        found: Struct = {}
        field = 0
        while head := self._take(1)[0]:
            kind = head & 0xF
            field = field + (head >> 4) if head >> 4 else self._number()
            found[field] = (kind, None if kind in (TRUE, FALSE) else self.value(kind))
        return found

    def _list(self) -> tuple[int, list[Any]]:
        head = self._take(1)[0]
        kind, count = head & 0xF, head >> 4
        if count == LONG:
            count = self._varint()
        return kind, [self.value(kind) for _ in range(count)]

    def _take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            message = "a footer that ends too early"
            raise ValueError(message)
        self._at += count
        return taken

    def _varint(self) -> int:
        number = shift = 0
        while (octet := self._take(1)[0]) & 0x80:
            number |= (octet & 0x7F) << shift
            shift += 7
        return number | octet << shift

    def _number(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)


def _written(struct: Struct) -> bytes:
    out = bytearray()
    _write(out, STRUCT, struct)
    return bytes(out)


def _write(out: bytearray, kind: int, value: Any) -> None:
    """Write a *value* of type *kind* behind *out*; octets stand for a structure that is written already."""
    if kind == STRUCT and isinstance(value, bytes):
        out += value
    elif kind in NUMBERS:
        _write_varint(out, value << 1 if value >= 0 else (-value << 1) - 1)
    elif kind == STRUCT:
        before = 0
        for field in sorted(value):
            inner, content = value[field]
            if 0 < field - before < LONG + 1:
                out.append((field - before) << 4 | inner)
            else:
                out.append(inner)
                _write(out, NUMBERS[0], field)
            if inner not in (TRUE, FALSE):
                _write(out, inner, content)
            before = field
        out.append(0)
    elif kind in (LIST, SET):
        inner, elements = value
        out.append(min(len(elements), LONG) << 4 | inner)
        if len(elements) >= LONG:
            _write_varint(out, len(elements))
        for element in elements:
            _write(out, inner, element)
    else:
        if kind == BINARY:
            _write_varint(out, len(value))
        out += value


def _write_varint(out: bytearray, number: int) -> None:
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
