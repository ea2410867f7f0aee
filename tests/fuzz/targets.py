# SPDX-License-Identifier: Apache-2.0
"""One function for each parser of hostile input: any bytes, no exception.

The first bytes say where the rest is cut; the pieces must make what the whole
makes. hypothesis drives them in the tests, atheris by itself.
"""

from collections.abc import Callable
import contextlib
import ipaddress

from console_api.proxy import forwarded
from console_api.proxy import head
from console_api.proxy import origin
from console_api.proxy import proxyprotocol
from console_api.proxy.rfb import browser
from console_api.proxy.rfb import client_messages
from console_api.proxy.rfb import dialogue
from console_api.proxy.rfb import hypervisor
from console_api.proxy.rfb import security
from console_api.proxy.ws import receiver

_TRUST = forwarded.Trust(['10.0.0.0/8', 'fd00::/8'])
#: Bytes that say where to cut.
_CUTS = 4
#: Behind the cuts, what begins like something that the parsers know.
STARTS = (
    b'',
    b'RFB 003.008\n\x01\x01',
    b'GET /?token=abc HTTP/1.1\r\nHost: x\r\n',
    b'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n\x82\x80',
    b'\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24',
    b'\x82\x85abcd',
    b'https,console.example.com,192.0.2.7,',
    b'https://dash.example.com\n',
)
_MEANS = security.Means(
    (
        security.SecurityType.VENCRYPT,
        security.SecurityType.VNC_AUTH,
        security.SecurityType.NONE,
    ),
    lambda challenge: challenge[::-1],
    True,
)


def _parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """The whole, and the same in pieces."""
    cuts, whole = data[:_CUTS], data[_CUTS:]
    pieces, rest = [], whole
    for size in cuts:
        pieces.append(rest[:size])
        rest = rest[size:]
    return whole, [*pieces, rest]


def _check(good: bool, what: str) -> None:
    # Not assert, which an optimised run leaves out.
    if not good:
        raise AssertionError(what)


def websocket(data: bytes) -> None:
    """The frames of a client."""
    whole, pieces = _parts(data)

    def read(parts: list[bytes]) -> tuple[object, ...]:
        reader = receiver.Receiver()
        payload = b''.join(
            b''.join(reader.receive(memoryview(part))) for part in parts
        )
        violation = reader.violation and reader.violation.code
        return payload, violation, reader.close, reader.ended

    _check(read([whole]) == read(pieces), 'pieces make a difference')


def _talk(make: Callable[[], dialogue.Dialogue], parts: list[bytes]) -> object:
    talk = make()
    sent = talk.begin()
    for part in parts:
        sent += talk.feed(part)
        if talk.wants_tls:
            sent += talk.secured()
        if not talk.done:
            _check(len(talk.leftover) < dialogue.MAX_REASON, 'it piles up')
    words = talk.error.words if talk.error else ''
    _check('\n' not in words, 'a reason has two lines')
    return sent, talk.done, words, talk.leftover


def rfb_hypervisor(data: bytes) -> None:
    """The security handshake of a VNC server."""
    whole, pieces = _parts(data)
    plain = hypervisor.handshake
    _check(_talk(plain, [whole]) == _talk(plain, pieces), 'pieces differ')
    _talk(lambda: hypervisor.handshake(_MEANS), pieces)


def rfb_browser(data: bytes) -> None:
    """The handshake of a VNC client."""
    whole, pieces = _parts(data)
    make = browser.handshake
    _check(_talk(make, [whole]) == _talk(make, pieces), 'pieces differ')


def rfb_viewer(data: bytes) -> None:
    """The messages of one who may only look."""
    whole, pieces = _parts(data)
    one, other = client_messages.Sieve(), client_messages.Sieve()
    passed = one.feed(whole)
    _check(passed == b''.join(map(other.feed, pieces)), 'pieces differ')
    _check(one.fault == other.fault, 'faults differ')
    _check(client_messages.Sieve().feed(passed) == passed, 'it passes once')


def http_head(data: bytes) -> None:
    """The head of a usual request."""
    found = head.parse(data)
    _check(found is None or found.size <= len(data), 'it is longer')


def proxy_protocol(data: bytes) -> None:
    """A PROXY header."""
    whole, pieces = _parts(data)
    one, other = proxyprotocol.Parser(), proxyprotocol.Parser()
    one.receive(whole)
    for piece in pieces:
        other.receive(piece)
    _check(one.header == other.header, 'headers differ')
    _check(one.violation == other.violation, 'violations differ')
    if one.header is not None:
        _check(one.rest == other.rest, 'what follows differs')
        if one.header.host is not None:
            ipaddress.ip_address(one.header.host)


def forwarded_for(data: bytes) -> None:
    """What proxies in front say, a word for each header."""
    words = data.decode('latin-1').split(',')
    claims = forwarded.Claims(words[2:], words[:1], words[1:2])
    source = forwarded.Source('10.0.0.1', 7)
    found, _ = forwarded.resolve(source, claims, _TRUST)
    ipaddress.ip_address(found.host)
    _check(found.scheme in ('http', 'https'), 'a scheme of its own')


def origins(data: bytes) -> None:
    """An Origin beside a Host, with one page of another host allowed."""
    claimed, _, host = data.decode('latin-1').partition('\n')
    allowed = origin.parse_allowed(['https://dash.example.com'])
    own = origin.of_host('https', host)
    if origin.is_allowed(claimed, own, allowed):
        _check('://' in claimed, 'it is no origin')
    with contextlib.suppress(ValueError):
        origin.parse_allowed([claimed])


#: Every target by its name.
ALL: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        websocket,
        rfb_hypervisor,
        rfb_browser,
        rfb_viewer,
        http_head,
        proxy_protocol,
        forwarded_for,
        origins,
    )
}
