# SPDX-License-Identifier: Apache-2.0
"""Consoles for those who may look and not touch."""

from urllib import parse

import webob

from console_api.consoles import types
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_RULE = 'os_compute_api:os-remote-consoles'
_REFUSAL = f"Policy doesn't allow {_RULE} to be performed."


class ViewOnlyTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole, mks={'enabled': True})
        )
        (self.service.directory / 'policy.yaml').write_text(
            f'"{_RULE}:view-only": "rule:project_reader_or_admin"\n'
        )

    def _create(
        self, name: str, caller: str = service.READER
    ) -> webob.Response:
        row = types.CONSOLE_TYPES[name]
        return self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': row.protocol, 'type': name}},
            caller,
            '2.99',
        )

    def _query(self, answer: webob.Response) -> dict[str, list[str]]:
        url = answer.json['remote_console']['url']
        return parse.parse_qs(parse.urlsplit(url).query)

    def _look_up(self, token: str) -> int:
        return self.service.call(
            'GET',
            f'/v2.1/os-console-auth-tokens/{token}',
            token=service.ADMIN,
            version='2.31',
        ).status_int

    def test_url_tells_the_page(self) -> None:
        for name in ('novnc', 'serial'):
            query = self._query(self._create(name))
            self.assertEqual(['true'], query['view_only'])

    def test_who_may_create_consoles_gets_a_full_one(self) -> None:
        query = self._query(self._create('serial', service.MEMBER))
        self.assertEqual({'token'}, set(query))
        self.assertEqual(200, self._look_up(query['token'][0]))

    def test_nobody_is_told_where_a_view_only_console_listens(self) -> None:
        query = self._query(self._create('serial'))
        self.assertEqual(404, self._look_up(query['token'][0]))

    def test_types_that_cannot_be_view_only_are_refused(self) -> None:
        for name in ('spice-html5', 'spice-direct', 'webmks'):
            answer = self._create(name)
            self.assertEqual(403, answer.status_int)
            self.assertEqual(_REFUSAL, answer.json['forbidden']['message'])
            full = self._create(name, service.MEMBER)
            self.assertEqual(200, full.status_int)

    def test_legacy_actions(self) -> None:
        for action, kind, status in (
            ('os-getVNCConsole', 'novnc', 200),
            ('os-getSerialConsole', 'serial', 200),
            ('os-getSPICEConsole', 'spice-html5', 403),
        ):
            answer = self.service.call(
                'POST',
                f'/v2.1/servers/{_SERVER}/action',
                {action: {'type': kind}},
                service.READER,
            )
            self.assertEqual(status, answer.status_int)
            if status == 200:
                url = answer.json['console']['url']
                self.assertTrue(url.endswith('&view_only=true'))

    def test_refusal_names_the_rule_of_nova(self) -> None:
        answer = self._create('novnc', service.NOBODY)
        self.assertEqual(403, answer.status_int)
        self.assertEqual(_REFUSAL, answer.json['forbidden']['message'])


class DefaultTest(base.TestCase):
    def test_nobody_looks_unless_the_operator_says_so(self) -> None:
        services = self.useFixture(service.Service(driver=driver.EveryConsole))
        answer = services.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            service.READER,
            '2.6',
        )
        self.assertEqual(403, answer.status_int)
