"""Removes from the name of a source what may be secret, because the name is published with each pair."""

from __future__ import annotations

import polars as pl

# A signed address has its signature in the query. In a chained address (zip://a.jsonl::https://host/a.zip), the part
# that may be signed comes last.
_QUERY = r"(?s)[?#].*$"
_USER = r"([\w+.-]+://)[^/]*@"
_SOURCE = pl.col("source")

PUBLIC_SOURCE = (
    pl.when(_SOURCE.str.contains("://", literal=True))
    .then(_SOURCE.str.replace(_QUERY, "").str.replace_all(_USER, "${1}"))
    .otherwise(_SOURCE)
    .alias("source")
)
"""The column `source`. An address in it has no user name, password, query or fragment."""
