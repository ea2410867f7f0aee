# SPDX-License-Identifier: Apache-2.0
"""How look-ups end that have no answer."""

import asyncio

from console_api.proxy import lookups
from tests import base
from tests.functional.proxy import harness

_TOKEN = 'hangs'


class UnansweredTest(base.AsyncTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.authority = harness.FakeAuthority()
        self.authority.answers[_TOKEN] = None

    def outcomes(self, asked: lookups.Lookups) -> dict[str, float]:
        """How many look-ups ended in which way."""
        (metric,) = asked.latency.collect()
        return {
            sample.labels['outcome']: sample.value
            for sample in metric.samples
            if sample.name.endswith('_count')
        }

    async def test_it_is_given_up_in_time(self) -> None:
        asked = lookups.Lookups(self.authority, 0.01)
        async with asyncio.timeout(harness.DEADLINE):
            for _ in range(20):
                with self.assertRaises(TimeoutError):
                    await asked.authorize(_TOKEN)
        self.assertEqual({'timeout': 20}, self.outcomes(asked))
        self.assertEqual(20, len(self.authority.cancelled))

    async def test_client_that_leaves_is_no_timeout(self) -> None:
        asked = lookups.Lookups(self.authority, harness.DEADLINE)
        attempt = asyncio.ensure_future(asked.authorize(_TOKEN))
        await asyncio.sleep(0)
        attempt.cancel()
        await asyncio.wait([attempt])
        self.assertTrue(attempt.cancelled())
        self.assertEqual({'abandoned': 1}, self.outcomes(asked))
