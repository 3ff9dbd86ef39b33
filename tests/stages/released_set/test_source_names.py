"""A released pair names its source without what may be secret."""

from __future__ import annotations

import polars as pl
import pytest

from stages.released_set.source_names import PUBLIC_SOURCE


@pytest.mark.parametrize(
    ("source", "published"),
    [
        ("https://u:pw@h.example/d/a.parquet?X-Amz-Signature=abc/def", "https://h.example/d/a.parquet"),
        ("https://u:p@w@h.example/a#token=1", "https://h.example/a"),
        ("https://h.example?mail=a@b.example", "https://h.example"),
        ("zip://a.jsonl::https://u:pw@h.example/a.zip?sig=1:2", "zip://a.jsonl::https://h.example/a.zip"),
        ("s3://bucket/texts/a.parquet", "s3://bucket/texts/a.parquet"),
        ("hf://datasets/a/b@main/c.parquet", "hf://datasets/a/b@main/c.parquet"),
        ("crawl/a?b#c@d.warc.gz", "crawl/a?b#c@d.warc.gz"),
        (None, None),
    ],
)
def test_an_address_has_no_password_and_no_signature(source: str | None, published: str | None) -> None:
    assert pl.DataFrame({"source": [source]}, {"source": pl.String}).select(PUBLIC_SOURCE).item() == published
