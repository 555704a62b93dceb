#!/usr/bin/env python3
"""Look for octets that break a promise of the decoder, led by what code they reach (needs the extra `fuzz`: atheris).

    export PYTHONPATH=tests
    python tests/fuzz/decoder.py NEW tests/fuzz/corpus -max_total_time=600 -max_len=2048 -rss_limit_mb=8192
    python tests/fuzz/decoder.py -merge=1 KEPT NEW tests/fuzz/corpus

The second line keeps what reaches new code in the folder NEW, and in this folder what breaks something; the third keeps
the smallest set that reaches as much. ``tests/test_fuzz_corpus.py`` replays the corpus without atheris.

The limit of memory is high because atheris 3.0 keeps about 50 kB an execution of what it instruments; without it the
same octets leave nothing.
"""

import importlib
import sys
from typing import Any

atheris: Any = importlib.import_module("atheris")  # there are wheels for few platforms, so it has no place in the lock

with atheris.instrument_imports(include=["resolver_diff.wire"]):
    from fuzz import harness

if __name__ == "__main__":
    atheris.Setup(sys.argv, harness.check)
    atheris.Fuzz()
