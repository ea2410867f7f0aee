# SPDX-License-Identifier: Apache-2.0
"""The RFB handshakes of a session: with the hypervisor, then the client."""

from collections.abc import Awaitable
from collections.abc import Callable
import dataclasses
import functools
import ssl

from oslo_config import cfg

from console_api.consoles import types
from console_api.proxy import certificates
from console_api.proxy import channel
from console_api.proxy import closing
from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import tls
from console_api.proxy import vncauth
from console_api.proxy.rfb import browser
from console_api.proxy.rfb import dialogue
from console_api.proxy.rfb import hypervisor
from console_api.proxy.rfb import security


def load(conf: cfg.ConfigOpts) -> ssl.SSLContext | None:
    """What hypervisors are checked with; None where they need no TLS.

    :raises ConfigurationError: a file cannot be used
    """
    if 'vencrypt' not in conf.vnc.auth_schemes:
        return None
    return certificates.client_context(
        conf.vnc.vencrypt_ca_certs,
        conf.vnc.vencrypt_client_cert,
        conf.vnc.vencrypt_client_key,
    )


@dataclasses.dataclass(frozen=True)
class Needs:
    """What it takes to satisfy a hypervisor.

    ``schemes`` may be used, best first; ``host`` must be in the certificate
    that ``context`` checks.
    """

    schemes: tuple[security.SecurityType, ...]
    context: ssl.SSLContext | None
    host: str
    password: types.Secret | None

    @property
    def means(self) -> security.Means:
        """The same for the protocol, which knows no TLS and no ciphers."""
        answer = None
        if self.password is not None:
            answer = functools.partial(vncauth.answer, self.password.reveal())
        return security.Means(self.schemes, answer, self.context is not None)


async def secure(
    guest: inbox.Inbox, needs: Needs, buffer: readbuffer.ReadBuffer
) -> bytes:
    """Settle security with the hypervisor; returns what came behind it.

    :raises EndedError: it cannot be settled
    """
    talk = hypervisor.handshake(needs.means)
    protected: tls.TlsTransport | None = None
    await _converse(talk, guest.read, guest.wire.write)
    if talk.wants_tls:
        protected = await _start_tls(guest, needs, buffer)
        for message in talk.secured():
            guest.wire.write(message)
        await _resume(talk, guest.read, guest.wire.write)
    if talk.error is not None:
        raise closing.EndedError(closing.NOT_SECURED, talk.error.words)
    if not talk.done:
        raise closing.EndedError(closing.NOT_SECURED, _why_closed(protected))
    return talk.leftover


async def greet(user: channel.Channel) -> bytes:
    """Be the client's RFB server; returns what came behind the handshake.

    :raises EndedError: the client ends, or breaks the protocol
    """
    talk = browser.handshake()
    await _converse(talk, user.read, user.send)
    if talk.error is not None:
        raise closing.EndedError(closing.CLIENT_FAULT, talk.error.words)
    return talk.leftover


async def _start_tls(
    guest: inbox.Inbox, needs: Needs, buffer: readbuffer.ReadBuffer
) -> tls.TlsTransport:
    assert needs.context is not None
    try:
        return await tls.start(guest, needs.context, needs.host, buffer)
    except (OSError, ValueError) as exc:
        # A name that no certificate can have is a ValueError.
        raise closing.EndedError(
            closing.NOT_SECURED, tls.reason(exc)
        ) from None


def _why_closed(protected: tls.TlsTransport | None) -> str:
    if protected is None:
        return 'the connection was closed'
    if protected.error is not None:
        return tls.reason(protected.error)
    # With TLS 1.3 a client learns late whether its certificate was taken.
    return (
        'the connection was closed right after the TLS handshake; does the '
        'server want another certificate of the proxy?'
    )


async def _converse(
    talk: dialogue.Dialogue,
    read: Callable[[], Awaitable[bytes]],
    send: Callable[[bytes], None],
) -> None:
    """Run a dialogue until it is done, wants TLS, or the peer has ended."""
    for message in talk.begin():
        send(message)
    await _resume(talk, read, send)


async def _resume(
    talk: dialogue.Dialogue,
    read: Callable[[], Awaitable[bytes]],
    send: Callable[[bytes], None],
) -> None:
    while not (talk.done or talk.wants_tls):
        data = await read()
        if not data:
            return
        for message in talk.feed(data):
            send(message)
