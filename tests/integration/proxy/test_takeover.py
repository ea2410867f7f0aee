# SPDX-License-Identifier: Apache-2.0
"""A real guest that is off, and another one that has taken its port.

The token is of a Nova that still knows it; what Nova is told of the guests is
what its compute host would find.
"""

import asyncio
import uuid

from console_api.proxy import authority
from console_api.proxy import authority_rest
from tests.fixtures import nova_stub
from tests.fixtures import parts
from tests.fixtures import processes
from tests.fixtures import spice_wire
from tests.functional.proxy import harness

TOKEN = '2f0b1c0e-7a1d-4d56-8a55-0c6fbd1ab1b6'


class TakeoverCase(harness.ProxyTestCase):
    """The token is for ``mine``; either guest may have its ``port``."""

    how = 'identity'
    kind = 'novnc'

    async def asyncSetUp(self) -> None:
        parts.require(self, 'qemu')
        await super().asyncSetUp()
        self.mine, self.other = str(uuid.uuid4()), str(uuid.uuid4())
        self.port = processes.free_port()
        self.stub = self.useFixture(nova_stub.NovaStub())
        self.stub.add_console(
            TOKEN, self.port, self.kind, instance_uuid=self.mine
        )
        self.stub.servers[self.mine][nova_stub.NAME] = 'instance-00000001'
        conf = self.stub.configuration()
        conf.set_override('rest_console_type', self.kind, group='proxy')
        conf.set_override('rest_confirm', self.how, group='proxy')
        asked = authority.ThreadedAuthority(authority_rest.RestLookup(conf))
        self.addCleanup(asked.close)
        self.authority = asked  # type: ignore[assignment]
        # What the client of Nova keeps open is not the proxy's.
        await asked.authorize(TOKEN)
        self.descriptors = harness.count_descriptors()
        await self.start_proxy()

    async def start_guest(self, server_id: str, name: str) -> None:
        """A guest of this server listens on the port."""
        program = parts.qemu()
        assert program is not None
        self.qemu = await asyncio.create_subprocess_exec(
            program,
            *('-machine', 'accel=tcg', '-nodefaults', '-display', 'none'),
            *('-m', '64', '-vga', 'std', *self.display()),
            *('-uuid', server_id, '-name', f'guest={name}'),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.addAsyncCleanup(self.stop_guest)
        await self.listening()

    def display(self) -> tuple[str, ...]:
        """How QEMU is told to listen there."""
        return ('-vnc', f'127.0.0.1:{self.port - 5900}')

    async def listening(self) -> None:
        """Wait until the guest greets."""
        async with asyncio.timeout(harness.DEADLINE):
            while True:
                try:
                    _, writer = await asyncio.open_connection(
                        '127.0.0.1', self.port
                    )
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                await writer.wait_closed()
                return

    async def stop_guest(self) -> None:
        if self.qemu.returncode is None:
            self.qemu.kill()
        await self.qemu.wait()

    async def own_guest(self) -> None:
        await self.start_guest(self.mine, 'instance-00000001')

    async def another_guest(self) -> None:
        await self.start_guest(self.other, 'instance-00000002')


class VncIdentityTest(TakeoverCase):
    async def test_own_guest_opens(self) -> None:
        await self.own_guest()
        async with self.connect(token=TOKEN) as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01')
            head = await harness.receive(ws, 24)
            length = int.from_bytes(head[20:24], 'big')
            head += await harness.receive(ws, 24 + length - len(head))
            self.assertEqual(b'QEMU (instance-00000001)', head[24:])
            # A whole update, in the server's own format, raw.
            await ws.send(b'\x02\x00\x00\x01\x00\x00\x00\x00')
            await ws.send(b'\x03\x00\x00\x00\x00\x00' + head[:4])
            update = await harness.receive(ws, 16)
            self.assertEqual(b'\x00', update[:1])

    async def test_guest_that_has_taken_the_port_is_not_shown(self) -> None:
        await self.another_guest()
        self.assertEqual(4001, await self.refusal(token=TOKEN))


class FreshTest(TakeoverCase):
    how = 'fresh'

    async def test_own_guest_opens(self) -> None:
        await self.own_guest()
        async with self.connect(token=TOKEN) as ws:
            await harness.rfb_open(ws)

    async def test_guest_that_has_taken_the_port_is_not_shown(self) -> None:
        await self.another_guest()
        place = self.stub.guests[self.mine, 'novnc']
        self.stub.guests[self.mine, 'novnc'] = place | {'port': -1}
        self.stub.guests[self.other, 'novnc'] = place
        self.assertEqual(4001, await self.refusal(token=TOKEN))


class SpiceIdentityTest(TakeoverCase):
    kind = 'spice-html5'

    def display(self) -> tuple[str, ...]:
        return (
            '-spice',
            f'addr=127.0.0.1,port={self.port},disable-ticketing=on',
        )

    async def test_own_guest_opens(self) -> None:
        await self.own_guest()
        for mini in (True, False):
            async with self.connect(token=TOKEN) as ws:
                await ws.send(spice_wire.link(mini=mini, own=()))
                reply = await harness.receive(ws, 194)
                await ws.send(spice_wire.empty_ticket(reply))
                # The result, and the message that has the session's number.
                first = await harness.receive(ws, 4 + 6)
                kind = first[4:6] if mini else first[12:14]
                self.assertEqual(b'\x67\x00', kind)

    async def test_guest_that_has_taken_the_port_is_not_shown(self) -> None:
        await self.another_guest()
        async with self.connect(token=TOKEN) as ws:
            await ws.send(spice_wire.link())
            reply = await harness.receive(ws, 194)
            await ws.send(spice_wire.empty_ticket(reply))
            self.assertEqual(4001, await self.closing_of(ws))

    async def test_other_channels_need_the_main_one(self) -> None:
        await self.another_guest()
        async with self.connect(token=TOKEN) as ws:
            await ws.send(spice_wire.link(channel=3, own=()))
            reply = await harness.receive(ws, 194)
            await ws.send(spice_wire.empty_ticket(reply))
            # An error: it has no such session, or no such channel yet.
            result = await harness.receive(ws, 4)
            self.assertNotEqual(bytes(4), result[:4])
