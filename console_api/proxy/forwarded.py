# SPDX-License-Identifier: Apache-2.0
"""Who a request comes from, by what trusted proxies in front say of it.

RFC 7239's Forwarded is not read: a proxy that sets X-Forwarded-For hands the
client's own Forwarded on, and the two cannot be told apart.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import ipaddress
import re

#: The host of a client that came through a Unix socket.
UNIX = 'unix'

_WITH_PORT = re.compile(
    r'(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?', re.ASCII
)
_SCHEMES = {'http': 'http', 'ws': 'http', 'https': 'https', 'wss': 'https'}

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True)
class Source:
    """An IP address or ``UNIX``, a port or 0, and http or https."""

    host: str
    port: int = 0
    scheme: str = 'http'


def of_socket(address: Sequence[object] | str | bytes) -> Source:
    """The other side as a socket names it."""
    if isinstance(address, str | bytes):
        return Source(UNIX)
    host, port = str(address[0]), address[1]
    assert isinstance(port, int)
    return Source(host.removeprefix('::ffff:') if '.' in host else host, port)


def name_of(address: _Address) -> str:
    """An address as text; one of IPv6 that stands for IPv4 is the latter."""
    mapped = getattr(address, 'ipv4_mapped', None)
    return str(mapped or address)


class Trust:
    """The networks whose proxies are believed.

    :raises ValueError: an entry is neither a network nor ``unix``
    """

    def __init__(self, entries: Iterable[str]) -> None:
        names = list(entries)
        self._unix = UNIX in names
        self._networks: list[_Network] = [
            ipaddress.ip_network(name) for name in names if name != UNIX
        ]

    def __bool__(self) -> bool:
        return self._unix or bool(self._networks)

    def covers(self, host: str) -> bool:
        """Whether a proxy at this address is believed."""
        if host == UNIX:
            return self._unix
        if not self._networks:
            return False
        address = ipaddress.ip_address(host)
        return any(address in network for network in self._networks)


@dataclasses.dataclass(frozen=True)
class Claims:
    """The members of X-Forwarded-For, -Proto and -Host, as they came."""

    clients: Sequence[str] = ()
    schemes: Sequence[str] = ()
    hosts: Sequence[str] = ()


def resolve(
    source: Source, claims: Claims, trust: Trust
) -> tuple[Source, str | None]:
    """The client behind trusted proxies, and the host that it asked for.

    Each proxy adds to the right, so the client is the rightmost address that
    is not a trusted proxy's. The host is None where no proxy tells it.
    """
    client, hops = source, 0
    chain = list(claims.clients)
    while trust.covers(client.host):
        hops += 1
        found = _client(chain.pop()) if chain else None
        if found is None:
            break
        client = found
    if not hops:
        return source, None
    scheme = _SCHEMES.get(_told(claims.schemes, hops).lower(), source.scheme)
    return (
        dataclasses.replace(client, scheme=scheme),
        _told(claims.hosts, hops) or None,
    )


def _told(values: Sequence[str], hops: int) -> str:
    """What the first trusted proxy said; some set it anew, some add to it."""
    return values[-min(hops, len(values))] if values else ''


def _client(text: str) -> Source | None:
    """An address, perhaps with a port; None for anything else."""
    match = _WITH_PORT.fullmatch(text)
    host, port = text, 0
    if match is not None:
        host, port = match[1] or match[2], int(match[3] or 0)
    try:
        address: _Address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return Source(name_of(address), port if port < 65536 else 0)
