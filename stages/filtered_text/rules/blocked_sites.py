"""The rule on sites that the user excludes: `filtered_text.blocked_sites`, a file of domains and addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import polars as pl

from stages.filtered_text.rules.rule import broken
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.errors import InputError

# The parts of an address that do not identify the site: the protocol, a login name, "www.".
BEFORE_HOST = r"(?i)^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/@]*@)?(?:www\.)?"
HOST = re.compile(r"[^\s/?#:@]+")


class Sites(NamedTuple):
    """`domains` by their number of labels ("example.org": 2); `pages` by their number of parts between slashes."""

    domains: dict[int, list[str]]
    pages: dict[int, list[str]]


def read_sites(path: Path) -> Sites:
    """Reads one entry per line: a domain (blocks its subdomains too) or an address (blocks everything below it too).

    A `#` at the beginning of a line or after a space begins a comment. Raises InputError if the file cannot be read or
    a line is neither a domain nor an address.
    """
    if path.exists() and not path.is_file():  # reading from a pipe would wait without end
        raise InputError(f"filtered_text.blocked_sites: {path} is not a file but a folder, pipe or device: name a file")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"filtered_text.blocked_sites: {path} cannot be read as a text file ({type(error).__name__}); "
            "correct the path or set the setting to null"
        ) from None
    sites = Sites({}, {})
    for number, line in enumerate(lines, start=1):
        entry = re.sub(r"(^|\s)#.*", "", line).strip()
        if entry:
            _add(sites, entry, f"{path}, line {number}")
    return sites


def _add(sites: Sites, entry: str, where: str) -> None:
    host, _, page = re.sub(BEFORE_HOST, "", entry).removeprefix("www.").rstrip("/").partition("/")
    if not HOST.fullmatch(host) or any(character.isspace() for character in page):
        raise InputError(f"filtered_text.blocked_sites: {where}: {entry[:100]!r} is neither a domain nor an address")
    host = host.lower().strip(".")
    if page:
        parts = [host, *page.split("/")]
        sites.pages.setdefault(len(parts), []).append("/".join(parts))
    else:
        sites.domains.setdefault(host.count(".") + 1, []).append(host)


def blocked_site(
    frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings, *, sites: Sites
) -> pl.DataFrame:
    """Drops pages of the sites that the user lists. A text without an address is kept."""
    if not sites.domains and not sites.pages:
        return frame.with_columns(value=pl.lit(None, pl.String))
    bare = pl.col("url").str.replace(BEFORE_HOST, "")
    host = bare.str.extract(r"^([^/?#:]*)").str.to_lowercase()
    labels, parts = host.str.split("."), bare.str.replace(r"[?#].*$", "").str.split("/").list.slice(1)
    entries = [
        _if_listed(labels.list.tail(count).list.join("."), listed) for count, listed in sorted(sites.domains.items())
    ]
    for count, listed in sorted(sites.pages.items()):
        long_enough = parts.list.len() >= count - 1
        address = pl.concat_str(host, parts.list.head(count - 1).list.join("/"), separator="/")
        entries.append(pl.when(long_enough).then(_if_listed(address, listed)))
    entry = pl.coalesce(entries)
    return frame.with_columns(broken(entry.is_not_null(), "{} is blocked", entry))


def _if_listed(name: pl.Expr, listed: list[str]) -> pl.Expr:
    return pl.when(name.is_in(pl.Series(listed, dtype=pl.String).implode())).then(name)
