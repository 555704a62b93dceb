"""Metrics: the numbers are those of the judgement, their names are Prometheus', and the dashboard knows them."""

import base64
import http.server
import importlib.util
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner, Result

import stories
from resolver_diff import metrics
from resolver_diff.__main__ import Manner, application
from resolver_diff.config import Resolver
from resolver_diff.errors import UsageError
from resolver_diff.metrics import METRICS, PREFIX, gateway
from resolver_diff.snapshot import ORDER, Run, filing
from resolver_diff.tables import Condition, Mechanism, Observations, State

ROOT = Path(__file__).parents[1]
DASHBOARD = json.loads((ROOT / "contrib" / "grafana" / "resolver-diff.json").read_text(encoding="utf-8"))
NOT_SHOWN: set[str] = set()  # metrics that are not on the dashboard, each with a reason beside it
LOST = {"one.example": "nxdomain", "two.example": "nxdomain"}
SILENT = {"*": "timeout", "canary": "timeout"}
DAYS: list[dict[str, Any]] = [
    *[{}] * 5,
    {"nsdi-a": LOST, "nsdi-b": LOST},
    {"nsdi-a": LOST, "nsdi-b": LOST, "isp-br": SILENT},
    *[{}] * 9,
]
FIRST, BEGUN, GOES_ON, QUIET, OVER = "2026-01-25", "2026-01-30", "2026-01-31", "2026-02-01", "2026-02-09"
Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file for each of the dates, the last of them 2026-02-09."""
    folder = tmp_path_factory.mktemp("kept") / "snapshots"
    told = {"history": DAYS, "before": {}, "after": {}, "truth": {"one.example": "answer", "two.example": "answer"}}
    for day in stories.Story("metrics", told).history:
        rows = Observations.of(day.observations.sort(ORDER)).frame
        counts = {"questions": 1000, "queries": 1200, "replies": 950, "silent": 45, "withheld": 100}
        filing.put(folder, replace(day.runs[0], counts=counts), "story", rows, replace=False)
    return folder


def run(kept: Path, *words: str) -> Result:
    """Type the command."""
    return CliRunner().invoke(application(Manner()), ["metrics", "--snapshots", str(kept), *words])


def numbers(text: str) -> Numbers:
    """Return each number by the name of its metric, without the prefix, and its labels without the vantage."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset((name, value) for name, value in sample.labels.items() if name != "vantage")
            found[sample.name.removeprefix(PREFIX), labels] = sample.value
    return found


def of(found: Numbers, name: str, **labels: str) -> float:
    """Return the sum of the numbers of this metric that have these labels."""
    values = [value for (metric, has), value in found.items() if metric == name and frozenset(labels.items()) <= has]
    assert values, f"there is no {name} of {labels}"
    return sum(values)


@pytest.fixture(scope="module")
def goes_on(kept: Path) -> Numbers:
    """Return the numbers of the date on which an event goes on."""
    done = run(kept, GOES_ON)
    assert done.exit_code == 0, done.stderr
    return numbers(done.stdout)


def test_cells_by_state_and_mechanism(goes_on: Numbers) -> None:
    """Every cell is in one state, the wrong ones have a mechanism; names that both registers lost are counted there."""
    asked = 2 * (2 + len(stories.QUIET)) * len(stories.CAST)
    assert of(goes_on, "cells") == asked
    assert of(goes_on, "cells", country="RU", role="register", state="vanished") == 8
    assert of(goes_on, "wrong_cells", country="RU", role="register", mechanism="nxdomain") == 8
    assert of(goes_on, "wrong_cells") == 8
    assert of(goes_on, "cells", country="BR", state="insufficient") == asked / len(stories.CAST)


def test_series_do_not_come_and_go(goes_on: Numbers) -> None:
    """Every place has a number for every state and mechanism, every resolver for every condition, be it 0."""
    kinds = {"cells": ("state", State), "wrong_cells": ("mechanism", Mechanism)}
    for metric, (label, words) in kinds.items():
        there = {dict(labels)[label] for name, labels in goes_on if name == metric and ("country", "DE") in labels}
        assert there == set(words)
    there = {dict(labels)["condition"] for name, labels in goes_on if name == "resolver_condition"}
    assert there == set(Condition)
    assert of(goes_on, "events_open", country="DE") == 0


@pytest.mark.parametrize(
    ("day", "reported", "seen", "goes_on", "over"),
    [(BEGUN, 1, 1, 1, 0), (GOES_ON, 0, 1, 1, 0), (QUIET, 0, 0, 1, 0), (OVER, 0, 0, 0, 1)],
)
def test_events_are_those_known_on_that_date(
    kept: Path, day: str, reported: int, seen: int, goes_on: int, over: int
) -> None:
    """What begins, goes on and is over is told as of the date asked for, though later dates are there."""
    found = numbers(run(kept, day).stdout)
    told = [of(found, f"events_{name}", country="RU") for name in ("reported", "seen", "open", "over")]
    assert told == [reported, seen, goes_on, over]
    assert of(found, "events_open_names", country="RU") == 2 * goes_on


def test_resolvers(goes_on: Numbers) -> None:
    """A resolver that said nothing is not up, and silent; how much it lost is a share; only controls have a vote."""
    mute, well = {"resolver": "isp-br", "transport": "udp"}, {"resolver": "quad9", "transport": "udp"}
    assert of(goes_on, "resolver_up", **mute) == 0
    assert of(goes_on, "resolver_condition", condition="silent", **mute) == 1
    assert of(goes_on, "resolver_loss_ratio", **mute) == 1
    assert of(goes_on, "resolver_up", **well) == 1
    assert of(goes_on, "resolver_loss_ratio", **well) == 0
    assert of(goes_on, "resolver_votes", **well) == 1
    assert of(goes_on, "resolver_info", operator="Quad9", country="CH", role="control", **well) == 1
    voters = {dict(labels)["resolver"] for name, labels in goes_on if name == "resolver_votes"}
    assert voters == {name for name, facts in stories.CAST.items() if facts["role"] == "control"}


def test_run(goes_on: Numbers) -> None:
    """The facts of the run are there in base units; loss is a share of what was asked, not of what was withheld."""
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
    assert of(goes_on, "snapshot_date_timestamp_seconds") == datetime(2026, 1, 31, tzinfo=UTC).timestamp()
    assert of(goes_on, "last_success_timestamp_seconds") == noon
    assert of(goes_on, "run_questions") == 1000
    assert of(goes_on, "run_withheld_questions") == 100
    assert of(goes_on, "run_loss_ratio") == 45 / 900
    assert of(goes_on, "coverage_drops", scope="country") == 1  # BR, where the only resolver is silent


def test_what_nobody_counted_is_absent() -> None:
    """A snapshot that was imported has no count of questions: there is no number for it, and not 0."""
    noon = datetime(2026, 2, 8, 12, tzinfo=UTC)
    imported = Run(date(2026, 2, 8), "home", noon, noon, "0", "", 1, 0.0, (), {}, {"queries": 7, "replies": 5})
    found = numbers(metrics.text(metrics.measures(noon.date(), [], [], [imported])))
    assert of(found, "run_queries") == 7
    assert not {"run_questions", "run_loss_ratio"} & {name for name, _ in found}


def test_names_keep_the_conventions(kept: Path) -> None:
    """Gauges in base units, each with a HELP text, under one prefix, without the suffixes that counters have."""
    families = list(text_string_to_metric_families(run(kept, FIRST).stdout))
    assert [family.name for family in families] == [PREFIX + name for name in METRICS]
    for family in families:
        assert re.fullmatch(r"resolver_diff_[a-z]+(_[a-z]+)*", family.name)
        assert not re.search(r"_(total|count|sum|bucket|created|milliseconds|minutes|percent)$", family.name)
        assert family.type == "gauge"
        assert family.documentation.endswith(".")
    timed = [name for name in METRICS if "timestamp" in name or "duration" in name]
    assert timed
    assert all(name.endswith("_seconds") for name in timed)


def test_no_label_is_a_name(kept: Path) -> None:
    """The number of series does not grow with the names that are asked for."""
    assert ".example" not in run(kept, GOES_ON).stdout


def test_hostile_texts_stay_labels() -> None:
    """An operator whose name has quotes, lines and controls gets one sample, and no control is left."""
    noon = datetime(2026, 2, 8, 12, tzinfo=UTC)
    evil = 'a"} 1\n# HELP x\x1b[2J\\ \u202e'
    entry = Resolver(name="evil", address="192.0.2.1", operator="x", role="isp").model_copy(update={"operator": evil})
    told = Run(date(2026, 2, 8), "home", noon, noon, "0", "", 1, 0.0, (entry,), {}, {})
    text = metrics.text(metrics.measures(noon.date(), [], [], [told]))
    (operator,) = [dict(labels)["operator"] for name, labels in numbers(text) if name == "resolver_info"]
    assert operator == 'a"} 1\\x0a# HELP x\\x1b[2J\\ \\u202e'
    assert text.replace("\n", "").isprintable()


def test_written_whole_where_told(kept: Path, tmp_path: Path) -> None:
    """--output writes what stdout would have, under the name itself at once; nothing else is left beside it."""
    done = run(kept, FIRST, "--output", str(tmp_path / "resolver_diff.prom"))
    assert (done.exit_code, done.stdout) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["resolver_diff.prom"]
    assert (tmp_path / "resolver_diff.prom").read_text() == run(kept, FIRST).stdout
    missing = run(kept, FIRST, "--output", str(tmp_path / "no" / "x.prom"))
    assert missing.exit_code == 2
    assert "mkdir -p" in missing.stderr


def test_without_prometheus_client(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not installed the extra is told its name, before anything is judged."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    done = run(kept, FIRST)
    assert done.exit_code == 2
    assert "resolver-diff[metrics]" in done.stderr


def test_promtool_has_nothing_to_say(
    kept: Path, tmp_path: Path, debian_server: Callable[[str, str], Path], goes_on: Numbers
) -> None:
    """Prometheus' own linter passes the numbers, and its parser every query of the dashboard."""
    promtool = debian_server("promtool", "prometheus")
    text = run(kept, FIRST).stdout
    linted = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
    rules = [{"record": f"query:{place}", "expr": query} for place, query in enumerate(queries())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    read = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert read.returncode == 0, read.stdout + read.stderr
    assert f"{len(rules)} rules found" in read.stdout


def queries() -> list[str]:
    """Return every query of the dashboard, with a value for each of its variables."""
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    asked += [note["expr"] for note in DASHBOARD["annotations"]["list"] if "expr" in note]
    return [query.replace("$vantage", "home").replace("$country", ".*") for query in asked]


def test_dashboard_and_metrics_know_each_other() -> None:
    """Every metric that a query names is exported, and every one exported is shown, or left out for a reason."""
    variables = [variable.get("definition", "") for variable in DASHBOARD["templating"]["list"]]
    named = set(re.findall(rf"{PREFIX}(\w+)", " ".join([*queries(), *variables])))
    assert named <= set(METRICS)
    assert named == set(METRICS) - NOT_SHOWN


def test_dashboard_labels_exist() -> None:
    """Every label that a query selects by is one that its metric has."""
    for query in queries():
        assert "$" not in query
        for name, selected in re.findall(rf"{PREFIX}(\w+)\{{([^}}]*)\}}", query):
            assert {part.partition("=")[0].strip() for part in selected.split(",")} <= set(METRICS[name].labels)


def test_dashboard_can_be_imported_anywhere() -> None:
    """The data source is a variable everywhere; no panel has the number or place of another; all fit the grid."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"
    sources = [panel["datasource"] for panel in panels if panel["type"] != "row"]
    sources += [target["datasource"] for panel in panels for target in panel.get("targets", [])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        x, y, w, h = (panel["gridPos"][side] for side in "xywh")
        squares = {(x + right, y + down) for right in range(w) for down in range(h)}
        assert x + w <= 24
        assert not squares & taken
        taken |= squares


class Gateway(http.server.BaseHTTPRequestHandler):
    """A Pushgateway that notes what it gets, and answers as it is told to."""

    status, said = 200, b""
    got: list[tuple[str, str, str | None, str]]

    def do_PUT(self) -> None:
        """Note what is put."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.got.append((self.command, self.path, self.headers["Authorization"], body))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.said)))
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(status: int = 200, said: bytes = b"") -> Iterator[tuple[str, list[tuple[str, str, str | None, str]]]]:
    """Run a gateway on this machine; yield its address and what it gets."""
    handler = type("Told", (Gateway,), {"status": status, "said": said, "got": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.got  # type: ignore[attr-defined]
        server.shutdown()


def test_pushed_by_vantage(kept: Path) -> None:
    """Each vantage is a group of the job, with its own numbers; a user and password are sent as such."""
    with listening() as (url, got):
        done = run(kept, FIRST, "--push", url.replace("//", "//me:s%40cret@"))
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    ((method, path, credentials, body),) = got
    assert (method, path) == ("PUT", "/metrics/job/resolver_diff/vantage/home")
    assert credentials == "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert body == run(kept, FIRST).stdout


def test_vantages_are_pushed_apart() -> None:
    """What is pushed for a vantage has the numbers of no other, and all that is of none."""
    noon = datetime(2026, 2, 8, 12, tzinfo=UTC)
    runs = [Run(noon.date(), place, noon, noon, "0", "", 1, 0.0, (), {}, {}) for place in ("here", "there")]
    with listening() as (url, got):
        gateway.push(url, metrics.measures(noon.date(), [], [], runs))
    for place, other, (_, path, _, body) in zip(("here", "there"), ("there", "here"), got, strict=True):
        assert path.endswith(f"/vantage/{place}")
        assert f'vantage="{place}"' in body
        assert f'vantage="{other}"' not in body
        assert "resolver_diff_build_info{" in body


@pytest.mark.parametrize("status", [400, 401, 503])
def test_gateway_that_refuses_is_quoted(kept: Path, tmp_path: Path, status: int) -> None:
    """What the gateway says is told, harmless, and the password is not; the file is written all the same."""
    file = tmp_path / "x.prom"
    with listening(status, b"pushed metrics are \x1b[2Jinvalid") as (url, _):
        done = run(kept, FIRST, "--output", str(file), "--push", url.replace("//", "//me:secret@"))
    assert done.exit_code == 2
    assert f"refuses the metrics: {status} pushed metrics are \\x1b[2Jinvalid" in done.stderr
    assert "secret" not in done.stderr
    assert file.exists()


def test_gateway_that_is_not_there(kept: Path) -> None:
    """Where nobody listens, the error says so, and where."""
    with listening() as (url, _):
        pass
    done = run(kept, FIRST, "--push", url)
    assert done.exit_code == 2
    assert f"cannot push to the Pushgateway at {url}" in done.stderr


@pytest.mark.parametrize("url", ["", "http://", "ftp://host", "file:///etc/passwd", "http://host:port", "http://u:p@"])
def test_what_is_no_address_of_a_gateway(url: str) -> None:
    """Other schemes and addresses without a host are refused before anything is sent, without a password."""
    noon = datetime(2026, 2, 8, 12, tzinfo=UTC)
    with pytest.raises(UsageError, match="is no address of a Pushgateway") as caught:
        gateway.push(url, metrics.measures(noon.date(), [], [], []))
    assert "u:p" not in caught.value.message


def test_real_pushgateway_takes_them(kept: Path, debian_server: Callable[[str, str], Path], tmp_path: Path) -> None:
    """Debian's Pushgateway accepts what is pushed, twice, and gives it back."""
    import socket
    import time
    import urllib.request

    program = debian_server("prometheus-pushgateway", "prometheus-pushgateway")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with subprocess.Popen(
        [program, f"--web.listen-address={address}"], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as server:
        try:
            for _ in range(100):
                time.sleep(0.05)
                done = run(kept, FIRST, "--push", address)
                if done.exit_code == 0:
                    break
            assert run(kept, FIRST, "--push", address).exit_code == 0
            with urllib.request.urlopen(f"http://{address}/metrics") as answer:
                text = answer.read().decode()
        finally:
            server.terminate()
    assert 'resolver_diff_events_open{country="RU",instance="",job="resolver_diff",vantage="home"} 0' in text
