"""What every test may rely on: nothing leaves this machine, and real servers are found or the test is skipped."""

import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FAMILIES = (socket.AF_INET, socket.AF_INET6)
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # where Debian keeps servers, and not on everybody's PATH

os.environ.pop("RESOLVER_DIFF_PROGRAM", None)  # by dev.py; what is tested is the program itself

# how long an example takes says how busy the machine is
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

_departures: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Stop a socket from reaching past this machine.

    An audit hook sees what asyncio and libraries do as well. It must raise here, at
    the call; and as code under test may swallow that, it also leaves a note. Datagrams
    sent by the kernel's bulk calls raise no event, but their addresses come from
    getaddrinfo, which does.
    """
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        used, address = arguments[:2]
        assert isinstance(used, socket.socket)
        if used.family not in FAMILIES or not isinstance(address, tuple):
            return  # a Unix socket, or a connected one
        host = address[0]
    else:
        return
    if not _is_here(host):
        _departures.append(f"{event} to {host!r}")
        message = f"a test may not leave this machine: {_departures[-1]}"
        raise PermissionError(message)


def _is_here(host: object) -> bool:
    """Tell whether *host* is this machine, as an address or by the one name that needs no resolver."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not host or host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False  # a name: finding its address would ask a resolver
    return address.is_loopback or address.is_unspecified


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def departures() -> Iterator[list[str]]:
    """Fail a test that tried to reach past this machine, even if the code under test took no notice."""
    _departures.clear()
    yield _departures
    assert not _departures, f"tried to leave this machine: {_departures}"


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test the same terminal: 80 columns, no color, whoever runs it."""
    for name in (
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "PY_COLORS",
        "GITHUB_ACTIONS",
        "TERMINAL_WIDTH",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start real servers or a browser: ``-m 'not debian and not browser'`` leaves them out.

    Of several processes (``--dist loadgroup``) one runs the tests of a file, or of all files that name the same group.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if "debian_server" in getattr(item, "fixturenames", ()):
            item.add_marker("debian")
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture
def debian_server() -> Callable[[str, str], Path]:
    """Return a function that finds a server's program, or skips the test and names the package that has it."""

    def find(program: str, package: str) -> Path:
        path = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
        found = shutil.which(program, path=path)
        if found is None:
            pytest.skip(f"needs {program}: apt install {package}")
        return Path(found)

    return find


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """Start Chromium, or skip the test and name the package that has it.

    It keeps an event loop in this thread, so that no longer than a module, whose tests start none, it may live.
    """
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium: apt install chromium")
    from playwright.sync_api import sync_playwright

    quiet = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb")
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=program, args=quiet)
        yield browser
        browser.close()
