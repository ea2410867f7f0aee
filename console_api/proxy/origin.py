# SPDX-License-Identifier: Apache-2.0
"""Which web pages may open a console: the check of the Origin header."""

from collections.abc import Collection
from collections.abc import Iterable
import dataclasses
import re

_PORTS = {'http': 80, 'https': 443}
#: A WebSocket address belongs to the origin of the page beside it.
_PAGE_SCHEMES = {'ws': 'http', 'wss': 'https'}
_HOST = r'\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}'
_AUTHORITY = re.compile(rf'({_HOST})(?::([0-9]{{1,5}}))?', re.ASCII)
_ORIGIN = re.compile(
    rf'(https?|wss?)://({_HOST})(?::([0-9]{{1,5}}))?', re.ASCII | re.IGNORECASE
)


@dataclasses.dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a page (RFC 6454), in lower case."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        if self.port == _PORTS[self.scheme]:
            return f'{self.scheme}://{self.host}'
        return f'{self.scheme}://{self.host}:{self.port}'


def parse(text: str) -> Origin | None:
    """The origin that this header value names; None if it names none.

    ``null``, a list, a path behind it and other schemes name none.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None or match[1].lower() not in _PORTS:
        return None
    return _origin(match[1].lower(), match[2], match[3])


def of_host(scheme: str, host: str) -> Origin | None:
    """The origin of a page that was asked for with this Host header."""
    match = _AUTHORITY.fullmatch(host)
    return _origin(scheme, match[1], match[2]) if match else None


def of_url(url: str) -> Origin | None:
    """The origin of the page at, or beside, this http, https or ws address."""
    match = _ORIGIN.match(url)
    if match is None or url[match.end() : match.end() + 1] not in '/?#':
        return None
    scheme = match[1].lower()
    return _origin(_PAGE_SCHEMES.get(scheme, scheme), match[2], match[3])


def parse_allowed(entries: Iterable[str]) -> frozenset[Origin]:
    """The origins that the operator lists.

    A host alone stands for both schemes, each on its own port or both on the
    port that is given.

    :raises ValueError: an entry is neither an origin nor a host
    """
    allowed: set[Origin] = set()
    for entry in entries:
        found = [parse(entry)]
        if found == [None]:
            found = [of_host('https', entry), of_host('http', entry)]
        for origin in found:
            if origin is None:
                raise ValueError(f'{entry!r} is not an origin')
            allowed.add(origin)
    return frozenset(allowed)


def is_allowed(
    header: str, own: Origin | None, allowed: Collection[Origin]
) -> bool:
    """Whether a page of this Origin may open a console here.

    ``own`` is the origin of the proxy's own pages, as the request names it.
    Nothing is remembered between two calls.
    """
    origin = parse(header)
    return origin is not None and (origin == own or origin in allowed)


def _origin(scheme: str, host: str, port: str | None) -> Origin | None:
    number = int(port) if port else _PORTS[scheme]
    if not 0 < number < 65536:
        return None
    return Origin(scheme, host.lower(), number)
