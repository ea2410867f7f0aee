# SPDX-License-Identifier: Apache-2.0
"""The health check as a load balancer asks it."""

import socket

from console_api.api import health
from console_api.db import models
from tests import base
from tests.fixtures import processes
from tests.fixtures import service


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


class BusTest(base.TestCase):
    def good(self, *ports: int) -> bool:
        hosts = ','.join(f'127.0.0.1:{port}' for port in ports)
        health.oslo_messaging.get_rpc_transport(self.conf, url='fake://')
        self.config(transport_url=f'rabbit://{hosts}/')
        return bool(health.BusCheck(self.conf, {}).healthcheck(0).available)

    def test_bus_that_listens_is_well(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as listener:
            there = listener.getsockname()[1]
            self.assertTrue(self.good(there))
            self.assertTrue(self.good(processes.free_port(), there))

    def test_bus_that_is_not_there_is_not(self) -> None:
        self.assertFalse(self.good(processes.free_port()))
