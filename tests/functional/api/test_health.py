# SPDX-License-Identifier: Apache-2.0
"""The health check as a load balancer asks it."""

from collections.abc import Iterator
import contextlib
import pathlib
import socket
import subprocess
import threading
import time

import fixtures
from oslo_config import cfg
import oslo_messaging

from console_api import rpc
from console_api.api import health
from console_api.db import api
from console_api.db import migration
from console_api.db import models
from tests import base
from tests.fixtures import bus
from tests.fixtures import certificates
from tests.fixtures import parts
from tests.fixtures import private
from tests.fixtures import processes
from tests.fixtures import service

#: For an answer that takes two seconds on a busy machine.
_DEADLINE = 5


class HealthTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(service.Service())

    def test_is_well_without_a_token(self) -> None:
        for accept in ('text/plain', 'application/json', 'text/html'):
            with self.subTest(accept):
                answer = self.ask(accept)
                self.assertEqual(200, answer.status_int)
                self.assertIn('database: OK', answer.text)
                self.assertIn('bus: OK', answer.text)

    def ask(self, accept: str = 'text/plain') -> service.webob.Response:
        request = service.webob.Request.blank('/healthcheck', accept=accept)
        return request.get_response(self.service.application)

    def drop_tables(self) -> None:
        models.metadata.drop_all(self.service.database.engine())

    def test_missing_database_is_503_without_a_cause(self) -> None:
        self.drop_tables()
        for accept in ('text/plain', 'application/json', 'text/html'):
            with self.subTest(accept):
                answer = self.ask(accept)
                self.assertEqual(503, answer.status_int)
                self.assertIn('database: unavailable', answer.text)
                for secret in ('servers', 'sqlite', 'Traceback', 'thread'):
                    self.assertNotIn(secret, answer.text)

    def test_answer_is_kept_for_a_while(self) -> None:
        self.assertEqual(200, self.ask().status_int)
        self.drop_tables()
        self.assertEqual(200, self.ask().status_int)


class _Clock:
    """Stands for the module ``time``."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class _HeldCheck(health.DatabaseCheck):
    """Asks when it is let."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf, {})
        self.asked = threading.Semaphore(0)
        self.let = threading.Semaphore(0)

    def probe(self) -> None:
        self.asked.release()
        self.let.acquire()


class WaitTest(base.TestCase):
    """A backend that is silent does not take one thread after another."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = _Clock()
        self.clock.now = 100.0
        here = 'console_api.api.health'
        self.useFixture(fixtures.MonkeyPatch(f'{here}.time', self.clock))
        self.useFixture(fixtures.MonkeyPatch(f'{here}._PATIENCE', 0.1))
        api.register_opts(self.conf)
        self.config(group='database', connection='sqlite://')
        self.check = _HeldCheck(self.conf)

    def good(self) -> bool:
        return bool(self.check.healthcheck(0).available)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        thread = threading.Thread(target=self.good)
        thread.start()
        try:
            self.assertTrue(self.check.asked.acquire(timeout=60))
            yield
            self.assertFalse(self.check.asked.acquire(blocking=False))
        finally:
            self.check.let.release()
            thread.join()

    def test_first_answer_is_waited_for_but_not_for_ever(self) -> None:
        with self.asking():
            self.assertFalse(self.good())
        self.assertTrue(self.good())

    def test_last_answer_counts_while_one_asks_again(self) -> None:
        self.check.let.release()
        self.assertTrue(self.good())
        self.assertTrue(self.check.asked.acquire(blocking=False))
        self.clock.now += 6
        with self.asking():
            self.assertTrue(self.good())

    def test_answer_of_long_ago_does_not_count(self) -> None:
        self.check.let.release()
        self.assertTrue(self.good())
        self.assertTrue(self.check.asked.acquire(blocking=False))
        self.clock.now += 60
        with self.asking():
            self.assertFalse(self.good())


class FrozenTest(base.TestCase):
    def test_frozen_database_is_not_well_until_it_goes_on(self) -> None:
        private.require(self)
        server = self.useFixture(private.MariaDB())
        api.register_opts(self.conf)
        self.config(group='database', connection=server.url)
        database = api.Database(self.conf)
        self.addCleanup(database.close)
        migration.sync(database)
        check = health.DatabaseCheck(self.conf, {})
        server.freeze()
        start = time.monotonic()
        self.assertFalse(check.healthcheck(0).available)
        self.assertLess(time.monotonic() - start, _DEADLINE)
        server.thaw()
        processes.wait_for(
            lambda: check.healthcheck(0).available, 'not well again'
        )


class BusTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'rabbitmq')
        self.bus = self.useFixture(bus.RabbitMQ())
        oslo_messaging.get_rpc_transport(self.conf, url='fake://')

    def good(self, url: str) -> bool:
        """Whether it says so, which does not take long."""
        self.config(transport_url=url)
        check = health.BusCheck(self.conf, {})
        start = time.monotonic()
        good = bool(check.healthcheck(0).available)
        self.assertLess(time.monotonic() - start, _DEADLINE)
        return good

    def among(self, *others: int) -> str:
        """The URL of the bus, these ports before it."""
        first = ','.join(f'guest:guest@127.0.0.1:{port}' for port in others)
        return self.bus.url.replace('://', f'://{first},')

    def test_bus_that_lets_in_is_well(self) -> None:
        self.assertTrue(self.good(self.bus.url))

    def test_wrong_password(self) -> None:
        url = self.bus.url.replace(':guest@', ':wrong@')
        self.assertFalse(self.good(url))

    def test_wrong_virtual_host(self) -> None:
        self.assertFalse(self.good(f'{self.bus.url}-other'))

    def test_listener_that_says_nothing(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as listener:
            port = listener.getsockname()[1]
            url = f'rabbit://guest:guest@127.0.0.1:{port}/'
            self.assertFalse(self.good(url))
            self.assertTrue(self.good(self.among(port)))

    def test_host_that_is_not_there(self) -> None:
        port = processes.free_port()
        self.assertFalse(self.good(f'rabbit://guest@127.0.0.1:{port}/'))
        self.assertTrue(self.good(self.among(port)))

    def test_bus_in_the_process_is_well(self) -> None:
        self.assertTrue(self.good('fake://'))

    def test_alarm_is_not_well_until_it_is_over(self) -> None:
        private.require(self)
        server = self.useFixture(private.RabbitMQ())
        self.assertTrue(self.good(server.url))
        server.alarm()
        self.assertFalse(self.good(server.url))
        server.calm()
        self.assertTrue(self.good(server.url))

    def test_user_who_may_send_to_some_queues_only_is_let_in(self) -> None:
        # As the one of a hypervisor or of a proxy.
        name = f'edge-{self.bus.name}'
        self._control('add_user', name, 'edge')
        self.addCleanup(self._control, 'delete_user', name)
        few = '^none$'
        self._control(
            'set_permissions', '-p', self.bus.name, name, few, few, few
        )
        url = self.bus.url.replace('guest:guest', f'{name}:edge')
        self.assertTrue(self.good(url))

    @staticmethod
    def _control(*arguments: str) -> None:
        subprocess.run(
            ['rabbitmqctl', *arguments], check=True, capture_output=True
        )

    def test_bus_is_well_for_those_who_trust_its_authority(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        authority = certificates.Authority(folder / 'good')
        other = certificates.Authority(folder / 'other', 'another')
        pair = authority.issue('127.0.0.1')
        url = self.useFixture(private.RabbitMQ(pair)).url
        rpc.get_transport(self.conf).cleanup()
        self.assertFalse(self.good(url))
        for trusted, good in ((authority, True), (other, False)):
            with self.subTest(good=good):
                self.config(
                    group='oslo_messaging_rabbit',
                    ssl=True,
                    ssl_ca_file=str(trusted.certificate),
                )
                self.assertEqual(good, self.good(url))
