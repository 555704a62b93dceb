"""Alerts on their way to people, by apprise: mail, Slack, Matrix, Telegram, webhooks, and many more."""

import importlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolver_diff.alert import Alert, News
from resolver_diff.errors import AlertError

VARIABLE = "RESOLVER_DIFF_ALERTS"  # in the environment, as what stands in it is secret
MOST = 10  # messages a day; what is more than that comes as one
KINDS = {News.OVER: "success", News.WITHDRAWN: "info", News.COVERAGE: "warning"}


@dataclass(frozen=True, slots=True)
class Message:
    """What one message says, and which alerts it tells."""

    title: str
    body: str
    kind: str
    alerts: tuple[Alert, ...]


def messages(alerts: Sequence[Alert], links: dict[str, str] | None = None) -> list[Message]:
    """Return *alerts* as messages, one each; from ``MOST`` on the rest is one. *links*: event -> its page."""
    links = links or {}
    alone = alerts if len(alerts) <= MOST else alerts[: MOST - 1]
    told = [Message(one.title, _with_link(one, links), KINDS.get(one.news, "failure"), (one,)) for one in alone]
    rest = tuple(alerts[len(alone) :])
    if rest:
        link = next((links[one.event] for one in rest if one.event in links), "").partition("#")[0]
        body = "\n".join(
            [*(one.title for one in rest[:MOST]), *([f"and {len(rest) - MOST} more"] * (len(rest) > MOST))]
        )
        told.append(Message(f"And {len(rest)} more alerts", f"{body}\n{link}".rstrip(), "failure", rest))
    return told


def _with_link(alert: Alert, links: dict[str, str]) -> str:
    return f"{alert.text}\n{links[alert.event]}" if alert.event in links else alert.text


class Post:
    """The ways out that somebody has set up; holds their secrets, and never says them."""

    def __init__(self, urls: str) -> None:
        """Take *urls*, with spaces or line ends between; raises AlertError where one means nothing to apprise."""
        apprise = _apprise()
        self._ways: list[tuple[str, Any]] = []
        for number, url in enumerate(urls.split(), 1):
            name = f"{number} ({re.sub(r'[^a-z0-9+]', '', url.partition('://')[0].lower())[:20] or '?'})"
            way = apprise.Apprise()
            if not way.add(url):
                hint = "apprise has a page for each service, https://appriseit.com; the URL itself is not shown here"
                raise AlertError(f"address {name} in {VARIABLE} is none that alerts can be sent to", hint=hint)
            self._ways.append((name, way))

    def send(self, message: Message) -> list[str]:
        """Send *message* every way; return which of them did not take it."""
        return [
            name
            for name, way in self._ways
            if not way.notify(body=message.body, title=message.title, notify_type=message.kind, body_format="text")
        ]

    def __len__(self) -> int:
        return len(self._ways)


def _apprise() -> Any:
    try:
        apprise = importlib.import_module("apprise")
    except ImportError:
        hint = "pip install 'resolver-diff[alerts]'"
        raise AlertError(f"{VARIABLE} is set, and apprise, which sends alerts, is not installed", hint=hint) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would write addresses, with what is secret in them
    return apprise
