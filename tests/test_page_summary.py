"""What a page says in a few lines: written into it, and read back by whoever keeps many pages."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from resolver_diff.errors import UsageError
from resolver_diff.page import summary
from resolver_diff.page.summary import Summary, SummedEvent

DAY = date(2026, 2, 11)
ROW = {
    "event": "0123456789",
    "vantage": "home",
    "country": "RU",
    "domain_set": "whatsapp",
    "means": "denial",
    "mechanisms": ["nxdomain"],
    "qnames": ["whatsapp.com", "www.whatsapp.com"],
    "going_on": ["whatsapp.com"],
    "resolvers": ["nsdi-a", "nsdi-b"],
    "denominator": 3,
    "first_bad": DAY,
    "reported": DAY,
    "last_bad": DAY,
    "first_good": None,
    "says": "whatsapp.com is lost",
    "confidence_says": None,
}


def made(*events: SummedEvent, says: str = "Nothing happened.") -> Summary:
    """Return a summary of one date with these *events*."""
    return Summary("1.0", DAY, DAY, 1, ("home",), says, 4, 2, 16, 4, events)


def kept(folder: Path, text: str) -> Path:
    """Write *text* as the page in *folder*."""
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    return file


def test_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Dates, counts and events come back as they were; of a page without events too."""
    event = SummedEvent.of(ROW)
    over = replace(event, event="9876543210", first_good=date(2026, 2, 12), confidence_says="never measured")
    for told in (made(event, over), made()):
        assert summary.read(kept(tmp_path, f"<!doctype html>{told.element()}<style></style><p>more")) == told


def test_is_short(tmp_path: Path) -> None:
    """A page with very many events, of very many names, tells of the first of them and how many names there are."""
    many = ROW | {
        "qnames": [f"{'x' * 60}.n{n:04}.example" for n in range(500)],
        "resolvers": [f"r{n}" for n in range(60)],
    }
    events = [replace(SummedEvent.of(many), event=f"{n:010}") for n in range(300)]
    found = summary.read(kept(tmp_path, made(*events).element()))
    assert [event.event for event in found.events] == [f"{n:010}" for n in range(200)]
    assert (found.events[0].names, found.events[0].witnesses) == (500, 60)
    assert len(found.events[0].qnames) == len(found.events[0].resolvers) == 20


def test_begins_near_the_top(tmp_path: Path) -> None:
    """What lies deeper in the file is not looked for: a page of many megabytes costs a look at its top."""
    file = kept(tmp_path, " " * summary.NEAR + made().element())
    with pytest.raises(UsageError, match="no page of resolver_diff"):
        summary.read(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<p>a page of somebody else",
        summary.BEGINS,
        f"{summary.BEGINS}{{}}</script>",
        f"{summary.BEGINS}[1]</script>",
        f"{summary.BEGINS}{{</script>",
    ],
)
def test_other_files_are_no_pages(tmp_path: Path, text: str) -> None:
    """What is no page of ours, or only a part of one, is said to be none."""
    with pytest.raises(UsageError, match="no page of resolver_diff"):
        summary.read(kept(tmp_path, text))


def test_texts_are_no_markup(tmp_path: Path) -> None:
    """A text that ends the element, turns the direction of writing or holds no text at all stands there harmless."""
    hostile = "</script><img src=x onerror=alert(1)> \u202e\u2028\x00\x1b[31m\udc80 & <!-- ü"
    element = made(says=hostile).element()
    inner = element.removeprefix(summary.BEGINS).removesuffix(summary.ENDS)
    assert not set("<>&") & set(inner)
    assert element.isascii()
    assert element.isprintable()
    said = summary.read(kept(tmp_path, element)).says
    assert said == "</script><img src=x onerror=alert(1)> \\u202e\\u2028\\x00\\x1b[31m\\udc80 & <!-- ü"
    assert json.loads(inner)["says"] == said
