"""The licence of a base model is read from the checkpoint and passed on, together with the text of the licence."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf import GGUFWriter

from x_instruction.models.base_record import demands, pass_on, write_base
from x_instruction.models.card_parts import ON_THE_HUB
from x_instruction.runner.files import read_json, write_json

APACHE = "                                 Apache License\n                           Version 2.0, January 2004\n"
LLAMA = "META LLAMA 3 COMMUNITY LICENSE AGREEMENT\nMeta Llama 3 Version Release Date: April 18, 2024\n"


def recorded(tmp_path: Path, **files: str | bytes) -> dict[str, str]:
    source, out = tmp_path / "source", tmp_path / "out"
    for name, text in files.items():
        path = source / name.replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    source.mkdir(exist_ok=True)
    out.mkdir()
    write_json(out / "config.json", {"architectures": ["LlamaForCausalLM"], "dtype": "bfloat16"})
    write_base(out, "some/model", source, "c" * 40)
    found: dict[str, str] = read_json(out / "base.json")
    return found


@pytest.mark.parametrize(
    ("card", "license"),
    [
        ("---\nlicense: apache-2.0\n---\n# A model", "apache-2.0"),
        ("---\nlicense: MIT\ntags: [a]\n---\n", "mit"),
        ("---\nlicense: [gemma]\n---\n", "gemma"),
        ("---\nlicense: other\nlicense_name: qwen-research\n---\n", "qwen-research"),
        ("---\r\nlicense: llama3\r\n---\r\n", "llama3"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlicense: [\n---\n", ""),
        ("---\nlicense: 5\n---\n", ""),
        ("---\n- license\n---\n", ""),
        ("# A card without front matter\n---\nlicense: mit\n---\n", ""),
        (b"---\nlicense: \xff\n---\n", ""),
        ("---\nlicense: other\nlicense_name: none\n---\n", ""),
        ('---\nlicense: "mine\\n\\n# heading <script>"\n---\n', "mine heading script"),
        ("", ""),
    ],
)
def test_the_licence_of_a_card_is_read(tmp_path: Path, card: str | bytes, license: str) -> None:
    record = recorded(tmp_path, README_md=card)
    assert (record["license"], record["dtype"], record["architecture"]) == (license, "bfloat16", "LlamaForCausalLM")


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.org/terms", "https://example.org/terms"),
        ("LICENSE", "LICENSE"),
        ("javascript:alert(1)", ""),
        ("https://example.org) [x](http://evil.example", ""),
    ],
)
def test_only_a_web_address_or_a_file_is_a_link_to_the_licence(tmp_path: Path, link: str, kept: str) -> None:
    card = f'---\nlicense: mine\nlicense_link: "{link}"\n---\n'
    assert recorded(tmp_path, README_md=card)["license_link"] == kept


@pytest.mark.parametrize(
    ("text", "license"), [(APACHE, "apache-2.0"), (LLAMA, "llama3"), ("MIT License\n", "mit"), ("Mine.", "")]
)
def test_without_a_card_the_licence_is_recognized_by_its_text(tmp_path: Path, text: str, license: str) -> None:
    assert recorded(tmp_path, LICENSE=text)["license"] == license
    assert (tmp_path / "out/LICENSE").read_text() == text


def of_gguf(folder: Path, *, card: str = "", text: str = "", **fields: str) -> tuple[str, str]:
    """The licence and its address, recorded for a GGUF file with these fields, beside the card and the licence text."""
    path, out = folder / "m-q4.gguf", folder / "out"
    writer = GGUFWriter(path, "llama")
    for name, value in fields.items():
        writer.add_string(f"general.{name.replace('_', '.')}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    for name, content in {"README.md": card, "LICENSE": text}.items():
        if content:
            (folder / name).write_text(content)
    write_json(out / "config.json", {"dtype": "bfloat16"})
    write_base(out, path.name, path, None)
    assert (out / "LICENSE").exists() == bool(text)
    record = read_json(out / "base.json")
    return record["license"], record["license_link"]


GEMMA_TERMS = "https://ai.google.dev/gemma/terms"


@pytest.mark.parametrize(
    ("fields", "recorded"),
    [
        ({"license": "gemma", "license_link": GEMMA_TERMS}, ("gemma", GEMMA_TERMS)),
        ({"license": "Apache-2.0"}, ("apache-2.0", "")),
        ({"license": "other", "license_name": "qwen-research"}, ("qwen-research", "")),
        ({"license": "mit", "license_link": "javascript:alert(1)"}, ("mit", "")),
        ({"license": "You may use this model for research only."}, ("", "")),
        ({"license_link": GEMMA_TERMS}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_the_licence_of_a_gguf_file_is_read_from_its_fields(
    tmp_path: Path, fields: dict[str, str], recorded: tuple[str, str]
) -> None:
    assert of_gguf(tmp_path, **fields) == recorded


def test_a_gguf_file_is_trusted_before_the_card_beside_it_and_the_card_before_the_text(tmp_path: Path) -> None:
    card = "---\nlicense: mit\n---\n"
    assert of_gguf(tmp_path, card=card, text=APACHE, license="gemma") == ("gemma", "")
    assert of_gguf(tmp_path, card=card, text=APACHE) == ("mit", "")
    assert of_gguf(tmp_path, card="None.", text=APACHE) == ("apache-2.0", "")


def test_a_tuned_model_gets_the_record_and_the_texts(tmp_path: Path) -> None:
    recorded(tmp_path, LICENSE=LLAMA, NOTICE="Llama 3 is licensed.")
    (tmp_path / "tuned").mkdir()
    assert pass_on(tmp_path / "out", tmp_path / "tuned")["license"] == "llama3"
    assert {path.name for path in (tmp_path / "tuned").iterdir()} == {"base.json", "LICENSE", "NOTICE"}


def test_a_base_model_without_a_record_is_unknown(tmp_path: Path) -> None:
    record = pass_on(tmp_path, tmp_path)
    assert record["license"] == "" and demands(record).startswith("not known")


def test_the_embedded_model_has_no_licence_terms(tmp_path: Path) -> None:
    write_base(tmp_path, "embedded", None, None)
    assert demands(read_json(tmp_path / "base.json")).startswith("nothing")


def test_every_licence_that_a_card_may_name_has_its_terms() -> None:
    assert [name for name in ON_THE_HUB if demands({"license": name}).startswith("not known")] == []
    assert 'begin the name of the new model with "Llama"' in demands({"license": "llama3.1"})
