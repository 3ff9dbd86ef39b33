"""The section `released_set` of params.yaml."""

from __future__ import annotations

import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import field_validator

from x_instruction.runner.settings import NonEmpty, Section

UNKNOWN = "unknown"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # a line end would end the heading of the card
HUB_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def canonical(expression: str) -> str:
    """An SPDX identifier, or a combination of identifiers, in SPDX's spelling; "" if the text is neither.

    `LicenseRef-…` refers to a text that comes with a document, so it identifies no licence. Parentheses around
    the whole text are removed.
    """
    if expression[:1] + expression[-1:] == "()" and (inner := canonical(expression[1:-1].strip())):
        return inner
    try:
        found = str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression:
        return ""
    return "" if "LicenseRef-" in found else found


class ReleasedSet(Section):
    title: NonEmpty
    """The name of the set on its card."""
    license: NonEmpty
    """The licence that the card gives for the whole set, by the hub's short name, such as `cc-by-4.0`; `other` if its
    texts have several licences."""
    allowed_licenses: tuple[NonEmpty, ...] | None
    """SPDX identifiers of the licences that texts may have, such as CC-BY-4.0. Pairs with another licence are dropped,
    and so are pairs of a page that names no licence or none that SPDX lists, unless the list has `unknown`. null: every
    pair is released."""

    @field_validator("title")
    @classmethod
    def _one_line(cls, title: str) -> str:
        if not title.strip() or CONTROL.search(title):
            raise ValueError("give a title of one line, without control characters")
        return title

    @field_validator("license")
    @classmethod
    def _as_on_the_hub(cls, name: str) -> str:
        if not HUB_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a short name of the hub, such as cc-by-4.0, mit or other")
        return name

    @field_validator("allowed_licenses")
    @classmethod
    def _known_to_spdx(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            if name != UNKNOWN and canonical(name) != name:
                raise ValueError(f"{name!r} is neither an SPDX identifier (spdx.org/licenses) nor `{UNKNOWN}`")
        return names
