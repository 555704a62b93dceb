"""The resolvers and domain sets that come with resolver_diff are what they say."""

import ipaddress
import json
import shutil
from itertools import groupby
from pathlib import Path
from time import process_time

import jsonschema
import pytest
import yaml

from resolver_diff import config as config_module
from resolver_diff.config import Config, load, shipped
from resolver_diff.config.model import schema
from resolver_diff.tables import TransportName

SCHEMA = Path(config_module.__file__).parent.parent / "schemas" / "resolvers.schema.json"


@pytest.fixture(scope="module")
def config() -> Config:
    """The shipped configuration."""
    return load(shipped() / "resolvers.yaml", [shipped() / "domains"])


def test_the_shipped_configuration_has_no_mistake_and_no_warning(config: Config) -> None:
    """Nothing in it is there twice, unknown or useless."""
    assert config.warnings == ()


def test_there_are_resolvers_enough_and_a_run_can_ask_them_all(config: Config) -> None:
    """At least 80 resolvers, over transports that this version carries."""
    assert len(config.resolvers) >= 80
    assert {resolver.transport for resolver in config.resolvers} <= {TransportName.UDP, TransportName.TCP}


def test_controls_are_many_and_independent(config: Config) -> None:
    """At least 12 unfiltered controls, of 8 operators, in 5 countries, none in a country that lies."""
    controls = [resolver for resolver in config.resolvers if resolver.role == "control"]
    assert len(controls) >= 12
    assert len({resolver.operator for resolver in controls}) >= 8
    assert len({resolver.country for resolver in controls}) >= 5
    assert {resolver.policy for resolver in controls} == {"unfiltered"}
    assert not {resolver.country for resolver in controls} & {"RU", "IR", "CN", "TR", "KZ", "BY", "KR", "IN"}


def test_encrypted_transports_of_many_operators_can_be_asked(config: Config) -> None:
    """Beside UDP and TCP, DoT, DoH and DoQ are there to be asked; each knows whose certificate it must be."""
    over = {transport: config.over([transport]).resolvers for transport in ("tcp", "tls", "https", "quic")}
    operators = {transport: len({each.operator for each in found}) for transport, found in over.items()}
    assert operators["tcp"] >= 40
    assert operators["tls"] >= 14
    assert operators["https"] >= 10
    assert operators["quic"] >= 2
    for resolver in (*over["tls"], *over["https"], *over["quic"]):
        assert resolver.hostname or resolver.operator == "TWNIC", resolver.name  # by the address in its certificate
    assert all(each.path for each in over["https"])
    every = config.over(sorted(over))
    assert len({(each.name, each.transport) for each in every.resolvers}) == len(every.resolvers)


def test_both_nsdi_resolvers_are_there(config: Config) -> None:
    """195.208.4.1 and 195.208.5.1 are Russia's register, run by MSK-IX."""
    nsdi = {each.name: each for each in config.resolvers if each.name.startswith("nsdi")}
    assert {name: each.address for name, each in nsdi.items()} == {"nsdi-a": "195.208.4.1", "nsdi-b": "195.208.5.1"}
    assert {(each.operator, each.role, each.policy, each.country) for each in nsdi.values()} == {
        ("MSK-IX", "register", "national", "RU")
    }


def test_every_fact_has_a_source_and_a_date(config: Config) -> None:
    """Whoever doubts an entry can look it up."""
    for resolver in config.resolvers:
        assert resolver.source, resolver.name
        assert resolver.date, resolver.name
        assert resolver.operator, resolver.name
        assert resolver.country, resolver.name


def test_no_shipped_address_is_private_or_unroutable(config: Config) -> None:
    """Nothing shipped asks a machine in the user's own network."""
    assert all(ipaddress.ip_address(resolver.address).is_global for resolver in config.resolvers)


def test_every_promised_domain_set_is_there(config: Config) -> None:
    """The services that vanished, and MAX as a contrast."""
    promised = "discord facebook facetime instagram max messenger news signal snapchat telegram tor whatsapp x youtube"
    assert [each.name for each in config.domain_sets] == promised.split()
    assert len(config.control_names) >= 5


@pytest.mark.parametrize("name", ["youtube", "whatsapp", "facebook", "instagram", "messenger"])
def test_the_names_of_february_2026_are_in_their_sets(config: Config, name: str) -> None:
    """The bare .com name of each service that left NSDI is asked."""
    (names,) = [each.qnames.to_list() for each in config.domain_sets if each.name == name]
    assert f"{name}.com" in names


def test_every_list_says_what_it_is_where_from_and_when() -> None:
    """Each shipped list begins with a comment that has a source and a date."""
    for file in (shipped() / "domains").glob("*.txt"):
        head = file.read_text().partition("\n\n")[0]
        assert all(line.startswith("#") for line in head.splitlines()), file
        assert "# Source: " in head, file
        assert "# Date: 20" in head, file


def test_what_is_shipped_loads_in_a_moment() -> None:
    """Less than 0.3 s of CPU, so that no command feels slow."""
    start = process_time()
    load(shipped() / "resolvers.yaml", [shipped() / "domains"])
    assert process_time() - start < 0.3


def test_without_paths_the_current_folder_wins_over_what_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """./resolvers.yaml and ./domains are taken where they exist, what is shipped where not."""
    monkeypatch.chdir(tmp_path)
    config = load(None, [])
    assert len(config.resolvers) >= 80
    assert "shipped/resolvers.yaml" in config.inputs
    (tmp_path / "resolvers.yaml").write_text("resolvers: [{name: a, address: 192.0.2.1, role: control}]\n")
    (tmp_path / "domains").mkdir()
    (tmp_path / "domains" / "mine.txt").write_text("example.com\n")
    config = load(None, [])
    assert [resolver.name for resolver in config.resolvers] == ["a"]
    assert [each.name for each in config.domain_sets] == ["mine"]
    assert list(config.inputs) == ["resolvers.yaml", "shipped/domains/control.txt", "domains/mine.txt"]


def test_installed_data_is_found_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wheel the data lies in the package's data folder."""
    package = tmp_path / "resolver_diff"
    shutil.copytree(shipped() / "domains", package / "data" / "domains")
    monkeypatch.setattr("importlib.resources.files", lambda _: package)
    assert shipped() == package / "data"


def test_the_json_schema_is_up_to_date() -> None:
    """`python -m resolver_diff.config` prints what is in the repository."""
    assert json.loads(SCHEMA.read_text()) == schema()


def test_the_json_schema_takes_the_shipped_file_and_refuses_a_wrong_one() -> None:
    """An editor agrees with the program about keys, types and words."""
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    text = (shipped() / "resolvers.yaml").read_text()
    document = yaml.load(text, Loader=yaml.BaseLoader)  # scalars as text, as JSON has them next
    good = json.loads(json.dumps(document), object_hook=_typed)
    assert list(validator.iter_errors(good)) == []
    for wrong in (
        {"transport": "dot"},
        {"port": "53"},
        {"port": 0},
        {"adress": "192.0.2.1"},
        {"country": "Russia"},
        {"tags": "one"},
        {"qps": 0},
        {"name": "a b"},
    ):
        entry = {"name": "a", "address": "192.0.2.1", **wrong}
        assert list(validator.iter_errors({"resolvers": [entry]})), wrong
    assert list(validator.iter_errors({"resolvers": []}))
    assert list(validator.iter_errors({"resolver": []}))


def _typed(mapping: dict[str, object]) -> dict[str, object]:
    """Make numbers of the keys that have numbers."""
    return {
        key: float(str(value)) if key in {"qps", "timeout", "attempts", "port"} else value
        for key, value in mapping.items()
    }


def test_the_first_line_leads_editors_to_the_schema() -> None:
    """The schema named in the first line exists."""
    first = (shipped() / "resolvers.yaml").read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (shipped() / first.partition("=")[2]).is_file() or (shipped() / "resolvers.yaml").parent.name == "data"


def test_entries_of_one_operator_and_role_share_their_facts(config: Config) -> None:
    """An operator's name is spelt one way, so that its controls vote once."""

    def key(name: str | None) -> str:
        return "".join(char for char in (name or "").lower() if char.isalnum())

    operators = sorted({resolver.operator or "" for resolver in config.resolvers}, key=key)
    assert [list(group) for _, group in groupby(operators, key) if len(list(group)) > 1] == []
