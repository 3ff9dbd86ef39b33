"""Finds the SPDX identifier of the licence that a page names, if the name is unambiguous."""

from __future__ import annotations

import re

from stages.released_set.settings import canonical

# Addresses of licences. The version decides what a licence allows, so an address without a version does not count. MIT
# has no versions. The address must be the whole text: "All but the photos: <address>" is not the licence of the page.
ADDRESSES = {
    r"creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)(?:/([a-z]{2}))?": "CC-{0}-{1}",
    r"creativecommons\.org/publicdomain/(zero)/(1\.0)": "CC0-{1}",
    r"apache\.org/licenses/license-(2\.0)(?:\.txt|\.html)?": "Apache-{0}",
    r"opensource\.org/licen[cs]es?/(mit)": "MIT",
}
BEFORE, AFTER = r"(?:https?:)?(?://)?(?:www\.)?", r"(?:/(?:deed|legalcode)(?:\.[\w-]+)?)?/?(?:[?#]\S*)?"
NAMED = re.compile(r"(?:cc|creative commons)[ -]+(by(?:[ -]nc)?(?:[ -](?:nd|sa))?)[ -]+(\d\.\d)", re.I)
# The names of the Creative Commons licences in words. A version for one country, such as "3.0 Germany", is another
# licence, so only the words for no country may follow.
IN_WORDS = re.compile(
    r"creative commons attribution([ -]non-?commercial)?([ -]share-?alike|[ -]no-?deriv(?:ative)?s)? "
    r"(4\.0(?: international)?|3\.0(?: unported)?|(?:2\.5|2\.0|1\.0)(?: generic)?)(?: public)?(?: licen[cs]e)?",
    re.I,
)
WITH_SHORT_NAME = re.compile(r"(.+) \((cc[ -][^()]+)\)", re.I)  # Creative Commons Attribution 4.0 (CC BY 4.0)
LONGEST = 200  # characters of a text that is compared; a page may state a text of any length
# Other names without regard to case. Each can mean only one licence.
NAMES = {
    "cc0 1.0": "CC0-1.0",
    "cc0 1.0 universal": "CC0-1.0",
    "creative commons zero v1.0 universal": "CC0-1.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "odc-by 1.0": "ODC-By-1.0",
    "odc-by v1.0": "ODC-By-1.0",
    "open data commons attribution license 1.0": "ODC-By-1.0",
    "open data commons attribution license v1.0": "ODC-By-1.0",
}
ON_THE_HUB = {"odc-by": "ODC-By-1.0"}  # the hub's name, exactly as it writes it


def spdx(named: str) -> str:
    """The identifier of a licence or of a combination of licences; "" if the text names none that SPDX lists."""
    text = " ".join(named.split())
    if len(text) > LONGEST:
        return ""
    if found := canonical(_identifier(text)):
        return found
    if twice := WITH_SHORT_NAME.fullmatch(text):
        first, second = spdx(twice[1]), spdx(twice[2])
        return first if first == second else ""
    return ""


def _identifier(text: str) -> str:
    """The identifier that a known name or address means; the text itself if it is neither."""
    for pattern, identifier in ADDRESSES.items():
        if found := re.fullmatch(BEFORE + pattern + AFTER, text, re.I):
            parts = [part.upper() for part in found.groups() if part]
            return "-".join([identifier.format(*parts), *parts[2:]])  # a third part is the country of the licence
    if found := NAMED.fullmatch(text):
        return f"CC-{found[1].replace(' ', '-')}-{found[2]}"
    if found := IN_WORDS.fullmatch(text):
        share = "-SA" if "share" in (found[2] or "").lower() else "-ND"
        return f"CC-BY{'-NC' if found[1] else ''}{share if found[2] else ''}-{found[3][:3]}"
    return ON_THE_HUB.get(text) or NAMES.get(text.lower(), text)
