"""English names of languages, as prompts use them ("Answer in Finnish"), from `languages/names.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from x_instruction.runner.errors import SettingsError
from x_instruction.runner.yaml_files import read_yaml

NAMES = "names.yaml"
# Files and folders are named by codes, so a code must not contain a path.
CODE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")


def load_names(folder: Path) -> dict[str, str]:
    """English names by code, from the folder of language pages. Raises SettingsError if the file cannot be used."""
    path = folder / NAMES
    try:
        names = read_yaml(path)
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist; it must hold the English name of each language by code") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(names, dict) or not all(
        isinstance(part, str) and part for pair in names.items() for part in pair
    ):
        raise SettingsError(f"{path} must hold a mapping of codes to English names, such as `fi: Finnish`")
    for code in names:
        if not CODE.fullmatch(code):
            raise SettingsError(
                f"{path}: {code!r} is not a language code, such as `fi` or `zh-hant`; files are named by it"
            )
    return names


def listed(names: Mapping[str, str]) -> str:
    """Languages with their codes, for a sentence. `names` maps codes to English names."""
    *others, last = [f"{name} (`{code}`)" for code, name in names.items()]
    return f"{', '.join(others)} and {last}" if others else last
