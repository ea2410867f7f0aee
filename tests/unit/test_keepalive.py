# SPDX-License-Identifier: Apache-2.0
"""Times after which the kernel gives a silent peer up."""

import math
import socket

from console_api import keepalive
from tests import base


class TurnOnTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.sock = socket.socket()
        self.addCleanup(self.sock.close)

    def get(self, *options: int) -> list[int]:
        return [
            self.sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in options
        ]

    def times(self) -> list[int]:
        """Seconds before the first probe, between two, and their number."""
        return self.get(
            socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT
        )

    def assert_on(self) -> None:
        on = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        self.assertEqual(1, on)

    def test_probes_are_sent_in_the_second_interval(self) -> None:
        keepalive.turn_on(self.sock, 30)
        self.assert_on()
        self.assertEqual([30, 10, 3], self.times())

    def test_peer_is_given_up_within_two_intervals(self) -> None:
        for interval in range(1, 100):
            keepalive.turn_on(self.sock, interval)
            idle, pause, count = self.times()
            self.assertLessEqual(idle + pause * count, 2 * interval)

    def test_times_that_linux_does_not_take_are_cut(self) -> None:
        keepalive.turn_on(self.sock, 10**6)
        self.assertEqual([32767, 10922, 3], self.times())

    def test_part_of_a_second_is_one(self) -> None:
        keepalive.turn_on(self.sock, 0.1)
        self.assertEqual([1, 1, 1], self.times())

    def test_times_of_the_system_stay_without_an_interval(self) -> None:
        before = self.times()
        keepalive.turn_on(self.sock, math.inf)
        self.assert_on()
        self.assertEqual(before, self.times())

    def test_peer_that_takes_nothing_has_no_deadline(self) -> None:
        keepalive.turn_on(self.sock, 30)
        self.assertEqual([0], self.get(socket.TCP_USER_TIMEOUT))
