"""Libraries that a page carries, unchanged as their authors published them: where from, their hashes and licences."""

import json
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

HERE = files("resolver_diff.page") / "vendored"


@dataclass(frozen=True, slots=True)
class Vendored:
    """One file of a library."""

    file: str
    package: str
    version: str
    path: str  # in the package as it is published
    licence: str  # SPDX
    sha256: str

    @property
    def text(self) -> str:
        """What is in the file."""
        return (HERE / self.file).read_text(encoding="utf-8")

    @property
    def terms(self) -> str:
        """The text of the licence, with whose copyright it is."""
        return (HERE / f"{self.package.removesuffix('-tables')}.LICENSE").read_text(encoding="utf-8")


@cache
def vendored() -> tuple[Vendored, ...]:
    """Return all of them, in the order in which they must be loaded."""
    return tuple(Vendored(**each) for each in json.loads((HERE / "files.json").read_text(encoding="utf-8")))


def source(text: str) -> str:
    """Return how a Content-Security-Policy names an inline script or style with this *text*."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
