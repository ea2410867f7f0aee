# SPDX-License-Identifier: Apache-2.0
"""Sessions that begin only with the guest that their token is for."""

import asyncio
import dataclasses
import struct
import uuid

from console_api.proxy import identity
from tests.fixtures import spice_wire
from tests.functional.proxy import harness

GUEST = uuid.UUID('3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11')
OTHER = uuid.UUID('92270c7f-c19d-4065-b7d0-2675ee6665d3')
NAME = 'instance-0000002a'
SCREEN = struct.pack('>HHBBBBHHHBBBxxx', 8, 8, 32, 24, 0, 1, 0, 0, 0, 0, 0, 0)


class IdentityCase(harness.ProxyTestCase):
    kind = ''

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('proxy', negotiation_timeout=harness.DEADLINE)
        #: What the server was sent after the handshake.
        self.got = b''

    async def start_guest(self) -> None:
        """A started proxy, and TOKEN is for the guest of this identity."""
        self.grant(await self.backend(self.serve), self.kind)
        grant = self.authority.answers[harness.TOKEN]
        assert dataclasses.is_dataclass(grant)
        facts = {
            field.name: getattr(grant, field.name)
            for field in dataclasses.fields(grant)
        }
        self.authority.answers[harness.TOKEN] = identity.IdentifiedGrant(
            **facts | {'server_id': str(GUEST)},
            identity=identity.Identity(str(GUEST), NAME),
        )
        await self.start_proxy()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        raise NotImplementedError


class VncTest(IdentityCase):
    kind = 'novnc'
    name = f'QEMU ({NAME})'.encode()
    #: What the server says of the length of its name, if not the truth.
    length: int | None = None

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(harness.V38)
        await reader.readexactly(12)
        writer.write(b'\x01\x01')
        await reader.readexactly(1)
        writer.write(bytes(4))
        self.got += await reader.readexactly(1)
        length = len(self.name) if self.length is None else self.length
        for piece in (SCREEN, length.to_bytes(4, 'big'), self.name):
            writer.write(piece)
            await writer.drain()
        while data := await reader.read(65536):
            self.got += data
            writer.write(data)

    async def test_guest_with_the_right_name_opens(self) -> None:
        for name in (self.name, NAME.encode()):
            self.name = name
            await self.start_guest()
            async with self.connect() as ws:
                await harness.rfb_open(ws)
                await ws.send(b'\x01')
                wanted = SCREEN + len(name).to_bytes(4, 'big') + name
                self.assertEqual(
                    wanted, await harness.receive(ws, len(wanted))
                )
                await ws.send(b'a key')
                self.assertEqual(b'a key', await harness.receive(ws, 5))
            await self.nothing_left()
            await self.stop_proxy()

    async def test_server_gets_one_client_init(self) -> None:
        await self.start_guest()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            # It shares, whatever the client wants: that would put others out
            # before it is known whose console this is.
            await ws.send(b'\x00a key')
            await harness.receive(ws, 24 + len(self.name) + 5)
        self.assertEqual(b'\x01a key', self.got)

    async def test_viewer_is_a_viewer(self) -> None:
        await self.start_guest()
        grant = self.authority.answers[harness.TOKEN]
        assert isinstance(grant, identity.IdentifiedGrant)
        self.authority.answers[harness.TOKEN] = dataclasses.replace(
            grant, view_only=True
        )
        request = b'\x03' + bytes(9)
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01')
            await ws.send(b'\x04' + bytes(7) + request)
            await harness.receive(ws, 24 + len(self.name) + 10)
        self.assertEqual(b'\x01' + request, self.got)

    async def test_use_is_noted_as_ever(self) -> None:
        self.set('proxy', idle_timeout=600)
        await self.start_guest()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01')
            await ws.send(b'\x04' + bytes(7))
            await harness.receive(ws, 24 + len(self.name) + 8)
        self.assertEqual(b'\x01\x04' + bytes(7), self.got)

    async def refuses(self, code: int) -> str:
        """The client sees nothing; what the log has to say."""
        await self.start_guest()
        with self.assertLogs('console_api.proxy.journal', 'INFO') as logs:
            async with self.connect() as ws:
                # It is told why before it is greeted.
                self.assertEqual(code, await self.closing_of(ws))
            await self.nothing_left()
        self.assertEqual(b'\x01', self.got)
        return '\n'.join(logs.output)

    async def test_other_guest_is_refused(self) -> None:
        self.name = b'QEMU (instance-0000002b)'
        self.assertIn('instance-0000002b', await self.refuses(4001))

    async def test_names_that_are_nearly_right_are_refused(self) -> None:
        for name in (b'', b'QEMU', b'QEMU ()', NAME.encode() + b'0', b'\xff'):
            self.got, self.name = b'', name
            await self.refuses(4001)
            await self.stop_proxy()

    async def test_name_is_no_line_of_the_log(self) -> None:
        self.name = b'x\r\nconsole.session.end \x1b[31m'
        self.assertNotIn('\x1b', await self.refuses(4001))

    async def test_endless_name_is_refused(self) -> None:
        self.length = 0xFFFFFFFF
        self.assertIn('a name of 4294967295 bytes', await self.refuses(4004))

    async def test_silent_server_is_given_up(self) -> None:
        self.length = 1000
        self.set('proxy', negotiation_timeout=1)
        await self.refuses(4010)


class SpiceTest(IdentityCase):
    kind = 'spice-html5'
    uuid = GUEST
    mini = True
    #: What the server replies to the link message, and to the ticket.
    error = 0
    result = 0
    tells = True

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        header = await reader.readexactly(16)
        size = int.from_bytes(header[12:], 'little')
        self.link = header + await reader.readexactly(size)
        writer.write(spice_wire.reply(self.error))
        self.ticket = await reader.readexactly(132)
        writer.write(self.result.to_bytes(4, 'little'))
        if self.tells and self.link[20] == 1:
            self.write_messages(writer)
        while data := await reader.read(65536):
            self.got += data
            writer.write(data)

    def write_messages(self, writer: asyncio.StreamWriter) -> None:
        self.messages = b''.join(
            spice_wire.message(kind, body, self.mini)
            for kind, body in (
                (103, bytes(32)),
                (113, b'\x02\x00\x00\x00x\x00'),
                (114, self.uuid.bytes),
                (4, bytes(12)),
            )
        )
        for place in range(0, len(self.messages), 7):
            writer.write(self.messages[place : place + 7])

    async def test_guest_with_the_right_uuid_opens(self) -> None:
        for mini in (True, False):
            self.got, self.mini = b'', mini
            await self.start_guest()
            async with self.connect() as ws:
                await ws.send(spice_wire.link(mini=mini))
                self.assertEqual(
                    spice_wire.reply(0), await harness.receive(ws, 194)
                )
                await ws.send(spice_wire.TICKET)
                size = 4 + 32 + 6 + 16 + 12 + 4 * (6 if mini else 18)
                seen = await harness.receive(ws, size)
                self.assertEqual(bytes(4) + self.messages, seen)
                await ws.send(b'a key')
                self.assertEqual(b'a key', await harness.receive(ws, 5))
            self.assertEqual(
                (spice_wire.TICKET, b'a key'), (self.ticket, self.got)
            )
            await self.nothing_left()
            await self.stop_proxy()

    async def test_server_is_asked_for_the_uuid(self) -> None:
        for own in ((), (4,), (4, 7)):
            await self.start_guest()
            async with self.connect() as ws:
                await ws.send(spice_wire.link(own=own))
                await ws.send(spice_wire.TICKET)
                await harness.receive(ws, 198)
            first, *rest = own or (0,)
            self.assertEqual(
                spice_wire.link(own=(first | 2, *rest)), self.link
            )
            await self.nothing_left()
            await self.stop_proxy()

    async def test_other_guest_is_refused_before_it_shows_anything(
        self,
    ) -> None:
        self.uuid = OTHER
        self.assertIn(str(OTHER), await self.refuses(4001))

    async def refuses(self, code: int) -> str:
        """The client sees the link's reply at most; what the log says."""
        await self.start_guest()
        with self.assertLogs('console_api.proxy.journal', 'INFO') as logs:
            async with self.connect() as ws:
                await ws.send(spice_wire.link(mini=self.mini))
                await ws.send(spice_wire.TICKET + b'a key')
                await harness.receive(ws, 194)
                self.assertEqual(code, await self.closing_of(ws))
            await self.nothing_left()
        self.assertEqual(b'', self.got)
        return '\n'.join(logs.output)

    async def test_guest_that_does_not_tell_is_given_up(self) -> None:
        self.tells = False
        self.set('proxy', negotiation_timeout=1)
        await self.refuses(4010)

    async def test_other_channels_are_left_as_they_are(self) -> None:
        await self.start_guest()
        async with self.connect() as ws:
            await ws.send(spice_wire.link(channel=2))
            self.assertEqual(
                spice_wire.reply(0), await harness.receive(ws, 194)
            )
            await ws.send(spice_wire.TICKET + b'a key')
            self.assertEqual(bytes(4) + b'a key', await harness.receive(ws, 9))
        self.assertEqual(spice_wire.link(channel=2), self.link)

    async def test_error_of_the_server_reaches_the_client(self) -> None:
        self.error = 7
        await self.start_guest()
        async with self.connect() as ws:
            await ws.send(spice_wire.link())
            self.assertEqual(
                spice_wire.reply(7), await harness.receive(ws, 194)
            )

    async def test_refused_ticket_reaches_the_client(self) -> None:
        self.result, self.tells = 7, False
        await self.start_guest()
        async with self.connect() as ws:
            await ws.send(spice_wire.link())
            await ws.send(spice_wire.TICKET)
            self.assertEqual(
                spice_wire.reply(0) + b'\x07\x00\x00\x00',
                await harness.receive(ws, 198),
            )

    async def test_client_without_a_link_message_is_refused(self) -> None:
        await self.start_guest()
        for data in (b'GET / HTTP/1.1\r\n\r\n', b'REDQ' + b'\xff' * 12):
            async with self.connect() as ws:
                await ws.send(data)
                self.assertEqual(4004, await self.closing_of(ws))

    async def test_ticket_that_cannot_be_read_is_refused(self) -> None:
        await self.start_guest()
        async with self.connect() as ws:
            await ws.send(spice_wire.link())
            # SASL, which would go on in another way.
            await ws.send(b'\x02\x00\x00\x00' + bytes(128))
            self.assertEqual(4004, await self.closing_of(ws))

    async def test_use_is_noted_as_ever(self) -> None:
        self.set('proxy', idle_timeout=600)
        await self.start_guest()
        async with self.connect() as ws:
            await ws.send(spice_wire.link(own=()))
            await ws.send(spice_wire.TICKET + b'a key')
            await harness.receive(ws, 198 + 90 + 5)
        self.assertEqual(b'a key', self.got)
