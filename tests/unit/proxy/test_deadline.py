# SPDX-License-Identifier: Apache-2.0
"""Steps that end in time, and those that do not."""

import asyncio

from console_api.proxy import closing
from console_api.proxy import deadline
from tests import base

SOON = 0.01
LATE = 300


class StepsTest(base.AsyncTestCase):
    async def never(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def at_once(self) -> str:
        return 'done'

    async def test_result_of_a_step_is_returned(self) -> None:
        with deadline.Steps() as steps:
            done = await steps.within(LATE, self.at_once(), closing.TOO_SLOW)
        self.assertEqual('done', done)

    async def test_step_that_takes_longer_ends_the_session(self) -> None:
        with (
            deadline.Steps() as steps,
            self.assertRaises(closing.EndedError) as caught,
        ):
            await steps.within(SOON, self.never(), closing.NO_ANSWER)
        self.assertIs(closing.NO_ANSWER, caught.exception.ending)
        self.assertEqual('timed out', caught.exception.detail)
        task = asyncio.current_task()
        assert task is not None
        self.assertEqual(0, task.cancelling())

    async def test_shorter_step_has_its_own_time(self) -> None:
        with deadline.Steps() as steps:
            await steps.within(LATE, self.at_once(), closing.NO_ANSWER)
            async with asyncio.timeout(LATE / 10):
                with self.assertRaises(closing.EndedError):
                    await steps.within(SOON, self.never(), closing.TOO_SLOW)

    async def test_step_outlasts_the_time_of_the_one_before(self) -> None:
        released = asyncio.Event()
        with deadline.Steps() as steps:
            await steps.within(SOON, self.at_once(), closing.NO_ANSWER)
            loop = asyncio.get_running_loop()
            loop.call_later(5 * SOON, released.set)
            await steps.within(LATE, released.wait(), closing.TOO_SLOW)

    async def test_last_of_several_steps_is_ended(self) -> None:
        with deadline.Steps() as steps:
            await steps.within(SOON, self.at_once(), closing.NO_ANSWER)
            with self.assertRaises(closing.EndedError) as caught:
                await steps.within(3 * SOON, self.never(), closing.TOO_SLOW)
        self.assertIs(closing.TOO_SLOW, caught.exception.ending)

    async def test_time_between_steps_does_not_count(self) -> None:
        released = asyncio.Event()
        with deadline.Steps() as steps:
            await steps.within(SOON, self.at_once(), closing.NO_ANSWER)
            loop = asyncio.get_running_loop()
            loop.call_later(5 * SOON, released.set)
            await released.wait()

    async def test_cancellation_from_outside_is_passed_on(self) -> None:
        async def run() -> None:
            with deadline.Steps() as steps:
                await steps.within(LATE, self.never(), closing.TOO_SLOW)

        task = asyncio.ensure_future(run())
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task

    async def test_cancellation_wins_over_a_deadline(self) -> None:
        steps: deadline.Steps | None = None

        async def run() -> None:
            nonlocal steps
            with deadline.Steps() as steps:
                await steps.within(0, self.never(), closing.TOO_SLOW)

        task = asyncio.ensure_future(run())
        await asyncio.sleep(0)
        assert steps is not None
        # Both in one turn of the loop.
        steps._look()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task

    async def test_timer_ends_with_the_steps(self) -> None:
        with deadline.Steps() as steps:
            await steps.within(LATE, self.at_once(), closing.TOO_SLOW)
            timer = steps._timer
        assert timer is not None
        self.assertTrue(timer.cancelled())
