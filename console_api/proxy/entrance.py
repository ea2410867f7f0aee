# SPDX-License-Identifier: Apache-2.0
"""What comes before the first request: a PROXY header, and TLS."""

import asyncio
import dataclasses
import logging
import ssl

from oslo_config import cfg

from console_api import exception
from console_api.proxy import certificates
from console_api.proxy import forwarded
from console_api.proxy import inbox
from console_api.proxy import proxyprotocol
from console_api.proxy import readbuffer
from console_api.proxy import tls

LOG = logging.getLogger(__name__)

#: The content type of a TLS record that begins a handshake (RFC 8446, 5.1).
_HANDSHAKE = 0x16
_WORDS = 'This port takes TLS only: use https://\n'
_PLAIN_REFUSAL = (
    'HTTP/1.1 400 Bad Request\r\n'
    'Content-Type: text/plain; charset=utf-8\r\n'
    f'Content-Length: {len(_WORDS)}\r\nConnection: close\r\n\r\n{_WORDS}'
).encode('ascii')


class EntranceError(Exception):
    """The connection is closed; the reason is for the log."""


@dataclasses.dataclass(frozen=True)
class Rules:
    """``patience`` is for all steps of one connection, in seconds.

    With ``only_tls``, one without TLS is answered 400 and closed. With
    ``headed``, those of trusted proxies begin with a PROXY header.
    """

    patience: float
    only_tls: bool
    trust: forwarded.Trust
    headed: bool


def load(conf: cfg.ConfigOpts) -> Rules:
    """The rules of this configuration.

    :raises ConfigurationError: a trusted proxy is no network, or none is
        named where PROXY headers are wanted of them
    """
    try:
        trust = forwarded.Trust(conf.proxy.trusted_proxies)
    except ValueError as exc:
        raise exception.ConfigurationError(
            f'[proxy] trusted_proxies: {exc}'
        ) from exc
    if conf.proxy.proxy_protocol and not trust:
        raise exception.ConfigurationError(
            '[proxy] proxy_protocol is set, and [proxy] trusted_proxies is not'
        )
    return Rules(
        patience=conf.proxy.handshake_timeout,
        only_tls=conf.ssl_only,
        trust=trust,
        headed=conf.proxy.proxy_protocol,
    )


class Entrance:
    """Lets connections in."""

    def __init__(
        self, rules: Rules, certificate: certificates.Certificate | None
    ) -> None:
        self.rules = rules
        self.certificate = certificate

    async def enter(
        self,
        client: inbox.Inbox,
        source: forwarded.Source,
        buffer: readbuffer.ReadBuffer,
    ) -> forwarded.Source:
        """Take a PROXY header where one is due, and go through TLS.

        :raises EntranceError: the client is not let in
        """
        headed = self.rules.headed and self.rules.trust.covers(source.host)
        if self.certificate is None and not headed:
            return source
        try:
            async with asyncio.timeout(self.rules.patience):
                if headed:
                    source = await _identify(client, source)
                if self.certificate is not None:
                    source = await self._secure(client, source, buffer)
        except TimeoutError:
            raise EntranceError('too slow') from None
        except ConnectionError:
            raise EntranceError('gone before the end of TLS') from None
        except ssl.SSLError as exc:
            raise EntranceError(tls.reason(exc)) from None
        return source

    async def _secure(
        self,
        client: inbox.Inbox,
        source: forwarded.Source,
        buffer: readbuffer.ReadBuffer,
    ) -> forwarded.Source:
        early = await client.read()
        if early[:1] == bytes([_HANDSHAKE]):
            assert self.certificate is not None
            context = self.certificate.context()
            await tls.accept(client, context, buffer, early)
            return dataclasses.replace(source, scheme='https')
        if self.rules.only_tls and early:
            client.wire.write(_PLAIN_REFUSAL)
            raise EntranceError('it does not speak TLS')
        client.put_back(early)
        return source


async def _identify(
    client: inbox.Inbox, source: forwarded.Source
) -> forwarded.Source:
    """The source that the PROXY header names."""
    parser = proxyprotocol.Parser()
    while parser.header is None:
        data = await client.read()
        if not data:
            raise EntranceError('gone before the end of its PROXY header')
        parser.receive(data)
        if parser.violation is not None:
            raise EntranceError(parser.violation)
    client.put_back(parser.rest)
    header = parser.header
    if header.host is None:
        return source
    return forwarded.Source(
        header.host, header.port, 'https' if header.secure else 'http'
    )
