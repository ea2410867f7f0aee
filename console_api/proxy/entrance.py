# SPDX-License-Identifier: Apache-2.0
"""What stands between an accepted connection and its first request: TLS."""

import asyncio
import logging
import ssl

from console_api.proxy import certificates
from console_api.proxy import inbox
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


class Entrance:
    """Lets connections in. ``patience`` is for all of its steps, in seconds.

    With ``only_tls``, one without TLS is answered 400 and closed.
    """

    def __init__(
        self,
        patience: float,
        certificate: certificates.Certificate | None,
        *,
        only_tls: bool,
    ) -> None:
        self._patience = patience
        self.certificate = certificate
        self._only_tls = only_tls

    async def enter(
        self, client: inbox.Inbox, buffer: readbuffer.ReadBuffer
    ) -> str:
        """Go through TLS if the client begins with it; http or https.

        :raises EntranceError: the client is not let in
        """
        if self.certificate is None:
            return 'http'
        try:
            async with asyncio.timeout(self._patience):
                return await self._secure(client, buffer)
        except TimeoutError:
            raise EntranceError('no TLS handshake in time') from None
        except ConnectionError:
            raise EntranceError('gone before a TLS handshake') from None
        except ssl.SSLError as exc:
            raise EntranceError(tls.reason(exc)) from None

    async def _secure(
        self, client: inbox.Inbox, buffer: readbuffer.ReadBuffer
    ) -> str:
        early = await client.read()
        if early[:1] == bytes([_HANDSHAKE]):
            assert self.certificate is not None
            context = self.certificate.context()
            await tls.accept(client, context, buffer, early)
            return 'https'
        if self._only_tls and early:
            client.wire.write(_PLAIN_REFUSAL)
            raise EntranceError('it does not speak TLS')
        client.put_back(early)
        return 'http'
