"""The path of an id: its document, the document's texts, a text's candidate pairs, a pair's rows in later artifacts."""

from __future__ import annotations

from dataclasses import dataclass

from commands.explain.rows import Row, Rows

# In these artifacts, the rows of a pair are found by the id of the pair.
PAIRS = ("candidate_pairs", "rated_pairs", "refined_pairs", "diversified_set", "released_set")


@dataclass(frozen=True)
class Trail:
    """The rows on the path of the id `asked`.

    `documents` are the rows of raw_web_text with the document's id: the kept row, and dropped rows with the same text.
    `texts` are the rows of filtered_text from this document, and `text` is the one that is explained, or None if none
    was kept. `pairs` are the candidate pairs of `text`, and `pair` has the rows of the explained pair in all artifacts
    of pairs.
    """

    asked: str
    documents: list[Row]
    texts: list[Row]
    text: Row | None
    pairs: list[Row]
    pair: list[Row]


def follow(rows: Rows, asked: str) -> Trail:
    """The trail of a document, text or pair. For a document or text, the pair with the most kept rows is explained."""
    found = rows.of(asked)
    pair_rows = [row for row in found if row.artifact in PAIRS and row.id == asked]
    text = _text(rows, found, asked, pair_rows)
    document_id = text.values["document_id"] if text else asked
    beginning = found if text is None else rows.of(document_id)
    texts = [row for row in beginning if row.artifact == "filtered_text" and _of_document(row, document_id)]
    text = text or next((row for row in texts if not row.dropped), None)
    pairs = _pairs(rows, text)
    if text and not pair_rows:
        ways = [[row for row in rows.of(pair.id) if row.artifact in PAIRS and row.id == pair.id] for pair in pairs]
        pair_rows = max(ways, key=_length, default=[])
    documents = [row for row in beginning if row.artifact == "raw_web_text"]
    return Trail(asked, documents, texts, text, pairs, pair_rows)


def _text(rows: Rows, found: list[Row], asked: str, pair_rows: list[Row]) -> Row | None:
    """The text of the pair `asked`, or the text `asked`. The index also maps the id of a dropped pair to its text."""
    texts = [row for row in found if row.artifact == "filtered_text" and not row.dropped]
    if pair_rows:
        text_id = next((row.values["text_id"] for row in pair_rows if "text_id" in row.values), None)
        texts = rows.of(text_id) if text_id else texts
        return next((row for row in texts if _is_text(row) and text_id in (None, row.id)), None)
    return next((row for row in texts if row.id == asked), None)


def _is_text(row: Row) -> bool:
    return row.artifact == "filtered_text" and not row.dropped


def _of_document(row: Row, document_id: str) -> bool:
    """Whether a row of filtered_text is from the document. The id of a dropped row is that of the document."""
    return row.id == document_id if row.dropped else row.values["document_id"] == document_id


def _pairs(rows: Rows, text: Row | None) -> list[Row]:
    """The kept and dropped candidate pairs of a text. A dropped row lacks the text's id; only the index has it."""
    if text is None:
        return []
    found = [row for row in rows.of(text.id) if row.artifact == "candidate_pairs"]
    return [row for row in found if row.dropped or row.values["text_id"] == text.id]


def _length(way: list[Row]) -> tuple[int, int, float]:
    """Sort key of a pair: the number of its kept rows, the number of all its rows, and its latest rating."""
    kept = [row for row in way if not row.dropped]
    ratings = [float(row.values["rating"]) for row in kept if row.artifact == "rated_pairs"]
    return len(kept), len(way), ratings[-1] if ratings else 0.0
