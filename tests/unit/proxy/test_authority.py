# SPDX-License-Identifier: Apache-2.0
"""A blocking look-up as an authority."""

import asyncio
import threading

from console_api import exception
from console_api.consoles import types
from console_api.proxy import authority
from tests import base

GRANT = types.ConsoleGrant(
    'server', 'novnc', types.ConnectInfo('127.0.0.1', 5900), 1
)


class ThreadedAuthorityTest(base.AsyncTestCase):
    def make(self, lookup: authority.Lookup) -> authority.ThreadedAuthority:
        asked = authority.ThreadedAuthority(lookup, workers=1)
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
