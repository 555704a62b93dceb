"""What MkDocs calls while it builds: it is handed pages that no file holds, and sections of other files."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from reference import metrics, pages

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^<!-- (\w+\.md): (.+) -->$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference, which is made from the code."""
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put in the sections of other files that a page asks for: ``<!-- README.md: Limits -->``, and the metrics."""
    markdown = markdown.replace("<!-- metrics -->", "\n".join(metrics()))
    return SECTION.sub(lambda found: _section(found.group(1), found.group(2)), markdown)


def _section(name: str, title: str) -> str:
    """Return the section *title* of the file *name*; links to files of the project become their names.

    Raises ValueError where there is no such section.
    """
    text = (ROOT / name).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        message = f"{name} has no section {title!r}"
        raise ValueError(message)
    return LINK.sub(r"\1", found.group(1).strip())
