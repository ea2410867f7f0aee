# SPDX-License-Identifier: Apache-2.0
"""Who only reads changes nothing, and is sent nowhere else."""

from typing import Any
from urllib import parse

import sqlalchemy as sa
import webob

from console_api.api import routes
from console_api.db import models
from tests import base
from tests.fixtures import service
from tests.functional.api import test_beside

_SERVER = '00000000-0000-4000-8000-000000000001'
_CREATE = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
#: CVE-2021-3654: where Location was made of the path.
_PATHS = (
    '//evil.example.com',
    '///evil.example.com',
    '//evil.example.com/',
    '/\\evil.example.com',
    '/%2fevil.example.com',
    '//evil.example.com/%2F..',
    '//evil.example.com/%2e%2e',
    '/v2.1//evil.example.com/..',
    '/v2.1/\r\nLocation: https://evil.example.com',
    '//v2.1',
)


def _content(running: service.Service) -> dict[str, list[Any]]:
    """Every row of every table but when an agent has last reported."""
    with running.database.reader() as connection:
        return {
            table.name: sorted(
                repr(row) for row in connection.execute(sa.select(table))
            )
            for table in models.metadata.tables.values()
            if table.name != 'agents'
        }


def _paths(token: str) -> list[str]:
    """A path for each route that reads."""
    found = []
    for route in routes.ROUTES:
        if route.method == 'GET':
            path = route.path.replace('{console_token}', token)
            path = path.replace('{server_id}', _SERVER)
            found.append(path.replace('{console_id}', '1'))
    return found


def _token(answer: webob.Response) -> str:
    url: str = answer.json['remote_console']['url']
    return parse.unquote(url).rpartition('token=')[2]


class WholeServiceTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(
                agent={'inventory_interval': 10**6},
                consoleauth={'token_use': 'single'},
            )
        )
        self.token = _token(
            self.service.call(
                'POST',
                f'/v2.1/servers/{_SERVER}/remote-consoles',
                _CREATE,
                version='2.31',
            )
        )

    def test_reading_changes_nothing(self) -> None:
        before = _content(self.service)
        self.assertEqual(1, len(before['console_tokens']))
        for path in _paths(self.token):
            for method in ('GET', 'HEAD', 'OPTIONS'):
                self.service.call(
                    method,
                    f'/v2.1{path}',
                    token=service.ADMIN,
                    version='2.31',
                )
        self.assertEqual(before, _content(self.service))

    def test_no_path_leads_to_another_host(self) -> None:
        for path in _PATHS:
            request = webob.Request.blank('/', base_url='http://api.example')
            request.environ['PATH_INFO'] = parse.unquote(path)
            answer = request.get_response(self.service.application)
            self._assert_here(answer, path)

    def _assert_here(self, answer: webob.Response, path: str) -> None:
        where = answer.headers.get('Location')
        if where is not None:
            absolute = parse.urljoin('http://api.example/', where)
            self.assertEqual(
                'api.example', parse.urlsplit(absolute).hostname, path
            )


class FilterTest(test_beside.FilterTestCase):
    """The same for the API in front of a compute API."""

    def test_reading_changes_nothing(self) -> None:
        token = _token(
            self.call('POST', f'/servers/{_SERVER}/remote-consoles', _CREATE)
        )
        before = _content(self.service)
        self.assertEqual(1, len(before['console_tokens']))
        for path in _paths(token):
            for method in ('GET', 'HEAD', 'OPTIONS'):
                self.call(method, path, token=service.ADMIN)
        self.assertEqual(before, _content(self.service))
