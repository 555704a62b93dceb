"""A Pushgateway: each vantage is a group of the job, and replaces what it had pushed before."""

from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit

from prometheus_client import push_to_gateway
from prometheus_client.exposition import basic_auth_handler, default_handler

from resolver_diff.errors import UsageError
from resolver_diff.metrics import Measures
from resolver_diff.wording import visible

JOB = "resolver_diff"
SECONDS = 30
SCHEMES = ("http", "https")
LONGEST = 200  # characters of what a gateway says that are shown


def push(url: str, measures: Measures) -> None:
    """Push *measures* to the gateway at *url*, which may hold a user and a password; these are never shown.

    Raises UsageError when it is none, does not answer, or refuses them.
    """
    gateway, credentials = _apart(url)

    def open_gateway(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202  as untyped as it comes
        if credentials:
            return basic_auth_handler(url, method, timeout, headers, data, *credentials)
        return default_handler(url, method, timeout, headers, data)

    try:
        for vantage in measures.vantages:
            push_to_gateway(
                gateway,
                JOB,
                measures.of(vantage),
                grouping_key={"vantage": vantage},
                timeout=SECONDS,
                handler=open_gateway,
            )
    except HTTPError as error:
        said = visible(error.read(LONGEST).decode("utf-8", "replace").strip())
        message = f"the Pushgateway at {gateway} refuses the metrics: {error.code} {said or visible(str(error.reason))}"
        hint = "the user and password may stand in the URL: https://USER:PASSWORD@HOST" if error.code == 401 else None
        raise UsageError(message, hint=hint) from error
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        message = f"cannot push to the Pushgateway at {gateway}: {visible(str(reason))}"
        raise UsageError(message, hint="is it running, and is this its address?") from error


def _apart(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return the address of the gateway, and the user and password to it, if there are any."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable:
        shown = visible(_bare(parts).geturl())
        raise UsageError(f"`{shown}` is no address of a Pushgateway", hint="for example http://localhost:9091")
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return _bare(parts).geturl(), user


def _bare(parts: SplitResult) -> SplitResult:
    """Return *parts* without user and password."""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])
