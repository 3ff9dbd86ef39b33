"""Makes the data card of the release: README.md, with front matter for the Hugging Face hub."""

from __future__ import annotations

from typing import Any

import polars as pl
import yaml

from stages.released_set import card_checks, card_making, card_origins
from stages.released_set.card_origins import DropCounts
from stages.released_set.settings import ReleasedSet
from x_instruction.language.names import listed, load_names
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.runner.job import Job

# The hub's names of sizes; each is for sets with fewer rows than the number.
SIZES = {
    10**3: "n<1K", 10**4: "1K<n<10K", 10**5: "10K<n<100K", 10**6: "100K<n<1M", 10**7: "1M<n<10M", 10**8: "10M<n<100M",
    10**9: "100M<n<1B", 10**10: "1B<n<10B",
}  # fmt: skip
LARGEST = "10B<n<100B"

METHOD = """\
Each response is the text of a web page or a part of it. A language model wrote an English instruction that this text
answers, another model (the evaluator) rated the pairs, and the set is a diverse selection of the pairs with high
ratings. The method is X-Instruction (Li et al., Findings of ACL 2024,
[arXiv 2405.19744](https://arxiv.org/abs/2405.19744)); the software is an independent implementation.
"""
# The columns of the pairs that the card is made from. It needs no texts, which would fill the memory for a large set.
READ = ("language", "url", "source", "license", "spdx", "rating", "iteration")
COLUMNS = """\
| column | what it holds |
|---|---|
| `instruction`, `response`, `language` | the pair, and the code of the response's language |
| `messages` | the pair as two turns; the user's turn asks for the language |
| `id`, `text_id`, `document_id` | the ids of the pair, its text and its document in the pipeline |
| `url`, `source`, `record`, `source_id`, `title`, `date` | the origin of the text, as far as it is known |
| `license`, `spdx` | the licence as the page names it, and its SPDX identifier; empty if there is none |
| `rating`, `rating_*` | the evaluator's rating, and its probabilities of best, flawed and worst |
| `signal_*` | other signals that the rating uses, such as the similarity of instruction and response |
| `iteration` | the iteration whose evaluator rated the pair |
| `cluster` | the group of similar instructions from which the pair was drawn |
"""
LOADING = """\
```python
from datasets import load_dataset

load_dataset("FOLDER")  # all languages
load_dataset("FOLDER", "{language}")
```

`FOLDER` is this folder or its id on the hub. Other libraries read the Parquet files of a local copy by a pattern,
because the folder also has this card and croissant.json:

```python
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl

pl.read_parquet("FOLDER/*/train-*.parquet")
pd.read_parquet(sorted(Path("FOLDER").glob("*/train-*.parquet")))
duckdb.sql("SELECT * FROM 'FOLDER/*/train-*.parquet'").df()
```

The set has only the split `train`. The seed pairs, with which the models were trained and measured, are not part of it.
{held_out} of its pairs have the instruction or the response of a seed that was held out for measuring.
"""
CITE = """\
Cite this set by its title and the hash of its pairs, `{pairs}`; the pages by their `url`; and the method by
its paper: Li et al., X-Instruction, Findings of ACL 2024, [arXiv 2405.19744](https://arxiv.org/abs/2405.19744).
"""
LIMITS = """\
- No person checked the pairs. A model wrote the instructions, and an instruction may not fit its response.
- Private data were masked by rules, which find most but not all of them.
- A licence is what the page states. Nobody checked whether the statement is right.
- The set may overlap with evaluation sets: only the evaluation prompts that the settings of the run name were compared.
"""
SHOWN_ANYWAY = """
**This set shows a run and is not training data.** The {count} pairs with the highest ratings of each language were kept
even if their ratings are below {needed} (`refined_pairs.always_kept`).
"""


def card(job: Job, released: pl.DataFrame, dropped: DropCounts, pairs: str, held_out: int) -> str:
    """The text of the card.

    `released` has the columns READ of the pairs. `dropped` has the rows that the release itself dropped, `pairs` is the
    hash of the released files, and `held_out` is the number of pairs with a text of a held-out seed.
    """
    settings, names = job.section(ReleasedSet), load_names(job.language_pages)
    refined, languages = job.section(RefinedPairs), listed({code: names[code] for code in job.settings.languages})
    warning = SHOWN_ANYWAY.format(count=refined.always_kept, needed=refined.min_rating) if refined.always_kept else ""
    rated = set(released["iteration"])
    iterations = [name for name in job.settings.iterations if name in rated]
    sections = {
        "": f"Pairs of an English instruction and a response in {languages}.\n{warning}\n{METHOD}",
        "How to load": LOADING.format(language=job.settings.languages[0], held_out=held_out),
        "Columns": COLUMNS,
        "Sources": card_origins.sources(released),
        "Licences": card_origins.licences(released),
        "From pages to pairs": f"{card_origins.funnel(job, released)}\n{card_origins.drops(job, dropped)}",
        "Models": card_making.models(job, iterations),
        "Settings": card_making.settings(job),
        "Ratings": card_making.ratings(job, released, iterations),
        "Overlaps with evaluation prompts": card_checks.overlaps(job),
        "Checks": card_checks.checks(job, iterations),
        "Known limits": LIMITS,
        "How to cite": CITE.format(pairs=pairs[:16]),
    }
    body = "\n".join(f"## {title}\n\n{text}" if title else f"{text}" for title, text in sections.items())
    return f"---\n{_front_matter(job, settings, released.height)}---\n\n# {settings.title}\n\n{body}"


def size_category(rows: int) -> str:
    """The hub's name of the size of a set."""
    return next((name for limit, name in SIZES.items() if rows < limit), LARGEST)


def _front_matter(job: Job, settings: ReleasedSet, rows: int) -> str:
    def config(name: str, path: str) -> dict[str, Any]:
        return {"config_name": name, "data_files": [{"split": "train", "path": path}]}

    values = {
        "pretty_name": settings.title,
        "license": settings.license,
        "language": [*job.settings.languages, "en"],
        "multilinguality": ["multilingual"],
        "size_categories": [size_category(rows)],
        "task_categories": ["text-generation"],
        "tags": ["instruction-tuning", "cross-lingual", "x-instruction"],
        "configs": [
            config("all", "*/train-*.parquet") | {"default": True},
            *(config(code, f"{code}/train-*.parquet") for code in job.settings.languages),
        ],
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)
