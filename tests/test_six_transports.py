"""One honest resolver, asked over all six transports in one run: what it says does not depend on how it is carried."""

import contextlib
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from hostile import Hostile
from hostile import Talk as Stream
from quic_servers import NAME, Authority, QuicResolver
from quic_servers import Talk as QuicTalk
from resolver_diff import snapshot
from resolver_diff.lab import reading
from resolver_diff.lab.servers import Lab
from test_commands import run

SIX = ("udp", "tcp", "tls", "https", "h3", "quic")
SAYS = ["outcome", "rcode", "aa", "answer", "cname", "ttl", "soa", "authority", "ede", "ede_text"]
LONG = " ".join(f'"{letter * 200}"' for letter in "ABCDEFGHIJ")  # more than a datagram holds
STORY = f"""
names:
  shops:
    plain.example: 198.51.100.1 2001:db8::1
    many.example: 198.51.100.9 198.51.100.10 198.51.100.2 2001:db8::9
    chain.example: cname=a.example cname=b.example 198.51.100.2
    dangling.example: cname=gone.example nxdomain
    gone.example: nxdomain
    empty.example: nodata
    bare.example: nxdomain aa no-soa
    failing.example: servfail ede=22 ede=23 ede-text=No\\032luck
    blocked.example: refused ede=15
    odd.example: notimp
    short.example: answer ttl=1
    long.example: {{TXT: '{LONG}', A: 198.51.100.3}}
  control: {{control.example: 198.51.100.8}}
resolvers:
  honest: {{transports: [udp, tcp]}}
days:
  2026-02-11:
"""
NAMES = re.findall(r"^    ([a-z]+\.example): ", STORY, re.MULTILINE)
DAY = reading.loads(STORY).dates[0]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Every reply of one run of the program: who speaks UDP and TCP is a lab, and before it stand the other four."""
    folder = tmp_path_factory.mktemp("six")
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        lab = stack.enter_context(Lab(reading.loads(STORY)))
        lab.play(DAY)
        Path("names.txt").write_text("".join(f"{qname}\n" for qname in NAMES))
        Path("resolvers.yaml").write_text(entry(folder, lab.ports["honest"], stack))
        asked = ("snapshot", "--domains", "names.txt", "--date", str(DAY), "--transports", ",".join(SIX))
        done = run(*asked)
        assert done.exit_code == 0, done.stderr
    (loaded,) = snapshot.load(folder / "snapshots", DAY)
    return loaded.observations.filter(pl.col("reply").is_not_null())  # a busy machine may have to ask again


def entry(folder: Path, port: int, stack: contextlib.ExitStack) -> str:
    """Serve what the resolver at *port* says over the other four transports; return resolvers.yaml."""
    authority = Authority()
    (folder / "ca.pem").write_bytes(authority.pem)
    good = authority.issue(NAME)
    certificate, key = good.write(folder)
    tls = served(certificate, key, port, stack)
    program = Path(__file__).with_name("doh3_server.py")
    command: list[str | Path] = [sys.executable, program, certificate, key, str(port)]
    web = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
    stack.callback(web.kill)
    assert web.stdout is not None
    h3, https = (int(web.stdout.readline()) for _ in range(2))
    quic = stack.enter_context(QuicResolver(good, lambda talk: relay(talk, port))).port
    also = f"tcp: {{port: {port}}}, tls: {{port: {tls}}}, https: {{port: {https}}}, h3: {{port: {h3}}}"
    return (
        "probe: {qtypes: [A, AAAA, TXT], timeout: 20}\n"
        f"resolvers:\n  - {{name: honest, address: 127.0.0.1, port: {port}, hostname: {NAME}, ca: ca.pem, qps: 300,\n"
        f"     also: {{{also}, quic: {{port: {quic}}}}}}}\n"
    )


def served(certificate: Path, key: Path, port: int, stack: contextlib.ExitStack) -> int:
    """Serve over TLS what the resolver at *port* says over TCP; return where."""
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(certificate, key)
    secured.set_alpn_protocols(["dot"])

    async def converse(stream: Stream) -> None:
        while True:
            await stream.say(answer(await stream.next(), port))

    return stack.enter_context(Hostile()).listen(converse, secured).port


def relay(talk: QuicTalk, port: int) -> None:
    """Answer over QUIC with what the resolver at *port* says."""
    talk.say(answer(talk.asked, port))


def answer(asked: bytes, port: int) -> bytes:
    """Return what the resolver at *port* says over TCP."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as upstream, upstream.makefile("rb") as said:
        upstream.sendall(len(asked).to_bytes(2, "big") + asked)
        return said.read(int.from_bytes(said.read(2), "big"))


def told(cells: pl.DataFrame, transport: str) -> list[tuple[object, ...]]:
    """Return everything that was said over *transport*, each thing once."""
    over = cells.filter(pl.col("transport") == transport)
    return over.select("purpose", "qname", "qtype", *SAYS).unique().sort("purpose", "qname", "qtype", *SAYS).rows()


@pytest.mark.parametrize("transport", SIX[1:])
def test_every_cell_is_the_same(cells: pl.DataFrame, transport: str) -> None:
    """Answers, chains, denials and whose they are, errors and their reasons: over each transport as over UDP."""
    assert told(cells, transport) == told(cells, "udp")


def test_there_is_something_to_compare(cells: pl.DataFrame) -> None:
    """Each question has one answer over each transport, and all kinds of answers are among them."""
    targets = cells.filter(pl.col("purpose") == "target")
    per_cell = targets.group_by("transport", "qname", "qtype").agg(pl.struct(SAYS).n_unique().alias("different"))
    assert per_cell.height == len(SIX) * len(NAMES) * 3
    assert per_cell["different"].unique().to_list() == [1]
    assert set(targets["outcome"].cast(pl.String)) == {
        *("answer", "nodata", "nxdomain", "servfail", "refused", "other-rcode")
    }
    said = {(row["qname"], row["qtype"]): row for row in targets.iter_rows(named=True)}
    assert said["chain.example", "A"]["cname"] == "a.example b.example"
    assert said["gone.example", "A"]["soa"] == "example"
    assert said["bare.example", "A"]["soa"] is None
    assert said["failing.example", "A"]["ede_text"] is not None


def test_what_no_datagram_holds_is_whole_over_each(cells: pl.DataFrame) -> None:
    """Truncated over UDP and asked again over TCP, the answer is that of the others."""
    long = cells.filter(pl.col("qname") == "long.example", pl.col("qtype") == "TXT")
    assert {str(row["transport"]): row["tc"] for row in long.iter_rows(named=True)} == {
        transport: transport == "udp" for transport in SIX
    }
    assert long["answer"].n_unique() == 1
    assert len(long["answer"][0]) > 2000
