# SPDX-License-Identifier: Apache-2.0
"""Hypervisors that drop what is sent to them, and their other addresses."""

import asyncio
from collections.abc import Iterator
import contextlib
import socket
import unittest

import fixtures

from console_api.proxy import server
from console_api.proxy import target
from tests.functional.proxy import harness


@contextlib.contextmanager
def black_hole() -> Iterator[tuple[str, int]]:
    """The address of a port that answers no request for a connection."""
    # A full backlog drops them.
    with (
        socket.create_server(('127.0.0.1', 0), backlog=0) as full,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield full.getsockname()


class UnreachableTest(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('proxy', connect_timeout=1)
        self.stack = contextlib.ExitStack()
        self.dead = self.stack.enter_context(black_hole())
        self.other = self.stack.enter_context(black_hole())

    async def asyncTearDown(self) -> None:
        self.stack.close()
        await super().asyncTearDown()

    def resolve_to(self, *addresses: tuple[str, int]) -> None:
        """Every name stands for these."""

        async def look_up(*_: object) -> list[tuple[object, ...]]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 0, '')
            return [(*kind, address) for address in addresses]

        self.useFixture(
            fixtures.MonkeyPatch(f'{target.__name__}._look_up', look_up)
        )

    async def test_black_hole_is_given_up(self) -> None:
        self.grant(self.dead[1])
        await self.start_proxy()
        with self.assertLogs('console_api.proxy.journal', 'INFO') as logs:
            self.assertEqual(4003, await self.refusal())
            await self.nothing_left()
        self.assertIn('reason=unreachable', logs.output[-1])

    async def test_all_addresses_together_have_the_time_of_one(self) -> None:
        self.grant(5900, host='hypervisor')
        self.resolve_to(self.dead, self.other, self.dead, self.other)
        await self.start_proxy()
        self.assertEqual(4003, await self.refusal())

    async def test_other_address_is_tried_before_the_time_is_over(
        self,
    ) -> None:
        self.set('proxy', connect_timeout=int(harness.DEADLINE))
        port = await self.backend(harness.rfb_echo)
        self.grant(5900, host='hypervisor')
        self.resolve_to(self.dead, self.other, ('127.0.0.1', port))
        await self.start_proxy()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'hello')
            self.assertEqual(b'hello', await harness.receive(ws, 5))

    async def test_other_address_is_tried_at_once_after_a_refusal(
        self,
    ) -> None:
        with socket.create_server(('127.0.0.1', 0)) as closed:
            refusing = closed.getsockname()
        port = await self.backend(harness.rfb_echo)
        self.grant(5900, host='hypervisor')
        self.resolve_to(refusing, ('127.0.0.1', port))
        # Nobody waits for this.
        self.useFixture(
            fixtures.MonkeyPatch(
                f'{target.__name__}.ATTEMPT_DELAY', harness.DEADLINE
            )
        )
        self.set('proxy', connect_timeout=int(harness.DEADLINE / 2))
        await self.start_proxy()
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_client_that_leaves_ends_the_attempts(self) -> None:
        self.set('proxy', connect_timeout=int(10 * harness.DEADLINE))
        self.grant(5900, host='hypervisor')
        self.resolve_to(self.dead, self.other)
        await self.start_proxy()
        ws = await self.connect()
        ws.transport.abort()
        # asyncTearDown sees sockets that are left.
        await self.nothing_left()


class BoundaryTest(harness.ProxyTestCase):
    """Where a proxy connects to, whoever says that a console is there."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.set('console', allowed_targets=[])
        port = await self.backend(self.note)
        self.grant(port)
        self.here = ('127.0.0.1', port)
        self.connected = 0

    async def note(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connected += 1
        await harness.rfb_echo(reader, writer)

    def resolve_to(self, *addresses: tuple[str, int]) -> None:
        async def look_up(*_: object) -> list[tuple[object, ...]]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 0, '')
            return [(*kind, address) for address in addresses]

        self.useFixture(
            fixtures.MonkeyPatch(f'{target.__name__}._look_up', look_up)
        )
        self.grant(self.here[1], host='hypervisor')

    async def assert_refused(self, named: str) -> None:
        """Nothing is connected to; the user and the log are told."""
        if self.proxy is None:
            await self.start_proxy()
        with self.assertLogs('console_api.proxy', 'INFO') as logs:
            self.assertEqual(4003, await self.refusal())
            await self.nothing_left()
        self.assertEqual(0, self.connected)
        told = f'[proxy] allowed_targets does not have {named}'
        (error,) = [r for r in logs.records if r.levelname == 'ERROR']
        self.assertIn(told, error.getMessage())
        self.assertIn('reason=unreachable', logs.output[-1])

    async def assert_served(self) -> None:
        if self.proxy is None:
            await self.start_proxy()
        async with self.connect() as ws:
            await harness.rfb_open(ws)

    async def test_address_that_is_not_listed(self) -> None:
        self.set('proxy', allowed_targets=['192.0.2.0/24', 'hypervisor'])
        await self.assert_refused('127.0.0.1')

    async def test_address_that_is_listed(self) -> None:
        self.set('proxy', allowed_targets=['127.0.0.0/8'])
        await self.assert_served()

    async def test_name_that_leads_where_nothing_is_listed(self) -> None:
        self.set('proxy', allowed_targets=['192.0.2.0/24'])
        self.resolve_to(self.here)
        await self.assert_refused('hypervisor (127.0.0.1)')

    async def test_name_that_is_listed_does_not_lead_to_the_proxy(
        self,
    ) -> None:
        self.set('proxy', allowed_targets=['hypervisor'])
        self.resolve_to(self.here)
        await self.assert_refused('hypervisor (127.0.0.1)')

    async def test_name_does_not_lead_to_the_proxy_without_a_list(
        self,
    ) -> None:
        self.resolve_to(self.here)
        await self.assert_refused('hypervisor (127.0.0.1)')

    async def test_name_leads_to_the_proxy_where_the_operator_says_so(
        self,
    ) -> None:
        self.set('console', allowed_targets=['127.0.0.1'])
        self.resolve_to(self.here)
        await self.assert_served()

    async def test_of_the_addresses_of_a_name_those_that_may_are_tried(
        self,
    ) -> None:
        self.set('proxy', allowed_targets=['127.0.0.1'])
        with socket.create_server(('127.0.0.2', 0)) as other:
            self.resolve_to(other.getsockname(), self.here)
            await self.assert_served()
            other.setblocking(False)
            self.assertRaises(BlockingIOError, other.accept)

    async def test_list_changes_without_a_restart(self) -> None:
        await self.assert_served()
        self.set('proxy', allowed_targets=['192.0.2.0/24'])
        assert self.proxy is not None
        self.proxy.reload()
        self.connected = 0
        await self.assert_refused('127.0.0.1')


@unittest.skipIf(server.uvloop is None, 'uvloop is not installed')
class UvloopUnreachableTest(UnreachableTest):
    loop_factory = staticmethod(server.new_event_loop)
