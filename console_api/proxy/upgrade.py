# SPDX-License-Identifier: Apache-2.0
"""The opening handshake of a WebSocket (RFC 6455, 4.2) and the token in it.

A WebSocket is taken on any path: the base URL of a console may have one of
its own.
"""

import base64
import binascii
from collections.abc import Sequence
import dataclasses
import hashlib
import re
from urllib import parse

from console_api.consoles import tokens
from console_api.proxy import notices
from console_api.proxy import request

_GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
_VERSION = '13'
#: The first one that is offered is taken.
_SUBPROTOCOLS = (notices.SUBPROTOCOL, 'binary')
#: Tokens of this project, UUIDs and other URL-safe ones.
_TOKEN = re.compile(r'[A-Za-z0-9._~-]{1,128}', re.ASCII)
_MAX_FIELDS = 32


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """A well-formed request for a WebSocket.

    ``token`` is None where none came, or what came cannot be one;
    ``origin`` is None where the client is not a web page. ``scheme`` and
    ``host`` are of the address that the client has opened, as http has it.
    """

    key: str
    subprotocol: str | None
    host: str
    origin: str | None
    token: tokens.Token | None
    from_cookie: bool
    scheme: str = 'http'
    #: The values of the Cookie header.
    cookies: tuple[str, ...] = dataclasses.field(default=(), repr=False)

    @property
    def takes_notices(self) -> bool:
        """Whether the client wants to be told more than its console says."""
        return self.subprotocol == notices.SUBPROTOCOL

    def headers(self) -> list[request.Header]:
        """What the answer 101 carries; no extension is taken."""
        headers = [
            ('Upgrade', 'websocket'),
            ('Connection', 'Upgrade'),
            ('Sec-WebSocket-Accept', _accept(self.key)),
        ]
        if self.subprotocol:
            headers.append(('Sec-WebSocket-Protocol', self.subprotocol))
        return headers


def parse_upgrade(head: request.Request) -> Upgrade:
    """What the client asks for.

    :raises RequestError: it is no opening handshake, or one of another
        version or for other subprotocols only
    """
    if head.method != 'GET' or head.version != '1.1':
        raise request.RequestError(400)
    if 'upgrade' not in [word.lower() for word in head.words('connection')]:
        raise request.RequestError(400)
    if head.values('sec-websocket-version') != [_VERSION]:
        raise request.RequestError(426, [('Sec-WebSocket-Version', _VERSION)])
    token, from_cookie = _token(head)
    return Upgrade(
        key=_key(head.values('sec-websocket-key')),
        subprotocol=_subprotocol(head.words('sec-websocket-protocol')),
        # h11 takes a request with one Host only.
        host=head.values('host')[0],
        origin=_origin(head.values('origin')),
        token=token,
        from_cookie=from_cookie,
        cookies=tuple(head.values('cookie')),
    )


def query_token(query: str) -> tokens.Token | None:
    """The token in a query; None where none is, or what is cannot be one."""
    return _only(_query_values(query) or [])


def _accept(key: str) -> str:
    digest = hashlib.sha1(  # noqa: S324 - RFC 6455, 4.2.2, wants it
        key.encode('ascii') + _GUID
    ).digest()
    return base64.b64encode(digest).decode('ascii')


def _key(values: list[str]) -> str:
    if len(values) != 1:
        raise request.RequestError(400)
    try:
        nonce = base64.b64decode(values[0], validate=True)
    except (binascii.Error, ValueError):
        raise request.RequestError(400) from None
    if len(nonce) != 16:
        raise request.RequestError(400)
    return values[0]


def _subprotocol(offered: list[str]) -> str | None:
    if not offered:
        return None
    for known in _SUBPROTOCOLS:
        if known in offered:
            return known
    # base64 is gone; a client that wants only that cannot be served.
    raise request.RequestError(400)


def _origin(values: list[str]) -> str | None:
    if not values:
        return None
    # More than one names no page at all; the check refuses it.
    return ', '.join(values)


def _token(head: request.Request) -> tuple[tokens.Token | None, bool]:
    """The token of the query, else of the cookie; whether it is the latter."""
    found = _query_values(head.query)
    if found is None:
        return None, False
    from_cookie = not found
    if from_cookie:
        found = cookie_values(head.values('cookie'), 'token')
    return _only(found), from_cookie


def _only(found: list[str]) -> tokens.Token | None:
    """The one value that they all are, if it can be a token."""
    values = set(found)
    if len(values) != 1:
        return None
    value = values.pop()
    return tokens.Token(value) if _TOKEN.fullmatch(value) else None


def _query_values(query: str) -> list[str] | None:
    """The values of ``token``; None if the query is beyond reason."""
    try:
        pairs = parse.parse_qsl(
            query, keep_blank_values=True, max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        return None
    return [value for name, value in pairs if name == 'token']


def cookie_values(cookies: Sequence[str], wanted: str) -> list[str]:
    """The values of each cookie of this name in these headers."""
    pairs = [
        pair.strip().partition('=')
        for cookie in cookies
        for pair in cookie.split(';')
    ]
    return [value for name, _, value in pairs if name == wanted]
