"""Databases of origins for tests: an MMDB file as MaxMind's specification has it, written by hand."""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)  # between tree and data
KINDS = {  # of numbers: 5 has 16 bits, 6 has 32, 9 has 64
    "binary_format_major_version": 5,
    "binary_format_minor_version": 5,
    "build_epoch": 9,
    "ip_version": 5,
    "record_size": 5,
}
BUILT = 1_770_000_000  # 2026-02-02


def write_mmdb(file: Path, networks: Mapping[str, Any], kind: str = "Test-ASN", version: int = 6) -> Path:
    """Write *networks* (prefix -> record) as an MMDB of 32-bit records; IPv4 lies in ::/96 of an IPv6 tree."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    leaves: list[tuple[int, int, int]] = []
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        bits = 32 if version == 4 else 128
        length = network.prefixlen + (96 if network.version == 4 and version == 6 else 0)
        number = int(network.network_address)
        node = 0
        for depth in range(length - 1):
            bit = number >> (bits - 1 - depth) & 1
            if nodes[node][bit] is None:
                nodes.append([None, None])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit] or 0
        leaves.append((node, number >> (bits - length) & 1, len(data)))
        data += _encoded(record)
    count = len(nodes)
    for node, bit, offset in leaves:
        nodes[node][bit] = count + len(SEPARATOR) + offset
    tree = b"".join(struct.pack(">II", *(count if side is None else side for side in pair)) for pair in nodes)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": BUILT,
        "database_type": kind,
        "description": {"en": "made by a test"},
        "ip_version": version,
        "languages": ["en"],
        "node_count": count,
        "record_size": 32,
    }
    file.write_bytes(tree + SEPARATOR + data + MARKER + _encoded(metadata))
    return file


def _encoded(value: Any, kind: int = 6) -> bytes:
    if isinstance(value, dict):
        parts = (_encoded(key) + _encoded(each, KINDS.get(key, 6)) for key, each in value.items())
        return _control(7, len(value)) + b"".join(parts)
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    if isinstance(value, str):
        octets = value.encode()
        return _control(2, len(octets)) + octets
    octets = int(value).to_bytes(8, "big").lstrip(b"\0")
    return _control(kind, len(octets)) + octets


def _control(kind: int, size: int) -> bytes:
    assert size < 285
    first, rest = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([first if kind > 7 else kind << 5 | first]) + (bytes([kind - 7]) if kind > 7 else b"") + rest
