"""What is read of the page that an address gives, whatever it sends."""

import hashlib

import pytest

from resolver_diff.verify import page


@pytest.mark.parametrize(
    ("octets", "status", "title"),
    [
        (b"", None, None),
        (b"\x15\x03\x01\x00\x02\x02\x50", None, None),
        (b"HTTP/1.1 99 No\r\n\r\n", None, None),
        (b"HTTP/1.0 302 Found\r\nLocation: http://block.example/\r\n\r\n", 302, None),
        (b"HTTP/1.1 200\n\n<title></title>", 200, None),
        (b"HTTP/1.1 200 OK\r\n\r\n<title>" + b"a" * 9000 + b"</title>", 200, "a" * 200),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"<title " * 12_000, 200, None),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 9_000 + b"\r\n", None, None),
        (b"HTTP/1.1 200 OK\r\n\r\n<title>&#27;[2J\xff\xe2\x80\xae</title>", 200, "[2J?"),
    ],
)
def test_a_hostile_page_is_data(octets: bytes, status: int | None, title: str | None) -> None:
    """What is no HTTP is nothing; a title can be no longer than a line, and nothing in it moves a cursor."""
    read = page.read(octets)
    assert read.status == status
    assert (read.title or "").replace("\N{REPLACEMENT CHARACTER}", "") == (title or "")


def test_only_64_kib_of_a_page_count() -> None:
    """A page without end has the hash of its beginning."""
    long = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000
    assert page.read(long).body_hash == hashlib.sha256(b"x" * page.LARGEST).hexdigest()
