"""Refuses hosts that only this machine or its network can reach, unless the source sets `outside: true`.

Addresses may come from other people's recipes and data cards. Without this check, such an address or a redirect could
lead to 169.254.169.254, from which a cloud machine gets its keys.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Any
from urllib.parse import urlsplit

from x_instruction.runner.errors import InputError

# Protocols whose address names a host. The address of an object store names a bucket instead.
WITH_HOST = ("http", "https", "ftp", "sftp", "ssh", "smb", "webhdfs", "hdfs", "webdav", "dav")
WEB = ("http", "https")
CHAIN = re.compile(r"::(?![^\[\]]*\])")  # divides a chained address, except in the brackets of an IPv6 address


def parts_of(address: str) -> list[tuple[str, str]]:
    """Protocol and address of each part of a chained address, such as `zip://*.jsonl::https://host/a.zip`."""
    parts = (part for part in CHAIN.split(address) if part)
    return [(part.partition("://")[0] if "://" in part else "file", part) for part in parts]


def refuse_private_hosts(address: str, source: str) -> None:
    """Raises InputError if a host of the address is this machine or in its network, or if the address is not valid.

    An unknown host is not refused, because the library that connects reports it.
    """
    for protocol, part in parts_of(address):
        try:
            host = urlsplit(part).hostname if protocol in WITH_HOST else None
        except ValueError as error:
            raise InputError(f"source {source} is not an address ({error}): correct raw_web_text.sources") from None
        for ip in _addresses(host) if host else ():
            if not is_public(ip):
                raise InputError(
                    f"source {source} is at {ip}, an address of this machine or its network: set `outside: true` of "
                    "the source if that is intended"
                )


def _addresses(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError):
        return []


def is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_global and not ip.is_multicast


def web_options(address: str) -> dict[str, Any]:
    """Options of `fsspec` with which its web client connects only to public hosts, even if it is redirected."""
    return {protocol: {"get_client": _public_client} for protocol, _ in parts_of(address) if protocol in WEB}


async def _public_client(**options: Any) -> Any:
    import aiohttp

    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=_public_socket), **options)


def _public_socket(address: Any) -> socket.socket:
    """A socket for an address that was already looked up, so that no second lookup can give a different address."""
    family, kind, protocol, _, place = address
    if not is_public(str(place[0])):
        raise OSError(f"{place[0]} is an address of this machine or its network; set `outside: true` if it is intended")
    return socket.socket(family, kind, protocol)
