"""Finds the SPDX identifier of the licence that a page names, if the name is unambiguous."""

from __future__ import annotations

import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

# Addresses of licences. The version decides what a licence allows, so an address without a version does not count. MIT
# has no versions.
ADDRESSES = {
    r"creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)(?:/|$)": "CC-{0}-{1}",
    r"creativecommons\.org/publicdomain/(zero)/(1\.0)(?:/|$)": "CC0-{1}",
    r"apache\.org/licenses/license-(2\.0)": "Apache-{0}",
    r"opensource\.org/licen[cs]es?/(mit)/?$": "MIT",
}
NAMED = re.compile(r"(?:cc|creative commons)[ -]+(by(?:[ -]nc)?(?:[ -](?:nd|sa))?)[ -]+(\d\.\d)", re.I)


def spdx(named: str) -> str:
    """The identifier of a licence or of a combination of licences; "" if the text names none that SPDX lists."""
    text = named.strip()
    for pattern, identifier in ADDRESSES.items():
        if found := re.search(pattern, text, re.I):
            text = identifier.format(*(part.upper() for part in found.groups()))
            break
    if found := NAMED.fullmatch(text):
        text = f"CC-{found[1].replace(' ', '-')}-{found[2]}"
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return ""
