"""What a batch must know of each entry of a plan; worked out once for all batches, as there may be thousands."""

from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resolver_diff.plan import Plan
from resolver_diff.tables import TRANSPORT, TransportName
from resolver_diff.transports import Endpoint


class Entries:
    """The entries of a plan, column by column."""

    def __init__(self, plan: Plan) -> None:
        entries = plan.resolvers
        names = pl.Series([entry.name for entry in entries], dtype=pl.String)
        self.names = names.unique(maintain_order=True)
        index = {name: place for place, name in enumerate(self.names)}
        self.name = np.array([index[name] for name in names], np.int64)  # which of *names*
        self.transport = np.array([str(entry.transport) for entry in entries])
        self.carried = pl.Series(self.transport, dtype=pl.String).cast(TRANSPORT)
        self.transports = np.unique(self.transport).tolist()
        self.recursion = np.array([entry.recursion for entry in entries], np.int64)
        self.endpoints = [Endpoint(e.address, e.port, e.hostname, e.path, e.ca, e.pins, e.method) for e in entries]
        keys = [f"{entry.name}\0{[*TransportName].index(entry.transport)}" for entry in entries]
        self.rank: NDArray[np.int64] = np.empty(len(keys), np.int64)  # in the order of a snapshot
        self.rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))


@lru_cache(maxsize=1)
def entries_of(plan: Plan) -> Entries:
    """Return the entries of *plan*."""
    return Entries(plan)
