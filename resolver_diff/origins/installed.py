"""The database of origins that a user has installed: one Parquet file in the folder of this user's data.

It says itself where it is from, of which date, and under which licence. Nothing is ever fetched unless a
person says so.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import resolver_diff
from resolver_diff.errors import UsageError
from resolver_diff.origins.reading import METADATA, Database, read

NAME = "origins.parquet"
LARGEST = 1 << 30  # octets that are fetched
SECONDS = 60.0  # without an octet
SCHEMES = ("http", "https")


def folder() -> Path:
    """Return the folder of this user's data: as the XDG Base Directory Specification has it, or as the system does."""
    home = Path.home()
    told = os.environ.get("XDG_DATA_HOME", "")
    if Path(told).is_absolute():
        base = Path(told)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = home / ".local" / "share"
    return base / "resolver_diff"


def file() -> Path:
    """Return where the installed database lies, or would."""
    return folder() / NAME


def load() -> Database | None:
    """Return the installed database; None when there is none. Raises UsageError when it is damaged."""
    return read(file()) if file().exists() else None


def install(database: Database, given: str, *, source: str | None, licence: str | None) -> Path:
    """Put *database*, which was read from *given*, where ``load`` finds it, in place of what is there.

    Raises UsageError when it cannot be written.
    """
    facts = {
        "source": source or database.source,
        "date": str(database.dated) if database.dated else None,
        "licence": licence,
        "format": database.format,
        "wrong": database.wrong,
        "from": given,
        "installed": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": resolver_diff.__version__,
    }
    target = file()
    made = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        database.ranges.frame.write_parquet(made, metadata={METADATA: json.dumps(facts, ensure_ascii=False)})
        made.replace(target)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        made.unlink(missing_ok=True)
    return target


def is_url(given: str) -> bool:
    """Say whether *given* is meant to be fetched."""
    return "://" in given


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to where the Web is, and from HTTPS to nothing less."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that goes on at *newurl*; raises HTTPError where it shall not."""
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme not in SCHEMES or (req.type == "https" and scheme != "https"):
            raise urllib.error.HTTPError(newurl, code, "it redirects to what is not HTTPS", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """Give the file that *url* (http or https) has, dated as its server says; raises UsageError when there is none."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise UsageError(f"cannot fetch from `{parts.scheme}:`", hint="an address begins with https:// or http://")
    about = {"User-Agent": f"resolver-diff/{resolver_diff.__version__}"}
    request = urllib.request.Request(url, headers=about)  # noqa: S310 - its scheme is checked above
    with TemporaryDirectory(prefix="resolver-diff-") as place:
        made = Path(place) / (Path(urllib.parse.unquote(parts.path)).name or "database")
        try:
            with urllib.request.build_opener(_Redirects).open(request, timeout=SECONDS) as answer:
                _keep(answer, made, url)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(error, urllib.error.HTTPError):
                error.close()
                reason = f"{error.code} {error.reason}"
            raise UsageError(f"cannot fetch {url}: {reason}") from error
        yield made


def _keep(answer: Any, made: Path, url: str) -> None:
    expected = int(answer.headers.get("Content-Length") or 0)
    with made.open("wb") as stream:
        while stream.tell() <= LARGEST and (octets := answer.read(1 << 20)):
            stream.write(octets)
        size = stream.tell()
    if size > LARGEST:
        raise UsageError(f"{url} is larger than {LARGEST >> 30} GiB")
    if size < expected:
        raise UsageError(f"{url} broke off after {size:,} of {expected:,} octets")
    if changed := answer.headers.get("Last-Modified"):
        try:
            at = parsedate_to_datetime(changed).timestamp()
        except (TypeError, ValueError, OverflowError):
            return
        os.utime(made, (at, at))
