"""Hold the columnar decoder to every message that dnspython's own tests make or read.

    python3 dev.py benchmark peer_messages

Fetches dnspython's source by pip (with its tests; not part of this project),
runs its message tests with an ear at its reader and writer, and decodes what
was heard. Exits with 1 when a message that dnspython accepts decodes otherwise.
"""

import collections
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import dns.exception
import dns.message

sys.path.insert(0, str(Path(__file__).parent.parent))
from wire_messages import reference, rows

VERSION = "2.8.0"  # the newest whose source archive has the tests
TESTS = ("test_message.py", "test_edns.py", "test_dnssec.py", "test_update.py", "test_tsig.py", "test_query.py")
EAR = """
import atexit, pathlib, dns.message
heard = set()
read, write = dns.message._WireReader.__init__, dns.message.Message.to_wire
def reading(self, wire, *args, **kwargs):
    heard.add(bytes(wire))
    read(self, wire, *args, **kwargs)
def writing(self, *args, **kwargs):
    heard.add(bytes(wire := write(self, *args, **kwargs)))
    return wire
dns.message._WireReader.__init__, dns.message.Message.to_wire = reading, writing
atexit.register(lambda: pathlib.Path("heard.txt").write_text("\\n".join(sorted(wire.hex() for wire in heard))))
"""


def main() -> int:
    """Print how many messages there were, were comparable, and differ."""
    messages = heard()
    query = dns.message.make_query("x.example", "A").to_wire()
    outcomes: collections.Counter[str] = collections.Counter()
    compared = different = 0
    for wire in messages:
        asked = question_of(wire) or query
        (row,) = rows([(asked, wire)])
        outcomes[str(row["outcome"])] += 1
        wanted = reference(asked, wire) if asked is not query else None
        compared += wanted is not None
        if wanted is not None and row != wanted:
            different += 1
            print({name: (wanted[name], row[name]) for name in wanted if wanted[name] != row[name]})
    print(f"{len(messages)} messages, {compared} of them dnspython can compare, {different} differ; {dict(outcomes)}")
    return 1 if different or not compared else 0


def heard() -> list[bytes]:
    """Return the messages that dnspython's tests make or read."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        fetch = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--no-build-isolation",
        ]
        subprocess.run([*fetch, "-d", folder, f"dnspython=={VERSION}"], check=True)
        with tarfile.open(next(place.glob("*.tar.gz"))) as archive:
            archive.extractall(place, filter="data")
        source = next(place.glob("dnspython-*/"))
        (source / "ear.py").write_text(EAR)
        tests = [f"tests/{name}" for name in TESTS if (source / "tests" / name).exists()]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "ear",
            "-p",
            "no:cacheprovider",
            "-k",
            "not Live",
            *tests,
        ]
        subprocess.run(command, cwd=source, env={"PYTHONPATH": str(source), "NO_INTERNET": "1"}, check=False)
        return [bytes.fromhex(line) for line in (source / "heard.txt").read_text().split()]


def question_of(wire: bytes) -> bytes | None:
    """Return a query with the one question of *wire*, if dnspython can read it."""
    try:
        message = dns.message.from_wire(wire, question_only=True)
    except dns.exception.DNSException:
        return None
    if len(message.question) != 1:
        return None
    asked = message.question[0]
    return dns.message.make_query(asked.name, asked.rdtype, asked.rdclass).to_wire()


if __name__ == "__main__":
    raise SystemExit(main())
