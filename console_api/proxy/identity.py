# SPDX-License-Identifier: Apache-2.0
"""Whether it is the right guest that a session has been led to, by its word.

The hypervisor's console server says which guest it is of. It is asked before
anything else of the guest reaches the user, and before anything of the user
reaches the guest.
"""

from collections.abc import Awaitable
from collections.abc import Callable
import dataclasses

from console_api.consoles import types
from console_api.proxy import channel
from console_api.proxy import closing
from console_api.proxy import inbox
from console_api.proxy import journal
from console_api.proxy.rfb import server_init
from console_api.proxy.spice import main_channel

#: The protocols whose servers say it, to a session of the proxy.
_TELLING = ('vnc', 'spice')


@dataclasses.dataclass(frozen=True)
class Identity:
    """What the console server must say of its guest.

    ``uuid`` is that of the guest, ``name`` the one that its hypervisor knows
    it by; None where only the former counts.
    """

    uuid: str
    name: str | None = None


@dataclasses.dataclass(frozen=True)
class IdentifiedGrant(types.ConsoleGrant):
    """A grant for the guest of this identity alone."""

    identity: Identity | None = None


def is_told_by(console_type: str) -> bool:
    """Whether sessions with consoles of this type see who the guest is."""
    row = types.CONSOLE_TYPES[console_type]
    return row.protocol in _TELLING and not row.native


def wanted(grant: types.ConsoleGrant) -> Identity | None:
    """What the guest has to show; None where anything will do."""
    return grant.identity if isinstance(grant, IdentifiedGrant) else None


@dataclasses.dataclass(frozen=True)
class Checked:
    """What has been read: ``early`` of the guest, to be handed on.

    Of the client, ``passed`` has gone to the guest in one form or another,
    and ``typed`` has not yet.
    """

    early: bytes
    passed: bytes = b''
    typed: bytes = b''


async def check_vnc(
    guest: inbox.Inbox, early: bytes, wanted: Identity
) -> bytes:
    """Read who a VNC server is of; returns its ServerInit and what followed.

    ``early`` came behind the security handshake. The client is spoken for:
    its ClientInit must not reach the server again.

    :raises EndedError: it is of another guest, or does not tell
    """
    heard = server_init.Heard()
    talk = server_init.handshake(heard)
    for message in talk.begin():
        guest.wire.write(message)
    while not talk.done:
        talk.feed(early or await _read(guest))
        early = b''
    if talk.error is not None:
        raise closing.EndedError(closing.NOT_SECURED, talk.error.words)
    if heard.name not in (wanted.name, f'QEMU ({wanted.name})'):
        raise _other_guest(heard.name)
    return heard.raw + talk.leftover


async def swallow_init(user: channel.Channel, typed: bytes) -> Checked:
    """Read the ClientInit of a client that was spoken for.

    :raises EndedError: the client ends
    """
    while not typed:
        typed = await user.read()
    return Checked(b'', typed[:1], typed[1:])


async def check_spice(
    user: channel.Channel, guest: inbox.Inbox, wanted: Identity
) -> Checked:
    """Open a channel for the client, and read who the SPICE server is of.

    Channels other than the main one are opened and not looked at: they need
    a number that the server tells on the main channel, where it is held back
    until the guest has shown who it is.

    :raises EndedError: it is of another guest, or does not tell
    """
    told, said = _Stream(user.read), _Stream(lambda: _read(guest))
    try:
        early = await _open_channel(user, guest, told, said, wanted)
    except main_channel.LinkError as exc:
        raise closing.EndedError(closing.NOT_SECURED, str(exc)) from None
    return Checked(early + said.rest, told.taken, told.rest)


async def _open_channel(
    user: channel.Channel,
    guest: inbox.Inbox,
    told: '_Stream',
    said: '_Stream',
    wanted: Identity,
) -> bytes:
    """The steps of ``check_spice``; returns what the client has to get."""
    header = await told.exactly(main_channel.LINK_HEADER)
    body = await told.exactly(main_channel.link_size(header))
    link = main_channel.Link(header, body)
    if not link.is_main:
        guest.wire.write(header + body)
        return b''
    guest.wire.write(link.asking())
    header = await said.exactly(main_channel.LINK_HEADER)
    reply = await said.exactly(main_channel.link_size(header, reply=True))
    if main_channel.is_error(reply):
        return header + reply
    user.send(header + reply)
    ticket = await told.exactly(link.ticket_size)
    link.check_ticket(ticket)
    guest.wire.write(ticket)
    result = await said.exactly(main_channel.RESULT)
    if any(result):
        return result
    return result + await _until_told(said, link.message_header, wanted)


async def _until_told(
    said: '_Stream', header_size: int, wanted: Identity
) -> bytes:
    """The server's messages up to the one that tells the right UUID."""
    held: list[bytes] = []
    while len(held) < 2 * main_channel.MESSAGES_MOST:
        header = await said.exactly(header_size)
        kind, size = main_channel.message(header)
        body = await said.exactly(size)
        held += (header, body)
        heard = main_channel.told(kind, body)
        if heard == wanted.uuid:
            return b''.join(held)
        if heard is not None:
            raise _other_guest(heard)
    raise main_channel.LinkError('the server does not tell a UUID')


class _Stream:
    """Bytes of one side, taken in pieces of a known size."""

    def __init__(self, read: Callable[[], Awaitable[bytes]]) -> None:
        self._read = read
        self.taken = b''
        #: What has come and was not taken.
        self.rest = b''

    async def exactly(self, count: int) -> bytes:
        """The next so many bytes."""
        while len(self.rest) < count:
            self.rest += await self._read()
        piece, self.rest = self.rest[:count], self.rest[count:]
        self.taken += piece
        return piece


async def _read(guest: inbox.Inbox) -> bytes:
    data = await guest.read()
    if not data:
        raise closing.EndedError(closing.GUEST_GONE)
    return data


def _other_guest(name: str) -> closing.EndedError:
    return closing.EndedError(
        closing.BAD_TOKEN,
        f'the console is that of another guest, {journal.quoted(name)}',
    )
