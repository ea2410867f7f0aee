# SPDX-License-Identifier: Apache-2.0
"""Requests beyond what is answered in time are refused at once."""

from concurrent import futures
import threading
from typing import Any

import webob

from console_api.api import overload
from tests import base

_PATIENCE = 60


class OverloadTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.count = 0
        self.pool = futures.ThreadPoolExecutor(4)
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(self.go_on.set)

    def application(self, environ: dict[str, Any], start: Any) -> Any:
        self.count += 1
        if environ['PATH_INFO'] == '/fails':
            raise KeyError
        self.begun.release()
        self.go_on.wait(_PATIENCE)
        return webob.Response(status=200)(environ, start)

    def ask(self, app: overload.Overload, path: str = '/') -> webob.Response:
        return webob.Request.blank(path).get_response(app)

    def hang(self, app: overload.Overload) -> 'futures.Future[Any]':
        asked = self.pool.submit(self.ask, app)
        self.assertTrue(self.begun.acquire(timeout=_PATIENCE))
        return asked

    def test_one_too_many_is_refused(self) -> None:
        app = overload.Overload(self.application, most=2, wait=0.01)
        under_way = [self.hang(app), self.hang(app)]
        answer = self.ask(app)
        self.assertEqual(503, answer.status_int)
        self.assertEqual('2', answer.headers['Retry-After'])
        self.assertEqual(503, answer.json['serviceUnavailable']['code'])
        self.assertEqual(2, self.count)
        self.go_on.set()
        for one in under_way:
            self.assertEqual(200, one.result(_PATIENCE).status_int)

    def test_one_that_waits_has_its_turn(self) -> None:
        app = overload.Overload(self.application, most=1, wait=_PATIENCE)
        first = self.hang(app)
        second = self.pool.submit(self.ask, app)
        self.go_on.set()
        self.assertEqual(200, first.result(_PATIENCE).status_int)
        self.assertEqual(200, second.result(_PATIENCE).status_int)

    def test_error_gives_the_turn_back(self) -> None:
        app = overload.Overload(self.application, most=1, wait=0.01)
        self.go_on.set()
        for _ in range(3):
            self.assertRaises(KeyError, self.ask, app, '/fails')
        self.assertEqual(200, self.ask(app).status_int)
