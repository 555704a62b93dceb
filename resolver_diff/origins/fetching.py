"""A database of origins from the Web; nothing is ever fetched unless a person says so."""

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import resolver_diff
from resolver_diff.errors import UsageError

LARGEST = 1 << 30  # octets
SECONDS = 60.0  # without an octet
SCHEMES = ("http", "https")


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
