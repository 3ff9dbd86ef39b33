"""Texts, settings and documents shared by the tests of `filtered_text`."""

from pathlib import Path
from typing import Any

import polars as pl

from stages.filtered_text import stage as filtered_text
from stages.filtered_text.settings import FilteredText
from stages.params import load_settings
from stages.raw_web_text.stage import COLUMNS
from tests.conftest import ROOT
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.files import digest, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, write_shard

ALL = load_settings(ROOT / "params.yaml")
GOOD = (
    "Karjalanpiirakan kuori on rukiinen ja ohut, ja juuri siinä piilee leipojan taito. Taikinaan tarvitaan vain "
    "vettä, suolaa, ruisjauhoja ja hieman vehnäjauhoja, jotta levyt eivät halkeile kaulittaessa. Täytteeksi "
    "keitetään useimmiten riisipuuroa, mutta vanhemmissa piirakoissa käytettiin ohraa, perunaa tai naurista. "
    "Piirakat paistetaan kuumassa uunissa noin vartin verran ja voidellaan heti voin ja maidon seoksella."
)
THAI = (
    "ข้าวยำเป็นอาหารเช้าของคนใต้ที่กินกันมานาน ใส่ข้าวสวยกับผักหลายชนิดที่หั่นฝอยแล้ว ราดด้วยน้ำบูดูที่ต้มกับเครื่องเทศ "
    "รสเค็มหวานเข้ากันดี คนขายมักจัดผักแยกไว้เป็นกอง ๆ ให้ลูกค้าเลือกเองตามชอบ และมีมะพร้าวคั่วโรยหน้าให้หอม "
    "ใครไปถึงตลาดแต่เช้าจะได้ผักที่สดที่สุดของวันนั้น"
)
HINDI = (
    "इस पाठ में हम सीखेंगे कि किसी सूची के सभी दामों को एक साथ कैसे जोड़ा जाता है। सबसे पहले एक खाली जोड़ से शुरू करते हैं और "
    "फिर हर वस्तु का दाम उसमें मिलाते जाते हैं। अंत में जो संख्या बचती है वही पूरी सूची का कुल दाम है।"
)


def page(code: str) -> LanguageSettings:
    """The settings on a language page."""
    return load_language(code, ROOT / "languages")


def given(**changes: Any) -> FilteredText:
    """The section `filtered_text` of params.yaml with changed values."""
    return ALL.filtered_text.model_copy(update=changes)


def documents(*texts: str, language: str = "fi") -> pl.DataFrame:
    """Rows as `raw_web_text` writes them."""
    rows = [{"id": digest(language, text)[:16], "text": text, "record": number} for number, text in enumerate(texts)]
    schema = {name: pl.Int64 if name == "record" else pl.String for name in COLUMNS}
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col(pl.String).fill_null(""))


def made(*texts: str, language: str = "fi", settings: FilteredText | None = None) -> Split:
    return filtered_text.transform(documents(*texts, language=language), settings or given(), page(language))


def drop(text: str, language: str = "fi", settings: FilteredText | None = None) -> tuple[str, str]:
    """The reason for which a text is dropped, and the value that the dropped row has."""
    split = made(text, language=language, settings=settings)
    assert split.kept.height == 0
    row = split.dropped.row(0, named=True)
    return row["reason"], row["value"]


def job(root: Path, *frames: pl.DataFrame, language: str = "fi", **changes: Any) -> Job:
    """A job in `root` whose input has one shard for each frame. `changes` replace settings of `filtered_text`."""
    source = root / "data" / "raw_web_text" / language
    for number, frame in enumerate(frames):
        write_shard(frame, source / f"part-{number:05d}.parquet")
    write_json(source / "manifest.json", {})
    pages = root / "languages"
    if not pages.exists():
        pages.symlink_to(ROOT / "languages")
    settings = ALL.model_copy(update={"filtered_text": given(**changes)})
    return Job("filtered_text", language, None, settings, root, root / "staging", root / "work", "code")
