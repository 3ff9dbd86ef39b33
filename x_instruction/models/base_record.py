"""Records the base model: its origin, the type of its stored weights, and its licence.

<model>/base.json   the record, in the folders of the base model and of every model tuned from it
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from x_instruction.models.checkpoint_files import file_of, json_of
from x_instruction.models.checkpoints import stored_dtype
from x_instruction.models.gguf_file import license_fields
from x_instruction.runner.files import read_json, write_json

FILE = "base.json"
GGUF = ".gguf"
# Files that many licences ask a publisher to pass on.
TEXTS = ("LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "NOTICE.txt", "Notice", "USE_POLICY.md")
# A licence's address is a web page or a file of the repository. Any other address, such as javascript:, is left out.
LINK = re.compile(r"https?://[^\s()<>\[\]]+|[\w][\w./-]*")
# Some GGUF files have a sentence or a whole text in the place of the licence's identifier.
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
NOT_IN_NAMES = re.compile(r"[^\w .,+:()/-]")
FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\n(.*?)\n---", re.DOTALL)
# Words near the beginning of licence texts. They identify the licence if the model card names none.
BEGINNINGS = {
    "apache-2.0": r"apache license\s+version 2\.0",
    "mit": r"(?:the )?mit license",
    "llama2": r"llama 2 community license",
    "llama3": r"meta llama 3 community license",
    "llama3.1": r"llama 3\.1 community license",
    "llama3.2": r"llama 3\.2 community license",
    "llama3.3": r"llama 3\.3 community license",
    "gemma": r"gemma terms of use",
}
# A summary of what each licence demands from the publisher of a tuned model. Only the licence itself is binding.
LLAMA = (
    "pass on the licence with its notice, keep to the acceptable-use policy, begin the name of the new model with "
    '"Llama", and show "Built with {0}"; more than 700 million monthly users need a licence from Meta'
)
DEMANDS = {
    "apache-2.0": "pass on the licence and the notices, and say that the weights were changed",
    "mit": "pass on the copyright notice and the licence",
    "bsd-3-clause": "pass on the copyright notice and the licence",
    "cc-by-4.0": "name the authors and the licence, and say that the weights were changed",
    "cc-by-sa-4.0": "name the authors, say that the weights were changed, and publish under the same licence",
    "cc-by-nc-4.0": "name the authors, say that the weights were changed, and make no commercial use",
    "gemma": "pass on the Gemma Terms of Use with their use restrictions, and say that the weights were changed",
    "llama2": "pass on the licence with its notice, keep to the acceptable-use policy, and improve no other language "
    "model with it; more than 700 million monthly users need a licence from Meta",
    "llama3": LLAMA.format("Meta Llama 3"),
    "llama3.1": LLAMA.format("Llama"),
    "llama3.2": LLAMA.format("Llama"),
    "llama3.3": LLAMA.format("Llama"),
    "llama4": LLAMA.format("Llama"),
    "openrail": "pass on the use restrictions",
    "bigscience-openrail-m": "pass on the use restrictions",
    "bigscience-bloom-rail-1.0": "pass on the use restrictions",
}


def demands(base: Mapping[str, Any]) -> str:
    """What the licence of the base model demands for a model that was tuned from it."""
    if known := DEMANDS.get(str(base["license"])):
        return known
    if base["license"] == "none":
        return "nothing, because the weights were trained from scratch by this software"
    return "not known to this software, so read the licence before you publish anything"


def write_base(out: Path, name: str, source: Path | None, revision: str | None) -> None:
    """Writes the record of the base model that was saved in `out`, and copies the texts of its licence to `out`.

    `source` is the folder, GGUF file or hub id from which the model was loaded; None if this project trained the model.
    """
    license, link = ("none", "") if source is None else _license(source, revision)
    record = {"name": name, "revision": revision, "license": license, "license_link": link}
    config = json_of(out, "config.json")
    architecture = next(iter(config.get("architectures") or []), "")
    write_json(out / FILE, {**record, "architecture": architecture, "dtype": stored_dtype(out)})
    for text in TEXTS:
        if source is not None and (path := file_of(_folder_of(source), text, revision)) is not None:
            shutil.copyfile(path, out / text)


def pass_on(base: Path, out: Path) -> dict[str, Any]:
    """Copies the record of the base model and the texts of its licence from `base` to `out`, and returns the record.

    If `base` has no record, the returned one has only the type of the stored weights.
    """
    for name in (FILE, *TEXTS):
        if (base / name).is_file() and not (out / name).exists():
            shutil.copyfile(base / name, out / name)
    if (base / FILE).is_file():
        record: dict[str, Any] = read_json(base / FILE, ours=True)
        return record
    return {"name": "", "revision": None, "license": "", "license_link": "", "dtype": stored_dtype(base)}


def _folder_of(source: Path) -> Path:
    return source.parent if source.suffix == GGUF else source


def _license(source: Path, revision: str | None) -> tuple[str, str]:
    """The licence's identifier and address, as the GGUF file or the model card states them; "" if unknown.

    If neither of them names a licence, the identifier comes from the text of the licence.
    """
    folder = _folder_of(source)
    if source.suffix == GGUF and (stated := _stated(license_fields(source))) and IDENTIFIER.fullmatch(stated[0]):
        return stated
    if stated := _stated(_front_matter(file_of(folder, "README.md", revision))):
        return stated
    for text in TEXTS:
        if (path := file_of(folder, text, revision)) is not None:
            beginning = " ".join(path.read_text(encoding="utf-8", errors="replace")[:400].lower().split())
            for identifier, pattern in BEGINNINGS.items():
                if re.search(pattern, beginning):
                    return identifier, ""
    return "", ""


def _stated(card: Mapping[str, Any]) -> tuple[str, str] | None:
    """The identifier and the address of the licence in a model card's front matter; None if it names no licence."""
    named = card.get("license")
    if isinstance(named, list):
        named = named[0] if named else None
    if isinstance(named, str) and named.strip().lower() in ("other", "unknown"):
        named = card.get("license_name") or named
    if isinstance(named, str) and (named := _in_one_line(named)) and named != "none":
        link = str(card.get("license_link") or "")
        return named, link if LINK.fullmatch(link) else ""
    return None


def _in_one_line(name: str) -> str:
    """A name from another project's model card, without characters that would be Markdown or HTML in our cards."""
    return " ".join(NOT_IN_NAMES.sub(" ", name).split()).lower()


def _front_matter(card: Path | None) -> dict[str, Any]:
    """The front matter of a model card; empty if it is missing or cannot be read."""
    with suppress(OSError, ValueError, RecursionError, yaml.YAMLError):
        match = FRONT_MATTER.search(card.read_text(encoding="utf-8")) if card else None
        values = yaml.safe_load(match[1]) if match else {}
        return values if isinstance(values, dict) else {}
    return {}
