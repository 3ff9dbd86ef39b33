"""English names of languages, as prompts use them ("Answer in Finnish"), from `languages/names.yaml`."""

from __future__ import annotations

from pathlib import Path

import yaml

from x_instruction.runner.errors import SettingsError

NAMES = "names.yaml"


def load_names(folder: Path) -> dict[str, str]:
    """English names by code, from the folder of language pages. Raises SettingsError if the file cannot be used."""
    path = folder / NAMES
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist; it must hold the English name of each language by code") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or not all(
        isinstance(part, str) and part for pair in found.items() for part in pair
    ):
        raise SettingsError(f"{path} must hold a mapping of codes to English names, such as `fi: Finnish`")
    return found
