"""What all parts of the data card need: the manifests of the run, and values that are safe in a table."""

from __future__ import annotations

from typing import Any

from x_instruction.runner.job import Job
from x_instruction.runner.published import read_manifest


def manifests(job: Job, artifact: str) -> dict[str, dict[str, Any]]:
    """The artifact's manifest of each language."""
    return {code: read_manifest(job.input(artifact, code)) for code in job.settings.languages}


def plain(text: str) -> str:
    """A value from the web on one line of a table, without characters that markdown or HTML would interpret."""
    escaped = "".join(f"&#{ord(character)};" if character in "\\`*_[]<>|#~$&" else character for character in text)
    return " ".join(escaped.split())


def folded(title: str, text: str) -> str:
    """A part of the card that the reader opens with a click."""
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n</details>\n"
