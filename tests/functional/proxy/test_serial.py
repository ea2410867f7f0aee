# SPDX-License-Identifier: Apache-2.0
"""Who gets a serial line that another session has."""

import asyncio
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import unittest

from websockets import exceptions
from websockets.asyncio import client as ws_client

from console_api.proxy import lines
from console_api.proxy import server
from tests.functional.proxy import harness

#: One that every user may run.
PYTHON = pathlib.Path('/usr/bin/python3')
#: A process of another user, or a proxy of another process, at the line.
HOLDER = """
import asyncio, sys
from console_api.proxy import lines
async def main():
    await lines.take(sys.argv[1], lambda: False)
    print('taken', flush=True)
    await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""
ASKER = """
import hashlib, socket, sys
digest = hashlib.sha256(sys.argv[1].encode()).hexdigest()
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect('\\0console-api-line-' + digest)
    print(sock.recv(1))
"""


class SerialCase(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.open = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def line(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """A guest's line, which counts who is on it."""
        self.open += 1
        self.writers.append(writer)
        try:
            await harness.echo(reader, writer)
        finally:
            self.open -= 1

    async def assert_works(self, ws: ws_client.ClientConnection) -> None:
        await ws.send(b'hello')
        self.assertEqual(b'hello', await harness.receive(ws, 5))

    @property
    def name(self) -> str:
        """What the line is called."""
        where = self.authority.answers[harness.TOKEN].connect
        return f'the-server {where.host} {where.port}'


class RefuseTest(SerialCase):
    async def test_second_session_is_told_that_it_is_in_use(self) -> None:
        await self.with_backend(self.line, 'serial')
        async with self.connect() as ws:
            await self.assert_works(ws)
            self.assertEqual(4008, await self.refusal())
            await self.assert_works(ws)
            self.assertEqual(1, self.open)

    async def test_script_gets_409(self) -> None:
        await self.with_backend(self.line, 'serial')
        async with self.connect() as ws:
            await self.assert_works(ws)
            with self.assertRaises(exceptions.InvalidStatus) as caught:
                await self.refusal(origin=None)
            self.assertEqual(409, caught.exception.response.status_code)

    async def test_line_is_free_when_its_session_has_ended(self) -> None:
        await self.with_backend(self.line, 'serial')
        for _ in range(10):
            async with self.connect() as ws:
                await self.assert_works(ws)

    async def test_session_that_is_ending_is_waited_for(self) -> None:
        async def until_reboot(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            self.open += 1
            while (data := await reader.read(1000)) not in (b'reboot', b''):
                writer.write(data)
            self.open -= 1

        await self.with_backend(until_reboot, 'serial')
        async with self.connect(close_timeout=0) as first:
            await self.assert_works(first)
            # It does not answer the Close frame, which is waited for.
            first.transport.pause_reading()
            await first.send(b'reboot')
            await self.until(lambda: self.open == 0, 'the guest has left')
            async with self.connect() as ws:
                await self.assert_works(ws)

    async def test_client_that_lingers_does_not_hold_it(self) -> None:
        # Those who wait have been confirmed, and that grows old.
        self.be_patient()
        await self.with_backend(self.line, 'serial')
        async with self.connect(close_timeout=0) as first:
            await self.assert_works(first)
            first.transport.pause_reading()
            self.writers.pop().close()
            await self.until(lambda: self.open == 0, 'the guest has left')
            async with self.connect() as ws:
                await self.assert_works(ws)

    async def test_nor_does_one_that_did_not_get_on_it(self) -> None:
        self.be_patient()
        await self.with_backend(self.line, 'serial')
        self.backends[0].close()
        await self.backends[0].wait_closed()
        reader, writer = await self.open_raw()
        request = (
            f'GET /?token={harness.TOKEN} HTTP/1.1\r\nHost: x\r\n'
            'Origin: http://x\r\nUpgrade: websocket\r\n'
            'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
        )
        writer.write(request.encode())
        # Its Close frame is not answered.
        await reader.readuntil(b'\x0f\xa3')
        self.assertEqual(4003, await self.refusal())
        writer.close()

    async def test_line_is_free_after_a_failed_connect(self) -> None:
        await self.with_backend(self.line, 'serial')
        good = self.authority.answers[harness.TOKEN]
        self.backends[0].close()
        await self.backends[0].wait_closed()
        self.assertEqual(4003, await self.refusal())
        self.assertEqual(4003, await self.refusal())
        self.assertIs(good, self.authority.answers[harness.TOKEN])

    async def test_other_lines_are_not_concerned(self) -> None:
        await self.with_backend(self.line, 'serial')
        self.grant(await self.backend(self.line), 'serial', 'other')
        async with self.connect() as one, self.connect('other') as other:
            await self.assert_works(one)
            await self.assert_works(other)

    async def test_screens_are_shared(self) -> None:
        await self.with_backend()
        async with self.connect() as one, self.connect() as other:
            await harness.rfb_open(one)
            await harness.rfb_open(other)

    async def test_process_that_dies_gives_its_line_free(self) -> None:
        await self.with_backend(self.line, 'serial')
        holder = await asyncio.create_subprocess_exec(
            sys.executable,
            *('-c', HOLDER, self.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        self.assertEqual(b'taken\n', await holder.stdout.readline())
        self.assertEqual(4008, await self.refusal())
        holder.kill()
        await holder.communicate()
        async with self.connect() as ws:
            await self.assert_works(ws)


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopRefuseTest(RefuseTest):
    loop_factory = staticmethod(server.new_event_loop)


class TakeoverTest(SerialCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('serial_console', on_conflict='takeover')
        await self.with_backend(self.line, 'serial')

    async def test_first_session_is_told_and_the_second_works(self) -> None:
        async with self.connect() as first:
            await self.assert_works(first)
            async with self.connect() as second:
                await self.assert_works(second)
                self.assertEqual(4009, await self.closing_of(first))
                await self.assert_works(second)
                await self.until(lambda: self.open == 1, 'the first is off')
            await self.until(lambda: self.open == 0, 'nobody is on the line')

    async def test_client_that_is_away_does_not_hold_it(self) -> None:
        async with self.connect(close_timeout=0) as first:
            await self.assert_works(first)
            first.transport.pause_reading()
            async with self.connect() as second:
                await self.assert_works(second)

    async def test_many_at_once_end_with_one(self) -> None:
        async def open_one() -> int | None:
            async with self.connect() as ws:
                return await self.closing_of(ws)

        tasks = [asyncio.ensure_future(open_one()) for _ in range(8)]
        await self.until(
            lambda: sum(task.done() for task in tasks) == 7, 'one is left'
        )
        await self.until(lambda: self.open == 1, 'one is on the line')
        async with self.connect() as last:
            await self.assert_works(last)
            codes = await asyncio.gather(*tasks)
        self.assertEqual({4009}, set(codes))

    @unittest.skipUnless(
        os.getuid() == 0 and PYTHON.exists(), 'only root can be another user'
    )
    async def test_other_users_of_the_host_cannot_take_it(self) -> None:
        async with self.connect() as ws:
            await self.assert_works(ws)
            asker = await asyncio.create_subprocess_exec(
                str(PYTHON),
                *('-I', '-S', '-c', ASKER, self.name),
                stdout=subprocess.PIPE,
                user=65534,
            )
            said, _ = await asker.communicate()
            self.assertEqual(b"b'k'\n", said)
            await self.assert_works(ws)


class LineTest(SerialCase):
    async def test_release_may_be_repeated(self) -> None:
        line = await lines.take('a line of a test', lambda: False)
        line.release()
        line.release()
        (await lines.take('a line of a test', lambda: False)).release()


class DeafGuestTest(SerialCase):
    """A guest that takes one client and reads nothing of it."""

    async def assert_told_the_end(self, size: int) -> None:
        told = asyncio.get_running_loop().create_future()

        async def line(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            # asyncio reads of a peer before it is asked to.
            writer.transport.pause_reading()
            del reader
            poll = select.poll()
            poll.register(writer.get_extra_info('socket').fileno(), 0)
            events = await asyncio.to_thread(
                poll.poll, 1000 * harness.DEADLINE
            )
            told.set_result(bool(events))

        self.set('proxy', ping_interval=1)
        await self.with_backend(line, 'serial')
        async with self.connect(close_timeout=0) as ws:
            for _ in range(size // 65536):
                sending = asyncio.ensure_future(ws.send(bytes(65536)))
                done, _ = await asyncio.wait([sending], timeout=1)
                if not done:
                    break
            sock = ws.transport.get_extra_info('socket')
            linger = struct.pack('ii', 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            ws.transport.abort()
            sending.cancel()
        self.assertTrue(await told)

    async def test_is_told_that_a_client_with_much_to_say_has_left(
        self,
    ) -> None:
        await self.assert_told_the_end(1 << 28)

    async def test_is_told_that_a_client_with_little_to_say_has_left(
        self,
    ) -> None:
        await self.assert_told_the_end(65536 * 4)


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopDeafGuestTest(DeafGuestTest):
    loop_factory = staticmethod(server.new_event_loop)
