"""Runs the four steps of datatrove's deduplication. Prints the seconds and, for each dropped text, the
number of the text that is kept instead.

The JSON on standard input has `texts` (a file with one text per line) and `language` (ISO 639-3, for the word
tokenizer). If `language` is null, words are split at spaces, which is faster than any tokenizer that datatrove has.
"""

import json
import struct
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from loguru import logger


def main() -> None:
    logger.remove()
    question = json.load(sys.stdin)
    lines = Path(question["texts"]).read_text(encoding="utf-8").splitlines()
    documents = [Document(text=text, id=str(number)) for number, text in enumerate(lines)]
    config = MinhashConfig()
    with tempfile.TemporaryDirectory() as folder:
        sign = MinhashDedupSignature(f"{folder}/signatures", config, language=question["language"] or "eng")
        if not question["language"]:
            sign.word_tokenizer = SimpleNamespace(word_tokenize=str.split)
        # The first text loads the tokenizer, which is not timed.
        sign.get_shingles(lines[0])
        started = time.monotonic()
        sign.run(iter(documents))
        signed = time.monotonic()
        for bucket in range(config.num_buckets):
            MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config).run(
                rank=bucket, world_size=config.num_buckets
            )
        MinhashDedupCluster(f"{folder}/buckets", f"{folder}/clusters", config, save_cluster_id=True).run()
        kept = {int(one.id) for one in MinhashDedupFilter(f"{folder}/clusters").run(iter(documents))}
        ended = time.monotonic()
        pairs = struct.iter_unpack("<2I", Path(folder, "clusters", "000000.clusters").read_bytes())
        cluster = dict(pairs)
    kept_of = {cluster[number]: number for number in kept if number in cluster}
    gone = {number: kept_of[cluster[number]] for number in range(len(lines)) if number not in kept}
    print(json.dumps({"seconds": ended - started, "signing": signed - started, "gone": sorted(gone.items())}))


main()
