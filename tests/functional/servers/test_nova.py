# SPDX-License-Identifier: Apache-2.0
"""Servers as a Nova knows them."""

from collections.abc import Iterator
import datetime
import logging
import threading

import fixtures
import webob

from console_api import exception
from console_api.servers import directory
from console_api.servers import nova
from tests import base
from tests.fixtures import nova_stub

SERVER = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'
OTHER = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b12'
DEADLINE = 60


def _time(clock: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(f'2026-11-23T{clock}:00')


class NovaDirectoryTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.stub = self.useFixture(nova_stub.NovaStub())
        self.stub.add_server(SERVER)
        self.conf = self.stub.configuration()
        self.now = 1000.0
        self.remember(3)

    def remember(self, seconds: float) -> None:
        self.conf.set_override('cache_time', seconds, group='servers')

    def directory(self) -> nova.NovaDirectory:
        return nova.NovaDirectory(self.conf, clock=lambda: self.now)

    def test_facts_are_those_of_nova(self) -> None:
        self.assertEqual(
            directory.Server(
                id=SERVER,
                name='web',
                project_id='a' * 32,
                user_id='alice',
                host='here',
                vm_state='active',
                task_state=None,
                power_state=1,
                consoles=(),
                created_at=_time('18:00'),
                updated_at=_time('18:30'),
            ),
            self.directory().get(SERVER),
        )

    def test_server_without_a_host_has_none(self) -> None:
        self.stub.add_server(
            SERVER,
            **{nova_stub.HOST: None, 'OS-EXT-STS:task_state': 'scheduling'},
        )
        server = self.directory().get(SERVER)
        self.assertIsNone(server.host)
        self.assertEqual('scheduling', server.task_state)

    def test_unknown_server_is_not_found(self) -> None:
        with self.assertRaises(exception.InstanceNotFound):
            self.directory().get(OTHER)

    def test_facts_are_remembered_for_seconds(self) -> None:
        servers = self.directory()
        servers.get(SERVER)
        self.stub.add_server(SERVER, **{nova_stub.HOST: 'there'})
        self.now += 2.9
        self.assertEqual('here', servers.get(SERVER).host)
        self.now += 0.2
        self.assertEqual('there', servers.get(SERVER).host)

    def test_without_a_time_nothing_is_remembered(self) -> None:
        self.remember(0)
        servers = self.directory()
        servers.get(SERVER)
        servers.get(SERVER)
        self.assertEqual(2, len(self.stub.asked))

    def test_one_server_is_not_taken_for_another(self) -> None:
        servers = self.directory()
        servers.get(SERVER)
        self.stub.add_server(OTHER, name='other')
        self.assertEqual('other', servers.get(OTHER).name)

    def test_absence_is_remembered_for_seconds(self) -> None:
        servers = self.directory()
        for _ in range(2):
            with self.assertRaises(exception.InstanceNotFound):
                servers.get(OTHER)
        self.assertEqual(1, len(self.stub.asked))
        self.stub.add_server(OTHER)
        self.now += 3.1
        self.assertEqual(OTHER, servers.get(OTHER).id)

    def test_more_lookups_than_may_be_at_once_end_at_once(self) -> None:
        self.conf.set_override('max_lookups', 1, group='servers')
        servers = self.directory()
        self.stub.answer = _Held()
        other = threading.Thread(
            target=lambda: self.assertRaises(
                exception.ComputeAPIUnavailable, servers.get, OTHER
            )
        )
        other.start()
        self.addCleanup(other.join)
        self.addCleanup(self.stub.answer.go_on.set)
        self.assertTrue(self.stub.answer.reached.wait(DEADLINE))
        with self.assertRaises(exception.ComputeAPIBusy) as caught:
            servers.get(SERVER)
        self.assertIsNotNone(caught.exception.retry_after)

    def test_lookup_that_failed_makes_room_for_the_next(self) -> None:
        self.conf.set_override('max_lookups', 1, group='servers')
        servers = self.directory()
        self.stub.answer = webob.Response(status=500)
        for _ in range(2):
            with self.assertRaises(exception.ComputeAPIUnavailable):
                servers.get(SERVER)
        self.stub.answer = None
        self.assertEqual(SERVER, servers.get(SERVER).id)

    def unavailable(self) -> None:
        with self.assertRaises(exception.ComputeAPIUnavailable) as caught:
            self.directory().get(SERVER)
        self.assertEqual(503, caught.exception.status)

    def test_failing_nova_is_unavailable(self) -> None:
        for status in (204, 300, 400, 500, 503):
            self.stub.answer = webob.Response(status=status)
            self.unavailable()

    def test_operator_learns_what_the_user_lacks(self) -> None:
        self.stub.answer = webob.Response(status=403)
        self.unavailable()
        self.assertIn('role admin', self.log.output)

    def test_wrong_password_is_logged_without_a_request(self) -> None:
        self.conf = self.stub.configuration(password='wrong')
        self.directory().check()
        self.assertIn('Keystone answered 401', self.log.output)
        self.assertEqual([], self.stub.asked)

    def test_keystone_that_is_away_is_logged(self) -> None:
        self.conf = self.stub.configuration(auth_url='http://127.0.0.1:1/v3')
        self.directory().check()
        self.assertIn('could not log in', self.log.output)

    def test_user_that_is_fine_is_logged_in_once(self) -> None:
        servers = self.directory()
        servers.check()
        self.assertEqual('', self.log.output)
        servers.get(SERVER)
        self.assertEqual(1, self.stub.logins)

    def test_hidden_host_is_a_missing_role(self) -> None:
        del self.stub.servers[SERVER][nova_stub.HOST]
        self.unavailable()
        self.assertIn('role admin', self.log.output)

    def test_malformed_answers_are_refused(self) -> None:
        for facts in (
            {'id': OTHER},
            {'name': None},
            {'tenant_id': 5},
            {'tenant_id': 'x' * 256},
            {'OS-EXT-STS:vm_state': None},
            {'OS-EXT-STS:task_state': {'a': 1}},
            {nova_stub.HOST: ['here']},
            {'created': 'yesterday'},
            {'updated': None},
        ):
            with self.subTest(**{str(key): facts[key] for key in facts}):
                self.stub.add_server(SERVER)
                self.stub.servers[SERVER].update(facts)
                self.unavailable()
        for document in ('[]', '{}', '{"server": 1}', 'null'):
            self.stub.answer = webob.Response(document)
            self.unavailable()

    def test_list_is_left_to_nova(self) -> None:
        with self.assertRaises(exception.NotSupported):
            self.directory().list(directory.ServerQuery(limit=1))
        self.assertEqual([], self.stub.asked)


class _Held:
    """The body of an answer that is still to come."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        self.reached.set()
        self.go_on.wait(DEADLINE)
        yield b'{}'
