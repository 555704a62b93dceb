"""What fuzzing found worth keeping, replayed: no promise of the decoder is broken, and a broken one would be seen."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fuzz import harness
from resolver_diff.wire import edns, normal, question, reading

CORPUS = sorted((Path(__file__).parent / "fuzz" / "corpus").iterdir())


def broken() -> Iterator[str]:
    """Yield the files of the corpus that break a promise."""
    for file in CORPUS:
        try:
            harness.check(file.read_bytes())
        except Exception:  # noqa: BLE001  # any error at all is a broken promise
            yield file.name


def test_the_corpus_breaks_no_promise() -> None:
    """Any octets give rows, those dnspython reads as it reads them, and together the same as alone."""
    assert list(broken()) == []


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        (edns, "extra_text", lambda octets: octets.decode("latin-1")),
        (question, "OPCODE", 0),
        (normal, "_zero_ttls", lambda messages, _first, _masks: np.ones(len(messages), np.bool_)),
        (reading, "LONGEST_CHAIN", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_promise_is_seen(
    module: ModuleType, name: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault put into the decoder is found by replaying the corpus."""
    monkeypatch.setattr(module, name, wrong)
    assert next(broken(), None) is not None


def test_the_corpus_is_small_and_has_something_for_all() -> None:
    """It can lie beside the code: fewer than 300 files, less than 200 KB; and every target is tried."""
    sizes = [file.stat().st_size for file in CORPUS]
    assert 100 < len(CORPUS) < 300
    assert sum(sizes) < 200_000
    tried = Counter(file.read_bytes()[0] % len(harness.TARGETS) for file in CORPUS if file.stat().st_size > 1)
    assert sorted(tried) == list(range(len(harness.TARGETS)))
