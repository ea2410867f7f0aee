# SPDX-License-Identifier: Apache-2.0
"""Coroutines wait for their turns, in order, and not for ever."""

import asyncio

from console_api import bulkhead
from console_api.proxy import turns
from tests import base

_DEADLINE = 30


class TurnsTest(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.now = 0.0
        self.turns = turns.Turns(
            bulkhead.Limits(1, patience=_DEADLINE, wait=_DEADLINE),
            lambda: self.now,
        )
        self.order: list[str] = []

    def start(self, name: str) -> asyncio.Task[bulkhead.Turn]:
        async def take() -> bulkhead.Turn:
            turn = await self.turns.begin('side')
            self.order.append(name)
            return turn

        return asyncio.ensure_future(take())

    async def test_turns_come_in_order(self) -> None:
        tasks = [self.start(name) for name in ('a', 'b', 'c')]
        for task in tasks:
            async with asyncio.timeout(_DEADLINE):
                self.turns.end(await task)
        self.assertEqual(['a', 'b', 'c'], self.order)

    async def test_one_who_leaves_takes_no_turn(self) -> None:
        first, second, third = (self.start(name) for name in ('a', 'b', 'c'))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        self.turns.end(await first)
        async with asyncio.timeout(_DEADLINE):
            self.turns.end(await third)
        self.assertEqual(['a', 'c'], self.order)

    async def test_turn_of_one_who_leaves_at_that_moment_is_passed_on(
        self,
    ) -> None:
        first, second, third = (self.start(name) for name in ('a', 'b', 'c'))
        turn = await first
        self.turns.end(turn)
        second.cancel()
        async with asyncio.timeout(_DEADLINE):
            await asyncio.wait([second])
            self.turns.end(await third)
        self.assertTrue(second.cancelled())

    async def test_nobody_waits_for_one_that_does_not_move(self) -> None:
        self.start('a')
        await asyncio.sleep(0)
        self.now = _DEADLINE
        with self.assertRaises(bulkhead.RefusedError):
            await self.turns.begin('side')

    async def test_nobody_waits_for_ever(self) -> None:
        short = turns.Turns(bulkhead.Limits(1, wait=0.01))
        await short.begin('side')
        for _ in range(3):
            with self.assertRaises(bulkhead.RefusedError):
                await short.begin('side')
        self.assertEqual([], [q for q in short._queues.values() if q])
