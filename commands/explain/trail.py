"""The path of one id: its document, the texts made from it, and the pairs made from a text with what became of them."""

from __future__ import annotations

from dataclasses import dataclass

from commands.explain.rows import Row, Rows

# Artifacts of pairs, which are found under the id of the pair.
PAIRS = ("candidate_pairs", "rated_pairs", "refined_pairs", "diversified_set", "released_set")


@dataclass(frozen=True)
class Trail:
    """`documents` are the rows of raw_web_text with one id: the kept one, and the drops that repeat its text.

    `texts` are the rows of filtered_text of the document, `text` the one in question, if one was kept. `pairs` are the
    candidate pairs of that text, `pair` the rows of the pair in question in all later artifacts too.
    """

    asked: str
    documents: list[Row]
    texts: list[Row]
    text: Row | None
    pairs: list[Row]
    pair: list[Row]


def follow(rows: Rows, asked: str) -> Trail:
    """The trail of a document, text or pair. For a document or text, it follows the pair that came furthest."""
    found = rows.of(asked)
    own = [row for row in found if row.artifact in PAIRS and row.id == asked]
    text = _text(rows, found, asked, own)
    document_id = text.values["document_id"] if text else asked
    beginning = found if text is None else rows.of(document_id)
    texts = [row for row in beginning if row.artifact == "filtered_text" and _of_document(row, document_id)]
    text = text or next((row for row in texts if not row.dropped), None)
    pairs = _pairs(rows, text)
    if text and not own:
        ways = [[row for row in rows.of(pair.id) if row.artifact in PAIRS and row.id == pair.id] for pair in pairs]
        own = max(ways, key=_length, default=[])
    documents = [row for row in beginning if row.artifact == "raw_web_text"]
    return Trail(asked, documents, texts, text, pairs, own)


def _text(rows: Rows, found: list[Row], asked: str, own: list[Row]) -> Row | None:
    """The text of a pair, or the text of this id. A dropped pair is indexed beside its text."""
    texts = [row for row in found if row.artifact == "filtered_text" and not row.dropped]
    if own:
        text_id = next((row.values["text_id"] for row in own if "text_id" in row.values), None)
        texts = rows.of(text_id) if text_id else texts
        return next((row for row in texts if _is_text(row) and text_id in (None, row.id)), None)
    return next((row for row in texts if row.id == asked), None)


def _is_text(row: Row) -> bool:
    return row.artifact == "filtered_text" and not row.dropped


def _of_document(row: Row, document_id: str) -> bool:
    """A drop of filtered_text is named by its document."""
    return row.id == document_id if row.dropped else row.values["document_id"] == document_id


def _pairs(rows: Rows, text: Row | None) -> list[Row]:
    """The kept and the dropped candidate pairs of a text. Its id is in no drop, only in the index."""
    if text is None:
        return []
    found = [row for row in rows.of(text.id) if row.artifact == "candidate_pairs"]
    return [row for row in found if row.dropped or row.values["text_id"] == text.id]


def _length(way: list[Row]) -> tuple[int, int, float]:
    """Orders pairs by the artifacts that kept them, then by the latest rating."""
    kept = [row for row in way if not row.dropped]
    ratings = [float(row.values["rating"]) for row in kept if row.artifact == "rated_pairs"]
    return len(kept), len(way), ratings[-1] if ratings else 0.0
