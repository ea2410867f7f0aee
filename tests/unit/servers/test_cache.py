# SPDX-License-Identifier: Apache-2.0
"""What is remembered of servers, and for how long."""

import datetime

from console_api import exception
from console_api.servers import cache
from console_api.servers import directory
from tests import base


def _server(name: str) -> directory.Server:
    moment = datetime.datetime(2026, 11, 23)  # noqa: DTZ001 - UTC, no zone
    return directory.Server(
        id=name,
        name=name,
        project_id='p',
        user_id='u',
        host=None,
        vm_state='active',
        task_state=None,
        power_state=1,
        consoles=(),
        created_at=moment,
        updated_at=moment,
    )


class CachedServersTest(base.TestCase):
    """``existing`` are the servers that there are, ``asked`` the look-ups."""

    def setUp(self) -> None:
        super().setUp()
        self.existing = set('abc')
        self.asked: list[str] = []
        self.now = 0.0
        self.servers = self.cached(10)

    def cached(self, seconds: float) -> cache.CachedServers:
        return cache.CachedServers(
            self.fetch, seconds, most=2, clock=lambda: self.now
        )

    def fetch(self, server_id: str) -> directory.Server:
        self.asked.append(server_id)
        if server_id not in self.existing:
            raise exception.InstanceNotFound(server_id)
        return _server(server_id)

    def get(self, *names: str) -> list[str]:
        """Ask for them; which of them had to be looked up."""
        before = len(self.asked)
        for name in names:
            self.assertEqual(name, self.servers.get(name).id)
        return self.asked[before:]

    def miss(self, *names: str) -> list[str]:
        """Ask for some that are not there; which had to be looked up."""
        before = len(self.asked)
        for name in names:
            with self.assertRaises(exception.InstanceNotFound):
                self.servers.get(name)
        return self.asked[before:]

    def test_server_is_remembered_until_its_time_is_over(self) -> None:
        self.assertEqual(['a'], self.get('a', 'a'))
        self.now = 9.9
        self.assertEqual([], self.get('a'))
        self.now = 10.0
        self.assertEqual(['a'], self.get('a'))

    def test_oldest_goes_when_it_is_full(self) -> None:
        self.get('a', 'b', 'c')
        self.assertEqual([], self.get('b', 'c'))
        self.assertEqual(['a'], self.get('a'))

    def test_none_goes_for_one_that_is_there_already(self) -> None:
        self.get('a', 'b')
        self.now = 10.0
        self.get('b', 'a')
        self.assertEqual([], self.get('a', 'b'))

    def test_absence_is_remembered_until_its_time_is_over(self) -> None:
        self.assertEqual(['x'], self.miss('x', 'x'))
        self.existing.add('x')
        self.now = 10.0
        self.assertEqual(['x'], self.get('x'))

    def test_absent_ones_take_no_place_of_servers(self) -> None:
        self.get('a', 'b')
        self.miss('x', 'y', 'z')
        self.assertEqual([], self.get('a', 'b'))

    def test_without_a_time_nothing_is_remembered(self) -> None:
        self.servers = self.cached(0)
        self.assertEqual(['a', 'a'], self.get('a', 'a'))
        self.assertEqual(['x', 'x'], self.miss('x', 'x'))
