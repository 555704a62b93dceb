"""What the health of all resolvers says of the network between them and us."""

from typing import Any

import pytest

from resolver_diff.wording.network import trouble
from stories import CAST, Story

SILENT = {"*": "timeout", "canary": "timeout"}
DENYING = {"*": "nxdomain"}


def said(after: dict[str, Any]) -> str | None:
    """Return what is said of a date."""
    return trouble(Story("test", {"before": {}, "after": after}).alone().health.frame)


@pytest.mark.parametrize(
    ("after", "begins"),
    [
        ({"everyone": SILENT}, "Not one reply came from all 13 resolvers"),
        ({"everyone": DENYING}, "What came from all 13 resolvers denies"),
        ({"everyone": DENYING, "isp-br": SILENT}, "What came from all 13 resolvers denies"),
        ({"everyone": {"*": "10.1.1.1", "canary": "10.1.1.1"}}, "What came from all 13 resolvers denies"),
    ],
    ids=["silence", "denials", "both", "one address"],
)
def test_what_befalls_everybody_is_the_networks(after: dict[str, Any], begins: str) -> None:
    """Silence from all is no way there; names that exist and are denied by all are denied by somebody in between."""
    assert (said(after) or "").startswith(begins)


@pytest.mark.parametrize("well", ["google", "isp-ru"])
def test_one_that_is_well_says_that_the_network_is(well: str) -> None:
    """Then the others are ill, each by itself."""
    assert said(dict.fromkeys(CAST.keys() - {well}, DENYING)) is None
