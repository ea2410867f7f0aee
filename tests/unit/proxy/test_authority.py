# SPDX-License-Identifier: Apache-2.0
"""A blocking look-up as an authority."""

import asyncio
import threading

import fixtures

from console_api import exception
from console_api.consoles import types
from console_api.proxy import authority
from tests import base

GRANT = types.ConsoleGrant(
    'server', 'novnc', types.ConnectInfo('127.0.0.1', 5900), 1
)


class ThreadedAuthorityTest(base.AsyncTestCase):
    def make(
        self, lookup: authority.Lookup, most: int = 1, suspects: int = 0
    ) -> authority.ThreadedAuthority:
        asked = authority.ThreadedAuthority(lookup, most, suspects)
        self.addCleanup(asked.close)
        return asked

    async def test_grant_comes_from_another_thread(self) -> None:
        asked: list[tuple[str, int]] = []

        def lookup(token: str, key: object) -> types.ConsoleGrant:
            asked.append((token, threading.get_ident()))
            return GRANT

        self.assertIs(GRANT, await self.make(lookup).authorize('t'))
        self.assertEqual('t', asked[0][0])
        self.assertNotEqual(threading.get_ident(), asked[0][1])

    async def test_errors_pass_through(self) -> None:
        def lookup(token: str, key: object) -> types.ConsoleGrant:
            raise exception.TokenNotFound()

        with self.assertRaises(exception.TokenNotFound):
            await self.make(lookup).authorize('t')

    async def test_call_that_waits_is_forgotten_when_cancelled(self) -> None:
        begun = threading.Event()
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        asked: list[str] = []

        def lookup(token: str, key: object) -> types.ConsoleGrant:
            asked.append(token)
            begun.set()
            go_on.wait(30)
            return GRANT

        threaded = self.make(lookup)
        first = asyncio.ensure_future(threaded.authorize('first'))
        await asyncio.to_thread(begun.wait, 30)
        second = asyncio.ensure_future(threaded.authorize('second'))
        await asyncio.sleep(0)
        second.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await second
        go_on.set()
        await first
        await threaded.authorize('third')
        self.assertEqual(['first', 'third'], asked)

    async def test_one_who_would_wait_for_too_long_is_told_at_once(
        self,
    ) -> None:
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        now = [0.0]

        def lookup(token: str, key: object) -> types.ConsoleGrant:
            go_on.wait(30)
            return GRANT

        threaded = authority.ThreadedAuthority(
            lookup, most=1, suspects=0, clock=lambda: now[0]
        )
        self.addCleanup(threaded.close)
        first = asyncio.ensure_future(threaded.authorize('first'))
        await asyncio.sleep(0)
        now[0] = 7.0
        with self.assertRaises(exception.ServiceBusy):
            await threaded.authorize('second')
        go_on.set()
        await first

    async def test_question_beside_the_others_does_not_wait(self) -> None:
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def lookup(token: str, key: object) -> types.ConsoleGrant:
            if token != 'none':
                go_on.wait(30)
            raise exception.TokenNotFound()

        threaded = self.make(lookup)
        first = asyncio.ensure_future(threaded.authorize('first'))
        await asyncio.sleep(0)
        with self.assertRaises(exception.TokenNotFound):
            await threaded.probe('none')
        self.assertFalse(first.done())
        go_on.set()
        await asyncio.wait([first])

    async def test_pages_of_silent_hosts_keep_no_thread_from_others(
        self,
    ) -> None:
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        began = threading.Event()
        hang = [False]

        def lookup(token: str, key: object) -> types.ConsoleGrant:
            if token == 'good':
                return GRANT
            if hang[0]:
                began.set()
                go_on.wait(30)
            raise exception.HostUnavailable('silent')

        self.useFixture(
            fixtures.MonkeyPatch('console_api.proxy.authority._LONG', 0.0)
        )
        threaded = self.make(lookup, most=2, suspects=1)
        for token in ('dead-1', 'dead-2'):
            with self.assertRaises(exception.HostUnavailable):
                await threaded.authorize(token)
        await asyncio.sleep(0)
        hang[0] = True
        tries = [
            asyncio.ensure_future(threaded.authorize(token))
            for token in ('dead-1', 'dead-2')
        ]
        await asyncio.to_thread(began.wait, 30)
        async with asyncio.timeout(30):
            self.assertIs(GRANT, await threaded.authorize('good'))
        for one in tries:
            one.cancel()
        await asyncio.wait(tries)

    async def test_client_that_leaves_frees_the_thread_with_its_call(
        self,
    ) -> None:
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        asked: list[str] = []
        began = threading.Event()

        def lookup(token: str, key: object) -> types.ConsoleGrant:
            asked.append(token)
            began.set()
            go_on.wait(30)
            return GRANT

        threaded = self.make(lookup)
        first = asyncio.ensure_future(threaded.authorize('first'))
        await asyncio.to_thread(began.wait, 30)
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.ensure_future(threaded.authorize('second'))
        await asyncio.sleep(0)
        self.assertEqual(['first'], asked)
        go_on.set()
        self.assertIs(GRANT, await second)
