"""The two tables within this stage: records as they are read, and the pages that are made from them.

A file or a part of a file that cannot be used is a record too. Its `reason` and `value` become those of a dropped row.
"""

from __future__ import annotations

from typing import Any

import polars as pl

PROVENANCE = ("url", "title", "date", "license", "source_id")
# `record` is the number of a line, row or element, or the offset in bytes in an archive. `size` is the size in bytes of
# the page, or of the line that has it. `lost` is the number of unread bytes of the source that the record represents.
# `doubtful` is the number of bytes that were read from damaged parts of the record's file and may be wrong.
# `likeliest` has the result of `five_likeliest`. Only pages of shared sources have it.
PAGE_SCHEMA = {
    "source": pl.String,
    "record": pl.Int64,
    **dict.fromkeys((*PROVENANCE, "text", "extractor", "reason", "value", "likeliest"), pl.String),
    "size": pl.Int64,
    "lost": pl.Int64,
    "doubtful": pl.Int64,
}
# `body` has the bytes of the page, or null. `encoding` is their encoding if it is certain, and `charset` the encoding
# that the server declared. `content` is html or text. `labelled` says whether the source states the language. `text`,
# `extractor` and `likeliest` are null until the page is read. A page that was read earlier has no `body`.
RECORD_SCHEMA = {
    "body": pl.Binary,
    "encoding": pl.String,
    "charset": pl.String,
    "content": pl.String,
    "labelled": pl.Boolean,
    **PAGE_SCHEMA,
}
Record = dict[str, Any]
