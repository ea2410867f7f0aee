# SPDX-License-Identifier: Apache-2.0
"""What the limits are where a process may open few descriptors."""

import math

from console_api.proxy import limits
from tests import base

MOST = limits.Most(per_server=100, per_client=1000, handshakes_per_client=1000)


class WithinTest(base.TestCase):
    def test_many_descriptors_change_nothing(self) -> None:
        self.assertEqual(MOST, MOST.within(65536))

    def test_few_descriptors_are_shared(self) -> None:
        least = MOST.within(400)
        # A session takes two of them.
        self.assertEqual(100, least.per_client)
        self.assertEqual(50, least.per_server)
        self.assertEqual(100, least.handshakes_per_client)

    def test_limit_that_is_off_stays_off(self) -> None:
        self.assertEqual(limits.Most(), limits.Most().within(400))
        self.assertEqual(math.inf, limits.Most().within(1).per_server)

    def test_one_session_is_always_possible(self) -> None:
        self.assertEqual(1, MOST.within(1).per_server)


class NetworkTest(base.TestCase):
    def test_one_user_of_ipv6_counts_once(self) -> None:
        places = limits.Limits(limits.Most(handshakes_per_client=2))
        for host in ('2001:db8::1', '2001:db8::2'):
            self.assertFalse(places.is_crowded(0, host))
            places.come(host)
        self.assertTrue(places.is_crowded(0, '2001:db8::3'))
        self.assertFalse(places.is_crowded(0, '2001:db8:0:1::3'))
        self.assertFalse(places.is_crowded(0, None))
        places.go('2001:db8::1')
        self.assertFalse(places.is_crowded(0, '2001:db8::3'))
