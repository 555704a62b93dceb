"""The reference: pages made from the code, so that they say what it does and forget nothing."""

import importlib
import inspect
import re
import signal
from collections.abc import Iterator, Sequence
from enum import Enum
from types import ModuleType
from typing import Any

import polars as pl
import typer

import resolver_diff
from keys import schema_page
from markdown_text import code, plain, prose, table
from resolver_diff import commands, evidence, exporters, family, importers, rules, tables
from resolver_diff.__main__ import INTERNAL, PIPE_CLOSED, STOPPED, Manner, application
from resolver_diff.alert import News
from resolver_diff.confidence import patterns, stored
from resolver_diff.confidence.patterns import Patterns
from resolver_diff.errors import ExitStatus
from resolver_diff.evidence import COLUMNS, Bearing, Claim, Evidence
from resolver_diff.exporters import Exporter
from resolver_diff.importers import Importer
from resolver_diff.library import tables as library_tables
from resolver_diff.metrics.declared import METRICS, PREFIX
from resolver_diff.rules import Rule
from resolver_diff.series import extent, panel
from resolver_diff.tables import Table

MEANING = re.compile(r"^    (\w+) = .*?  # (.*)$", re.MULTILINE)
STATUS = re.compile(r"^([A-Z_]+) = \d+  # (.*)$", re.MULTILINE)
TABLES: Sequence[ModuleType] = (tables, library_tables, extent, panel, patterns)
MODULES = re.compile(r"\b(?:pathlib\.(?:_local\.)?|collections\.abc\.|datetime\.|resolver_diff\.\w+\.)")
WORDS = (
    ("State", tables.State, "What one cell is, next to the controls."),
    ("Change", tables.Change, "What happened to a cell between two dates."),
    ("Mechanism", tables.Mechanism, "By what a name vanished or diverged."),
    ("Outcome", tables.Outcome, "How one query ended."),
    ("Condition", tables.Condition, "How a resolver was on a date."),
    ("Purpose", tables.Purpose, "Why a question is asked."),
    ("Transport", tables.TransportName, "How queries are carried."),
    ("News", News, "What an alert is about."),
)
ABOUT = {
    Claim.VANISHED: "a name that got no answer, while the controls answer",
    Claim.DIVERGENT: "an answer that the controls do not share",
    Claim.EITHER: "whatever differs from the controls",
    Claim.RESOLVER: "every cell of a resolver, or of one type there",
}


def pages() -> dict[str, str]:
    """Return every page of the reference by its path."""
    found = {
        "reference/commands.md": _commands_page(),
        "reference/statuses.md": _statuses_page(),
        "reference/tables.md": _tables_page(),
        "reference/words.md": _words_page(),
        "reference/evidence.md": _evidence_page(),
        "reference/confidence.md": _confidence_page(),
        "reference/resolvers-yaml.md": schema_page(),
        "reference/rules.md": _rules_page(),
        "reference/import.md": _import_page(),
        "reference/library.md": _library_page(),
    }
    return {path: "\n".join(lines) + "\n" for path, lines in found.items()}


def _commands_page() -> Iterator[str]:
    program = typer.main.get_command(application(Manner()))
    yield from ("# Commands", "", plain(ABOUT_COMMANDS), "")
    names = family.names(commands)
    yield from table(
        ("Command", "What it does"),
        ((f"[`{name}`](#{name})", plain(_first(program.commands[name].help))) for name in names),  # type: ignore[attr-defined]
    )
    yield from ("## Options of all commands { #all }", "")
    yield from _options(program, "resolver-diff")
    for name in names:
        yield from ("", f"## {name} {{ #{name} }}", "")
        yield from _command(program.commands[name], f"resolver-diff {name}")  # type: ignore[attr-defined]


ABOUT_COMMANDS = """Data go to stdout, everything else to stderr. Dates are `2026-02-11`, `latest`, `previous` or
`today`. Options that take a file take `-` for stdout where they write."""


def _first(text: str | None) -> str:
    return (text or "").split("\n\n")[0]


def _command(command: Any, called: str) -> Iterator[str]:
    """Yield what a command does, how it is typed, its options and examples."""
    about, _, examples = (command.help or "").replace("\b", "").partition("Examples:")
    for paragraph in about.split("\n\n"):
        if paragraph.strip():
            yield from (plain(paragraph), "")
    context = command.make_context(called, [], resilient_parsing=True)
    yield from ("```text", " ".join(command.get_usage(context).removeprefix("Usage: ").split()), "```", "")
    yield from _options(command, called)
    if examples.strip():
        yield from ("Examples:", "", "```console")
        yield from (f"$ {line.strip()}" for line in examples.strip().splitlines())
        yield from ("```", "")


def _options(command: Any, called: str) -> Iterator[str]:
    """Yield the arguments and options of *command*: how each is typed, and its help with the default."""
    context = command.make_context(called, [], resilient_parsing=True)
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    yield from table(
        ("Argument or option", "What it does"),
        ((code(_typed(record[0])), plain(record[1])) for record in records if record),
    )


def _typed(words: str) -> str:
    """Return how an argument is typed, without the name of its type in Python."""
    return re.sub(r"(\S) <[^>]*>$", r"\1", words)


def _statuses_page() -> Iterator[str]:
    main = importlib.import_module("resolver_diff.__main__")
    said = dict(STATUS.findall(inspect.getsource(main)))
    meant = meanings(ExitStatus)
    yield from ("# Exit statuses", "", "How a command ends. Scripts and timers can rely on them.", "")
    rows = [(str(int(status)), f"`{status.name}`", plain(meant[status.name])) for status in ExitStatus]
    rows.append((str(INTERNAL), "`INTERNAL`", plain(said["INTERNAL"])))
    stopped = [getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGTERM")]
    kept = "what was heard is kept for `--resume`"
    rows += [(str(STOPPED + number), f"`{number.name}`", f"stopped by this signal; {kept}") for number in stopped]
    rows.append((str(PIPE_CLOSED), "`PIPE_CLOSED`", plain(f"nobody reads stdout any more: {said['PIPE_CLOSED']}")))
    yield from table(("Status", "Name", "Meaning"), rows)
    yield from (
        "What cannot be done is said on stderr with the place and what helps; `resolver-diff --debug COMMAND` shows",
        "the traceback too. Status 3 is no failure: the snapshot is there and counts, but some resolver said nothing",
        "at all, as on most days one does; a script goes on after it.",
    )


def meanings(kind: type[Enum]) -> dict[str, str]:
    """Return what the comment beside each member of *kind* says."""
    said = dict(MEANING.findall(inspect.getsource(kind)))
    return {member.name: said.get(member.name, "") for member in kind}


def _declared(module: ModuleType) -> Iterator[type[Table]]:
    """Yield the tables that *module* declares, in the order of its file."""
    for found in vars(module).values():
        if (
            inspect.isclass(found)
            and issubclass(found, Table)
            and found.columns
            and found.__module__ == module.__name__
        ):
            yield found


def every_table() -> list[type[Table]]:
    """Return every table that is documented."""
    return [found for module in TABLES for found in _declared(module)]


def _tables_page() -> Iterator[str]:
    yield from (
        "# Tables",
        "",
        "A table is a polars frame with just these columns, in this order. null means *there was nothing*: never zero,",
        'never "unknown", never a vote. What a snapshot holds is `Observations`; what `diff --csv` and',
        "`anomalies --csv` write is `Anomalies`; what `events --csv` writes is `Spells`.",
        "",
    )
    for found in every_table():
        yield from (f"## {found.__name__} {{ #{found.__name__} }}", "")
        yield from prose(found.__doc__)
        yield from table(
            ("Column", "Type", "Null", "Meaning"),
            (
                (f"`{column.name}`", _type(column.dtype), "yes" if column.nullable else "", plain(column.meaning))
                for column in found.columns
            ),
        )


def _type(dtype: object) -> str:
    """Return a type as a person reads it; of an enumeration, where its words are explained."""
    if isinstance(dtype, pl.Enum):
        words = dtype.categories.to_list()
        known = [title for title, kind, _ in WORDS if [str(one.value) for one in kind] == words]
        return f"[{known[0]}](words.md#{known[0].lower()})" if known else " or ".join(f"`{word}`" for word in words)
    return code("String" if isinstance(dtype, pl.Categorical) else dtype)


def _words_page() -> Iterator[str]:
    yield from ("# Words in the data", "", "The values that columns of a fixed set of words may have.", "")
    for title, kind, about in WORDS:
        yield from (f"## {title} {{ #{title.lower()} }}", "", about, "")
        meant = meanings(kind)
        yield from table(("Value", "Meaning"), ((f"`{one.value}`", plain(meant[one.name])) for one in kind))


def _evidence_page() -> Iterator[str]:
    members = family.members(evidence, "EVIDENCE", Evidence)
    yield from (
        "# Evidence",
        "",
        "A cell that differs from the controls is only a candidate. Each piece of evidence speaks for or against it; a",
        "piece that *decides* settles the cell alone, the others stand beside the verdict for a person to weigh. What",
        "weakens wins over what supports. [How it judges](../method.md) has the whole of it, and",
        "[how often each pattern was right](confidence.md) the numbers.",
        "",
    )
    yield from table(
        ("Evidence", "About", "Does"),
        ((f"[`{name}`](#{name})", ABOUT[piece.claim], _does(piece)) for name, piece in members.items()),
    )
    for name, piece in members.items():
        yield from (f"## {name} {{ #{name} }}", "")
        yield from prose(importlib.import_module(f"{evidence.__name__}.{name}").__doc__)
        seen = dict.fromkeys(piece.when.meta.root_names())
        yield from (f"- About: {ABOUT[piece.claim]}", f"- Does: {_does(piece)}")
        yield from (f"- Says: {plain(piece.says)}", "- Looks at:", "")
        yield from (f"    - `{column}`: {plain(COLUMNS[column])}" for column in seen)
        yield ""


def _does(piece: Evidence) -> str:
    if not piece.decides:
        return "supports" if piece.bearing is Bearing.SUPPORTS else "weakens"
    return "convicts" if piece.bearing is Bearing.SUPPORTS else f"leaves it `{piece.leaves}`"


def _confidence_page() -> Iterator[str]:
    shipped = stored.shipped()
    yield from (
        "# How often evidence was right",
        "",
        f"The table that is shipped, counted {shipped.made} in {plain(shipped.where)}: of the cells that differed in",
        "this way and on this evidence, the share that was blocked. Its interval is Wilson's, at 95 %, by the number",
        "of cases: names in a country of a labelled set. It is not the chance that the next one is blocked: where",
        "blocks are rarer than there, it is less. What is not in the table is `never measured`.",
        "[Calibrate](../how-to/calibrate.md) counts it on sets of yours.",
        "",
    )
    for title, found in (("Cells", shipped.cells), ("Spells", shipped.spells)):
        yield from (f"## {title}", "")
        yield from _patterns(found)


def _patterns(found: Patterns) -> Iterator[str]:
    rows = found.frame.sort("cases", descending=True).iter_rows(named=True)
    yield from table(
        ("Pattern", "Right", "95 % interval", "Cases"),
        (
            (
                code(row["pattern"]),
                f"{row['precision']:.1%}",
                f"{row['low']:.1%} to {row['high']:.1%}",
                f"{row['cases']:,}",
            )
            for row in rows
        ),
    )


def _rules_page() -> Iterator[str]:
    yield from (
        "# Published rules",
        "",
        "What others have published, run on the same cells by `resolver-diff judge --rules NAME`, for comparison. None",
        "of it is our verdict. The first step that applies decides; steps that need what a snapshot lacks are passed",
        "over.",
        "",
    )
    for name, rule in family.members(rules, "RULE", Rule).items():
        yield from (f"## {name} {{ #{name} }}", "")
        yield from prose(importlib.import_module(f"{rules.__name__}.{name}").__doc__)
        yield from table(
            ("Step", "Says", "Needs", "Looks at"),
            (
                (
                    f"`{step.name}`",
                    step.says,
                    f"`_{step.needs}.parquet`" if step.needs else "",
                    ", ".join(f"`{column}`" for column in dict.fromkeys(step.when.meta.root_names())),
                )
                for step in rule.steps
            ),
        )
    yield from ("## What steps look at { #columns }", "")
    yield from table(("Column", "Meaning"), ((f"`{name}`", plain(about)) for name, about in rules.COLUMNS.items()))


def _import_page() -> Iterator[str]:
    yield from ("# Import and export", "", "`resolver-diff import FORM PATH` reads these forms.", "")
    for name in family.members(importers, "IMPORTER", Importer):
        yield from (f"## import {name} {{ #import-{name} }}", "")
        yield from prose(importlib.import_module(f"{importers.__name__}.{name}").__doc__)
    yield from ("`resolver-diff export WHAT DATE` writes these.", "")
    for name in family.members(exporters, "EXPORTER", Exporter):
        yield from (f"## export {name} {{ #export-{name} }}", "")
        yield from prose(importlib.import_module(f"{exporters.__name__}.{name}").__doc__)


def metrics() -> Iterator[str]:
    """Yield the table of what Prometheus is told."""
    rows = ((f"`{PREFIX}{name}`", code(", ".join(one.labels)), plain(one.says)) for name, one in METRICS.items())
    yield from table(("Metric", "Labels", "Meaning"), rows)


def _library_page() -> Iterator[str]:
    yield from ("# The library", "")
    yield from prose(resolver_diff.__doc__)
    yield from ("The [notebook](../how-to/notebook.md) shows them at work.", "")
    found = {name: getattr(resolver_diff, name) for name in resolver_diff.__all__}
    for name in [name for name, one in found.items() if inspect.isfunction(one)]:
        yield from (f"## {name} {{ #{name} }}", "", "```python", *_signature(name, found[name]), "```", "")
        yield from prose(found[name].__doc__)
    yield from ("## What they return, and raise { #classes }", "")
    for name in [name for name, one in found.items() if inspect.isclass(one)]:
        yield from (f"### {name} {{ #{name} }}", "")
        yield from prose(inspect.cleandoc(found[name].__doc__ or ""))
        yield from _fields(found[name])


def _signature(name: str, function: Any) -> Iterator[str]:
    """Yield the signature, a parameter a line."""
    signature = inspect.signature(function)
    yield f"{name}("
    bare = True
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and bare:
            yield "    *,"
            bare = False
        yield f"    {MODULES.sub('', str(each))},"
    yield f") -> {getattr(signature.return_annotation, '__name__', signature.return_annotation)}"


def _fields(kind: type) -> Iterator[str]:
    """Yield the fields of a result, each with the text below it in its class."""
    said = re.findall(r'^    (\w+): ([^\n=]+)\n    """(.+?)"""', inspect.getsource(kind), re.MULTILINE | re.DOTALL)
    if said:
        yield from table(
            ("Field", "Type", "What it is"), ((f"`{one}`", code(of), plain(text)) for one, of, text in said)
        )
