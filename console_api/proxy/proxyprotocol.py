# SPDX-License-Identifier: Apache-2.0
"""Version 2 of HAProxy's PROXY protocol: who a connection comes from.

It precedes everything else on the connection. See proxy-protocol.txt of
HAProxy, 2.2. There is no I/O here.
"""

import dataclasses
import ipaddress
import struct

from console_api.proxy import forwarded

_SIGNATURE = b'\r\n\r\n\x00\r\nQUIT\n'
_START = struct.Struct('!12sBBH')
#: The most bytes behind the first 16: addresses, and more about the client.
MAX_LENGTH = 4096
_LOCAL, _PROXY = 0x20, 0x21
#: Family and transport -> bytes of one address. Others name no address here.
_ADDRESS_SIZES = {0x11: 4, 0x21: 16}
_TLV = struct.Struct('!BH')
_SSL = 0x20
_SSL_SIZE = 5
_CLIENT_SSL = 0x01


@dataclasses.dataclass(frozen=True)
class Header:
    """What the proxy in front says; ``secure``: its client came by TLS.

    Without an address the connection is its own, a health check perhaps.
    """

    host: str | None = None
    port: int = 0
    secure: bool = False


class Parser:
    """Takes bytes until ``header`` or ``violation`` is set.

    Then ``rest`` are the bytes behind the header.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self.violation: str | None = None
        self.rest = b''
        self._data = b''

    def receive(self, data: bytes) -> None:
        """Go on with these bytes."""
        if self.header is not None or self.violation is not None:
            self.rest += data
            return
        self._data += data
        have = self._data[: len(_SIGNATURE)]
        if not _SIGNATURE.startswith(have):
            self.violation = 'there is no PROXY header of version 2'
        elif len(self._data) >= _START.size:
            self._parse()

    def _parse(self) -> None:
        _, command, family, length = _START.unpack_from(self._data)
        if command not in (_LOCAL, _PROXY):
            self.violation = 'the PROXY header has an unknown command'
        elif length > MAX_LENGTH:
            self.violation = 'the PROXY header is too long'
        elif len(self._data) >= _START.size + length:
            body = self._data[_START.size : _START.size + length]
            self.rest = self._data[_START.size + length :]
            self._data = b''
            if command == _LOCAL:
                self.header = Header()
            else:
                self._parse_body(family, body)

    def _parse_body(self, family: int, body: bytes) -> None:
        size = _ADDRESS_SIZES.get(family)
        if size is None:
            self.header = Header()
        elif len(body) < 2 * size + 4:
            self.violation = 'the PROXY header is too short'
        else:
            host = forwarded.name_of(ipaddress.ip_address(body[:size]))
            port = int.from_bytes(body[2 * size : 2 * size + 2], 'big')
            secure = self._is_secure(body[2 * size + 4 :])
            if self.violation is None:
                self.header = Header(host, port, secure)

    def _is_secure(self, more: bytes) -> bool:
        """Whether one of these fields says that the client came by TLS."""
        secure = False
        while more and self.violation is None:
            if len(more) < _TLV.size:
                self.violation = 'the PROXY header is cut off'
                break
            kind, length = _TLV.unpack_from(more)
            value = more[_TLV.size : _TLV.size + length]
            more = more[_TLV.size + length :]
            if len(value) < length:
                self.violation = 'the PROXY header is cut off'
            elif kind == _SSL and length >= _SSL_SIZE:
                secure = bool(value[0] & _CLIENT_SSL)
        return secure
