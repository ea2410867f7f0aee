# SPDX-License-Identifier: Apache-2.0
"""How often a proxy looks for garbage, and when it gives memory back."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import unittest
import weakref

import fixtures

from console_api.proxy import heap
from tests import base


class HeapTest(unittest.TestCase):
    # In a process of its own: what is frozen stays so.
    SCRIPT = textwrap.dedent(
        """\
        import gc
        from console_api.proxy import heap
        kept = [[number] for number in range(10_000)]
        before, collected = len(gc.get_objects()), gc.get_stats()[0]
        heap.settle()
        late = [[number] for number in range(10_000)]
        print(gc.get_freeze_count() > 10_000, len(gc.get_objects()) < before)
        print(gc.get_stats()[0] == collected)
        """
    )

    def run_script(self) -> list[str]:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', self.SCRIPT],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.splitlines()

    def test_what_is_loaded_is_left_out_of_later_looks(self) -> None:
        self.assertEqual('True True', self.run_script()[0])

    def test_ten_thousand_new_objects_cause_no_look(self) -> None:
        self.assertEqual('True', self.run_script()[1])


class _Knot:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


class SweeperTest(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.live = 0
        self.sweeper = heap.Sweeper(lambda: self.live)
        self.addCleanup(self.sweeper.stop)
        self.useFixture(
            fixtures.MonkeyPatch('console_api.proxy.heap.PAUSE', 0.0)
        )
        gc.disable()
        self.addCleanup(gc.enable)

    async def is_swept(self, live: int, ends: int) -> bool:
        """Whether garbage is gone after so many ends."""
        self.live = live
        knot = weakref.ref(_Knot())
        for _ in range(ends):
            self.sweeper.ended()
        await asyncio.sleep(0.01)
        return knot() is None

    async def test_end_of_the_last_connection(self) -> None:
        self.assertTrue(await self.is_swept(live=0, ends=1))

    async def test_few_ends_among_others(self) -> None:
        self.assertFalse(await self.is_swept(live=1, ends=heap.LEAST - 1))

    async def test_many_ends_among_few(self) -> None:
        self.assertTrue(await self.is_swept(live=1, ends=heap.LEAST))

    async def test_many_ends_among_more(self) -> None:
        live = 3 * heap.LEAST
        self.assertFalse(await self.is_swept(live, ends=live - 1))
        self.assertTrue(await self.is_swept(live, ends=1))

    async def test_ends_are_counted_anew_after_a_sweep(self) -> None:
        self.assertTrue(await self.is_swept(live=1, ends=heap.LEAST))
        self.assertFalse(await self.is_swept(live=1, ends=1))

    async def test_nothing_is_swept_after_the_stop(self) -> None:
        self.sweeper.ended()
        self.sweeper.stop()
        self.assertFalse(await self.is_swept(live=0, ends=1))


class TrimTest(unittest.TestCase):
    # In a process of its own, where nothing else changes the heap.
    SCRIPT = textwrap.dedent(
        """\
        import asyncio
        from console_api.proxy import heap
        def resident():
            with open('/proc/self/statm') as file:
                return int(file.read().split()[1]) * 4096
        async def main():
            heap.PAUSE = 0
            blocks = [bytes([n & 255]) * 60_000 for n in range(2000)]
            # What is kept at the end of the heap holds the rest there.
            last = bytes([1]) * 60_000
            del blocks
            before = resident()
            heap.Sweeper(lambda: 0).ended()
            await asyncio.sleep(0.1)
            print(before - resident() > 80_000_000, len(last))
        asyncio.run(main())
        """
    )

    def test_free_memory_goes_back_to_the_system(self) -> None:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', self.SCRIPT],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.assertEqual('True 60000', done.stdout.strip())
