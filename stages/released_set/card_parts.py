"""What all parts of the data card need: the manifests of the run, and values that are safe in a table."""

from __future__ import annotations

import re
from typing import Any

from x_instruction.runner.job import Job
from x_instruction.runner.published import read_manifest

MARKUP = re.compile(r"[\\`*_\[\]<>|#~$&]")
# The places at which Markdown makes a link of a bare address.
LINK = re.compile(r"(?<=http)s?:|(?<=ftp):|(?<=www)\.", re.IGNORECASE)
# Control characters, and those that change the direction of the text after them. White space becomes a space instead.
HIDDEN = re.compile(r"(?!\s)[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def manifests(job: Job, artifact: str) -> dict[str, dict[str, Any]]:
    """The artifact's manifest of each language."""
    return {code: read_manifest(job.input(artifact, code)) for code in job.settings.languages}


def escaped(text: str) -> str:
    """A value from the web on one line of a table, without anything that Markdown or HTML would interpret."""
    return LINK.sub(_without_last, MARKUP.sub(_without_last, " ".join(HIDDEN.sub("", text).split())))


def _without_last(found: re.Match[str]) -> str:
    """The text with a character reference in the place of its last character."""
    return f"{found[0][:-1]}&#{ord(found[0][-1])};"


def folded(title: str, text: str) -> str:
    """A part of the card that the reader opens with a click."""
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n</details>\n"
