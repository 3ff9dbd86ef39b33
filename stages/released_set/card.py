"""Makes the data card of the release: README.md, with front matter for the Hugging Face hub."""

from __future__ import annotations

from typing import Any

import polars as pl
import yaml

from stages.released_set.settings import ReleasedSet
from x_instruction.language.names import listed, load_names
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.runner.job import Job
from x_instruction.runner.markdown import table
from x_instruction.runner.published import read_manifest, read_metrics

FUNNEL = ("raw_web_text", "filtered_text", "candidate_pairs", "refined_pairs", "diversified_set")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
MODELS = ("base_model", "instruction_model")
SHOWN_REASONS = 5
HELD_OUT = {"precision": "precision", "recall": "recall", "auc": "AUC"}
OVERLAP = "evaluation_overlap"

METHOD = """\
Each response is the text of a web page or a part of it. A language model wrote an English instruction that this text
answers, another model (the evaluator) rated the pairs, and the set is a diverse selection of the pairs with high
ratings. The method is X-Instruction (Li et al., Findings of ACL 2024,
[arXiv 2405.19744](https://arxiv.org/abs/2405.19744)); the software is an independent implementation.
"""
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
FUNNEL_MEANS = """\
Each line is a step of the pipeline, with the number of rows that it kept of each language.

"""
CHECKS = """\
Each step published its rows only after they had passed its checks (a suite of Great Expectations). Each input row was
either kept, or dropped with a reason. These texts and pairs were dropped because they share a run of words with an
evaluation prompt:
"""
CITE = """\
Cite this set by its title and the hash of its pairs above, the pages by their `url`, and the method by its paper: Li et
al., X-Instruction, Findings of ACL 2024, [arXiv 2405.19744](https://arxiv.org/abs/2405.19744).
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


def card(job: Job, released: pl.DataFrame, pairs: str) -> str:
    """The text of the card. `pairs` is the hash of the released files.

    The dropped rows must be written before the card is made.
    """
    settings, names = job.section(ReleasedSet), load_names(job.language_pages)
    refined, languages = job.section(RefinedPairs), listed({code: names[code] for code in job.settings.languages})
    warning = SHOWN_ANYWAY.format(count=refined.always_kept, needed=refined.min_rating) if refined.always_kept else ""
    sections = {
        "": f"Pairs of an English instruction and a response in {languages}.\n{warning}\n{METHOD}",
        "How to load": _loading(job.settings.languages),
        "Columns": COLUMNS,
        "From pages to pairs": _funnel(job, released),
        "Why rows were dropped": _drops(job),
        "Licences": _counts(released, "spdx", "licence", "no licence, or none that SPDX lists"),
        "Sources": _counts(released.with_columns(site=_site()), "site", "site", "no address"),
        "How it was made": _made(job, released["iteration"].unique().sort().to_list(), pairs),
        "Ratings": _ratings(job, released),
        "Checks": _checks(job),
        "Known limits": LIMITS,
    }
    sections["How to cite"] = CITE
    body = "\n".join(f"## {title}\n\n{text}" if title else f"{text}" for title, text in sections.items())
    return f"---\n{_front_matter(job, settings, released.height)}---\n\n# {settings.title}\n\n{body}"


def _front_matter(job: Job, settings: ReleasedSet, rows: int) -> str:
    def config(name: str, path: str) -> dict[str, Any]:
        return {"config_name": name, "data_files": [{"split": "train", "path": path}]}

    values = {
        "pretty_name": settings.title,
        "license": settings.license,
        "language": [*job.settings.languages, "en"],
        "multilinguality": ["multilingual"],
        "size_categories": [next((name for limit, name in SIZES if rows < limit), "1M<n<10M")],
        "task_categories": ["text-generation"],
        "tags": ["instruction-tuning", "cross-lingual", "x-instruction"],
        "configs": [
            config("all", "*/train-*.parquet") | {"default": True},
            *(config(code, f"{code}/train-*.parquet") for code in job.settings.languages),
        ],
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)


def _loading(languages: list[str]) -> str:
    return (
        "```python\nfrom datasets import load_dataset\n\n"
        'load_dataset("<this folder or its id>")  # all languages\n'
        f'load_dataset("<this folder or its id>", "{languages[0]}")\n```\n'
    )


def _funnel(job: Job, released: pl.DataFrame) -> str:
    counts = dict(released.group_by("language").len().iter_rows())
    rows = [
        [f"`{artifact}`", *(str(_manifest(job, artifact, code)["rows"]) for code in job.settings.languages)]
        for artifact in FUNNEL
    ]
    rows.append(["`released_set`", *(str(counts.get(code, 0)) for code in job.settings.languages)])
    return FUNNEL_MEANS + table(["rows kept by", *job.settings.languages], rows)


def _drops(job: Job) -> str:
    rows = []
    counts = {
        artifact: [
            count for code in job.settings.languages for count in _manifest(job, artifact, code)["drop_reasons"].items()
        ]
        for artifact in FUNNEL
    }
    counts["released_set"] = list(job.staged.drop_counts().items())
    for artifact, drop_counts in counts.items():
        reasons = pl.DataFrame(drop_counts, schema={"reason": pl.String, "rows": pl.Int64}, orient="row")
        summed = reasons.group_by("reason").agg(pl.col("rows").sum()).sort(["rows", "reason"], descending=[True, False])
        listed = [f"{reason} {count}" for reason, count in summed.head(SHOWN_REASONS).iter_rows()]
        more = summed.height - len(listed)
        rows.append([f"`{artifact}`", ", ".join(listed) + (f" and {more} more reasons" if more > 0 else "") or "none"])
    return table(["step", "most frequent reasons, with numbers of rows"], rows)


def _counts(released: pl.DataFrame, column: str, title: str, without: str) -> str:
    counted = released.group_by(column).len().sort(["len", column], descending=[True, False])
    rows = [[_plain(value) or f"*{without}*", str(count)] for value, count in counted.head(20).iter_rows()]
    more = counted.height - len(rows)
    return table([title, "pairs"], rows) + (f"\n{more} more are not listed.\n" if more > 0 else "")


def _made(job: Job, iterations: list[str], pairs: str) -> str:
    """The hashes of the models and of the released files (`pairs`), the rating that pairs need, and the random seed."""
    refined = job.section(RefinedPairs)
    rows = [[f"`{name}`", f"`{read_manifest(job.input(name))['content'][:16]}`"] for name in MODELS]
    for name in iterations:
        content = read_manifest(job.input("evaluator", iteration=name))["content"]
        rows.append([f"`evaluator` of `{name}`", f"`{content[:16]}`"])
    rows.append(["the released pairs", f"`{pairs[:16]}`"])
    best = f", except the best {refined.always_kept} of each language" if refined.always_kept else ""
    needed = f"Pairs need a rating of at least {refined.min_rating}{best}."
    return table(["what", "hash of its content"], rows) + f"\n{needed} Random seed: {job.settings.seed}.\n"


def _ratings(job: Job, released: pl.DataFrame) -> str:
    """Ratings of the released pairs by language, and the figures of their evaluators on held-out pairs."""
    rating = pl.col("rating")
    ratings = released.group_by("language").agg(
        rating.min().alias("lowest"), rating.median().alias("median"), rating.max().alias("highest")
    )
    by_language = [
        [f"`{code}`", *(f"{value:.3f}" for value in values)] for code, *values in ratings.sort("language").iter_rows()
    ]
    rows = []
    for name in released["iteration"].unique().sort():
        path = job.root / "data" / "metrics" / "evaluator" / f"{name}.json"
        scores = read_metrics(path, job.input("evaluator", iteration=name))
        rows.append([f"`{name}`", *(f"{scores[figure]:.3f}" for figure in HELD_OUT)])
    of_evaluators = table(["evaluator of", *HELD_OUT.values()], rows)
    return (
        "Ratings of the released pairs, from 0 to 1:\n\n"
        + table(["language", "lowest", "median", "highest"], by_language)
        + f"\nThe evaluator's figures on held-out rated pairs, from which it did not learn:\n\n{of_evaluators}"
    )


def _checks(job: Job) -> str:
    rows = [
        [
            f"`{name}`",
            *(str(_manifest(job, name, code)["drop_reasons"].get(OVERLAP, 0)) for code in job.settings.languages),
        ]
        for name in ("filtered_text", "diversified_set")
    ]
    return CHECKS + "\n" + table(["texts or pairs dropped by", *job.settings.languages], rows)


def _manifest(job: Job, artifact: str, language: str) -> dict[str, Any]:
    return read_manifest(job.input(artifact, language))


def _site() -> pl.Expr:
    return pl.col("url").str.extract(r"^\w+://([^/:?#]+)", 1).str.to_lowercase().fill_null("")


def _plain(text: str) -> str:
    """A value from the web on one line of a table, without characters that markdown or HTML would interpret."""
    escaped = "".join(f"&#{ord(character)};" if character in "\\`*_[]<>|#~$&" else character for character in text)
    return " ".join(escaped.split())
