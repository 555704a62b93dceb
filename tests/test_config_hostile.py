"""resolvers.yaml that is no YAML, no text, or meant to do harm."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from resolver_diff.config import Config, load
from resolver_diff.config import yaml as tree
from resolver_diff.errors import ConfigError, Problem

Load = Callable[[str | bytes], Config]

CONTROL = "resolvers:\n- {name: a, address: 192.0.2.1, role: control}\n"


@pytest.fixture
def load_yaml(tmp_path: Path) -> Load:
    """Load a text as resolvers.yaml, beside a domain set of one name."""
    lists = tmp_path / "domains"
    lists.mkdir(exist_ok=True)
    (lists / "one.txt").write_text("example.com\n")
    file = tmp_path / "resolvers.yaml"

    def load_it(text: str | bytes) -> Config:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(file, [lists])

    return load_it


def mistakes(load_yaml: Load, text: str | bytes) -> tuple[Problem, ...]:
    """Load what cannot be loaded, and return why."""
    with pytest.raises(ConfigError) as caught:
        load_yaml(text)
    return caught.value.problems


def only(problems: tuple[Problem, ...]) -> Problem:
    """Return the one problem there is."""
    assert len(problems) == 1, [problem.render() for problem in problems]
    return problems[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is nothing in it"),
        ("# only a comment\n", "there is nothing in it"),
        ("- a\n", "the file must have keys and values"),
        ("resolvers:\n", "`resolvers` is missing or empty"),
        ("probe: {attempts: 1}\n", "`resolvers` is missing or empty"),
        ("resolvers: {a: b}\n", "`resolvers` must be a list"),
        ("resolvers: [{}]\n", "an empty entry"),
        ("a: [1, 2\n", "this is not YAML: did not find expected ',' or ']'"),
        ("resolvers: [\x07]\n", "this is not YAML: control characters are not allowed"),
        (CONTROL + "---\n" + CONTROL, "a second document begins here"),
        ("resolvers: *nobody\n", "no anchor is called `nobody`"),
        ("resolvers: &all [*all]\n", "`*all` contains itself"),
        ("resolvers: " + "[" * 100, "this is nested more than 32 deep"),
        ("? [a]\n: b\n", "a key must be text"),
        (CONTROL + "probe: {qtypes: [A, TYPE1]}", "`qtypes`: a record type is there twice: `['A', 'TYPE1']`"),
        (CONTROL + "probe: {qtypes: [AXFR]}", "`qtypes`: AXFR is not a type of records: `AXFR`"),
        (CONTROL + "probe: {qtypes: []}", "`qtypes`: no record type: `[]`"),
        (CONTROL + "- {name: a, address: 192.0.2.2}", "two resolvers are called `a`"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_a_reason(load_yaml: Load, text: str, message: str) -> None:
    """Whatever stands there, the answer is one plain sentence and never a traceback."""
    assert only(mistakes(load_yaml, text)).message == message


def test_a_key_twice_in_one_mapping_is_a_mistake(load_yaml: Load) -> None:
    """PyYAML would silently take the last one."""
    problem = only(mistakes(load_yaml, "resolvers:\n- name: a\n  role: control\n  address: 192.0.2.1\n  name: b\n"))
    assert problem.message == "`name` is there twice"
    assert problem.hint == "it is in line 2 already"


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/name:os.getcwd", "!!str", "!mine"])
def test_tags_build_nothing(load_yaml: Load, tag: str) -> None:
    """No tag is followed, least of all one that would run code."""
    problem = only(mistakes(load_yaml, f"resolvers:\n- {{name: a, role: control, address: {tag} 192.0.2.1}}\n"))
    assert problem.message == f"the tag `{tag}` is not allowed"


def test_a_bomb_of_aliases_is_refused_before_it_is_expanded(load_yaml: Load) -> None:
    """Nine levels of nine aliases would be 387 million values."""
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [" + ", ".join([f"*l{n - 1}"] * 9) + "]" for n in range(1, 9)]
    problems = mistakes(load_yaml, "\n".join(levels))
    assert "with its aliases expanded this has more than 500,000 values" in [problem.message for problem in problems]


def test_an_alias_stands_for_what_it_names(load_yaml: Load) -> None:
    """An alias that stays small is as good as what it stands for."""
    config = load_yaml(
        "resolvers:\n"
        "- {name: a, address: 192.0.2.1, role: control, tags: &tags [x, y]}\n"
        "- {name: b, address: 192.0.2.2, tags: *tags}\n"
    )
    assert config.resolvers[1].tags == ("x", "y")


def test_a_merge_key_is_answered_with_groups(load_yaml: Load) -> None:
    """`<<` is no part of YAML 1.2; groups do what it did."""
    problem = only(mistakes(load_yaml, "resolvers: [{<<: {role: control}, name: a, address: 192.0.2.1}]"))
    assert (problem.message, problem.hint) == ("unknown key `<<`", "did you mean `group`?")


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"resolvers: \0", "a NUL octet"),
        (b"# caf\xe9\n", "octet 0xe9 is not UTF-8"),
        (CONTROL.encode("utf-16-le"), "a NUL octet"),
        (b"\xff\xfea", "it says that it is UTF-16, but is not: 'utf-16-le' codec can't decode"),
    ],
)
def test_what_is_no_text_is_refused(load_yaml: Load, octets: bytes, message: str) -> None:
    """Octets that are no UTF-8 are a mistake with a place, not a traceback."""
    assert only(mistakes(load_yaml, octets)).message.startswith(message)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_a_warning(load_yaml: Load, codec: str) -> None:
    """What Windows editors write is read, and the user is told."""
    config = load_yaml(CONTROL.encode(codec))
    assert [resolver.name for resolver in config.resolvers] == ["a"]
    assert [warning.message[:15] for warning in config.warnings] == ["byte order mark"]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """A missing file and a folder are mistakes of the command line, said as such."""
    (tmp_path / "one.txt").write_text("example.com\n")
    with pytest.raises(ConfigError, match=r"there is no such file|it cannot be read: Is a directory"):
        load(tmp_path / name, [tmp_path / "one.txt"])


def test_a_file_of_endless_length_is_refused(load_yaml: Load) -> None:
    """resolvers.yaml may have 8 MiB."""
    assert only(mistakes(load_yaml, b"#" * (8 * 2**20 + 1))).message == "it is longer than 8 MiB"


def test_without_libyaml_the_same_is_read(load_yaml: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML without its C part gives the same resolvers and the same places."""
    text = "resolvers:\n- &x {name: a, address: 192.0.2.1, role: control, tags: [1.5, 'y']}\n"
    with_c = only(mistakes(load_yaml, text))
    monkeypatch.setattr(tree, "LOADER", yaml.SafeLoader)
    assert only(mistakes(load_yaml, text)) == with_c


FRAGMENTS = st.sampled_from(
    (
        *(
            "resolvers:",
            "groups:",
            "\n",
            "- ",
            "  ",
            "name: a",
            "address: 1.1.1.1",
            "{",
            "}",
            "[",
            "]",
            "&a",
            "*a",
            "!!int",
        ),
        *(
            "port: 53",
            ": ",
            ", ",
            "'",
            '"',
            "|",
            ">",
            "---",
            "<<: ",
            "? ",
            "#",
            "null",
            "0x1",
            "\t",
            "\u2028",
            "é",
            "%YAML",
        ),
    )
)


@given(st.one_of(st.lists(FRAGMENTS, max_size=40).map("".join), st.text(max_size=60)))
@example("resolvers: [{name: {}, address: []}]")
@example("defaults: [1]\ngroups: [1]\nprobe: 3\nresolvers: [1, null, [], {}]")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_ends_in_a_traceback(load_yaml: Load, text: str) -> None:
    """Whatever resolvers.yaml holds, it is a Config or a ConfigError."""
    with contextlib.suppress(ConfigError):
        load_yaml(text.encode(errors="replace"))
