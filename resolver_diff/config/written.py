"""Names that stand in resolvers.yaml itself, so that one file is enough to say who is asked about what."""

import re

import polars as pl

from resolver_diff.config.fields import Reader
from resolver_diff.config.listed import Names
from resolver_diff.config.model import host_name
from resolver_diff.config.yaml import Node

SET_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # a file of a snapshot is called after it
CALLED = "letters, digits, `-`, `_` and `.`, a letter or digit in front: a file of a snapshot is called after it"


def names(reader: Reader, node: Node | None) -> dict[str, Names]:
    """Return the names under `domains`, by set; what is wrong is noted and left out."""
    found = {}
    for called, listed in reader.mapping(node, "`domains`"):
        if not re.fullmatch(SET_NAME, called):
            assert node is not None
            reader.mistake("a domain set cannot be called that", node.keys[called], CALLED)
        elif not isinstance(listed.value, list) or not listed.value:
            reader.mistake(f"`{called}` must be a list of names", listed, "`[one.example, two.example]`, or one a line")
        else:
            read = [reader.attempt("name", one, host_name) for one in listed.value]
            qnames = pl.Series("qname", sorted({name for name in read if name is not None}), dtype=pl.String)
            found[called] = Names([qnames])
    return found
