# SPDX-License-Identifier: Apache-2.0
"""An API with more requests than it works on."""

import threading
import types as python_types

import webob

from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_PATIENCE = 60


class OverloadTest(base.TestCase):
    settings = python_types.MappingProxyType(
        {
            'api': {
                'auth_strategy': 'noauth',
                'max_requests': 1,
                'max_wait': 0.1,
            },
            'agent': {'rpc_timeout': _PATIENCE},
        }
    )

    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole, **self.settings)
        )
        self.go_on = threading.Event()
        self.begun = threading.Event()
        self.service.agent.driver.interfere = self._hang
        self.answers: list[webob.Response] = []
        self.thread = threading.Thread(
            target=lambda: self.answers.append(self.create())
        )
        self.thread.start()
        self.addCleanup(self.thread.join)
        self.addCleanup(self.go_on.set)
        self.assertTrue(self.begun.wait(_PATIENCE))

    def _hang(self, server_id: str) -> None:
        del server_id
        self.begun.set()
        self.go_on.wait(_PATIENCE)

    def create(self) -> webob.Response:
        return self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            version='2.6',
        )

    def test_request_beyond_is_refused_and_the_others_are_answered(
        self,
    ) -> None:
        answer = self.service.call('GET', '/v2.1/servers')
        self.assertEqual(503, answer.status_int)
        self.assertEqual('2', answer.headers['Retry-After'])
        self.assertIn('X-Compute-Request-Id', answer.headers)
        self.go_on.set()
        self.thread.join(_PATIENCE)
        self.assertEqual([200], [a.status_int for a in self.answers])
        answer = self.service.call('GET', '/v2.1/servers')
        self.assertEqual(200, answer.status_int)

    def test_what_asks_nobody_is_answered(self) -> None:
        for path in ('/', '/v2.1/', '/healthcheck'):
            with self.subTest(path=path):
                answer = self.service.call('GET', path)
                self.assertIn(answer.status_int, (200, 300))
