"""A licence gets its SPDX identifier if its name is unambiguous, and no identifier otherwise."""

from __future__ import annotations

import re

import pytest

from stages.released_set.licenses import spdx
from stages.released_set.settings import ReleasedSet


@pytest.mark.parametrize(
    ("named", "identifier"),
    [
        ("https://creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"),
        ("http://creativecommons.org/licenses/by-nc-nd/3.0", "CC-BY-NC-ND-3.0"),
        ("//creativecommons.org/licenses/by/4.0/deed.fi", "CC-BY-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("https://opensource.org/license/mit/", "MIT"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode.en?ref=chooser", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/3.0/us/", "CC-BY-3.0-US"),
        ("creativecommons.org/licenses/by-nc-sa/2.0/fr/deed.fr", "CC-BY-NC-SA-2.0-FR"),
        ("https://www.apache.org/licenses/LICENSE-2.0.html", "Apache-2.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("cc-by-4.0", "CC-BY-4.0"),
        ("Creative Commons BY 3.0", "CC-BY-3.0"),
        (" Apache-2.0 ", "Apache-2.0"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT AND (CC-BY-4.0 OR Apache-2.0)", "MIT AND (CC-BY-4.0 OR Apache-2.0)"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("Creative Commons Attribution-ShareAlike 3.0 Unported License", "CC-BY-SA-3.0"),
        ("creative commons attribution-noncommercial 4.0", "CC-BY-NC-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International Public License", "CC-BY-NC-SA-4.0"),
        ("Creative Commons Attribution NonCommercial NoDerivatives 4.0 International", "CC-BY-NC-ND-4.0"),
        ("Creative Commons Attribution-NoDerivs 2.0 Generic", "CC-BY-ND-2.0"),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0"),
        ("CC0 1.0", "CC0-1.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("cc0-1.0", "CC0-1.0"),
        ("ODC-By 1.0", "ODC-By-1.0"),
        ("ODC-By-1.0", "ODC-By-1.0"),
        ("odc-by", "ODC-By-1.0"),
        ("MIT License", "MIT"),
        ("mit", "MIT"),
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("apache-2.0", "Apache-2.0"),
        ("(MIT)", "MIT"),
        ("((MIT OR Apache-2.0))", "MIT OR Apache-2.0"),
        ("(MIT) OR (Apache-2.0)", "(MIT) OR (Apache-2.0)"),
    ],
)
def test_a_known_licence_has_its_identifier(named: str, identifier: str) -> None:
    assert spdx(named) == identifier


@pytest.mark.parametrize(
    "named",
    [
        "",
        "   ",
        "CC BY",  # the version is missing
        "https://creativecommons.org/licenses/by/",
        "All rights reserved",
        "© 2024 Example Oy",
        "https://example.org/licenses/by-sa/4.0/",
        "not CC BY 4.0",
        "CC-BY-9.9",
        "Creative Commons Attribution",
        "Creative Commons Attribution 3.0 Germany",
        "Creative Commons Attribution 4.0 Unported",
        "Creative Commons Attribution 4.0 International (CC BY-SA 4.0)",
        "Creative Commons",
        "CC0",
        "ODC-By",
        "Apache License",
        "Apache",
        "https://creativecommons.org/licenses/by/3.0/xx/",  # no such country
        "Photos: https://creativecommons.org/licenses/by/4.0/ ; text: https://creativecommons.org/licenses/by-nc-nd/4.0/",
        "This page is NOT under https://creativecommons.org/licenses/by/4.0/",
        "Everything but images: https://creativecommons.org/licenses/by/4.0/",
        "https://evil.example/?x=creativecommons.org/licenses/by/4.0/",
        "https://evil.example/creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by/4.0/ (text only)",
        "LicenseRef-foo",
        "MIT OR LicenseRef-foo",
        "()",
        "Creative Commons Attribution 4.0" + " (cc by 4.0)" * 3_000,
        "MIT" + " OR MIT" * 100,
    ],
)
def test_an_ambiguous_name_has_no_identifier(named: str) -> None:
    assert spdx(named) == ""


@pytest.mark.parametrize("name", ["CC BY 4.0", "cc-by-4.0", "free", "LicenseRef-foo", "(MIT)"])
def test_a_setting_that_is_not_an_identifier_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"'{name}' is neither an SPDX identifier")):
        ReleasedSet(title="t", license="other", allowed_licenses=(name,))


def test_unknown_is_an_allowed_value_of_the_setting() -> None:
    settings = ReleasedSet(title="t", license="other", allowed_licenses=("CC0-1.0", "unknown"))
    assert settings.allowed_licenses == ("CC0-1.0", "unknown")


@pytest.mark.parametrize("title", ["  ", "A\n---\nlicense: mit", "A\tB"])
def test_a_title_that_is_not_one_line_is_refused(title: str) -> None:
    with pytest.raises(ValueError, match="give a title of one line"):
        ReleasedSet(title=title, license="other", allowed_licenses=None)


@pytest.mark.parametrize("name", ["CC BY 4.0", "cc by", "mit\n", "CC-BY-4.0"])
def test_a_licence_of_the_set_that_is_no_name_of_the_hub_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a short name of the hub, such as cc-by-4"):
        ReleasedSet(title="t", license=name, allowed_licenses=None)


def test_a_title_may_join_letters() -> None:
    title = "می\u200cخواهم"  # words of many languages need this invisible character
    assert ReleasedSet(title=title, license="other", allowed_licenses=None).title == title
