# SPDX-License-Identifier: Apache-2.0
"""What a hostile agent may report as changed."""

from typing import Any
from unittest import mock

import oslo_messaging

from console_api import context
from console_api import exception
from console_api.conductor import endpoint
from console_api.servers import hostkeys
from console_api.servers import reports
from tests import base

ONE = '00000000-0000-4000-8000-000000000001'


class ReportChangesTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.recorder = mock.create_autospec(reports.ReportRecorder)
        self.endpoint = endpoint.ConductorEndpoint(None, self.recorder, None)

    def report(
        self,
        host: Any = 'here',
        servers: Any = (),
        gone: Any = (),
        ended: Any = (),
    ) -> None:
        self.endpoint.report_changes(
            context.service_context(), host, servers, gone, ended, 'k' * 43
        )

    def refused(self, **values: Any) -> None:
        caught = self.assertRaises(
            oslo_messaging.ExpectedException, self.report, **values
        )
        self.assertIsInstance(caught.exc_info[1], exception.BadRequest)
        self.recorder.record_changes.assert_not_called()

    def test_ids_are_written_one_way(self) -> None:
        self.report(gone=[ONE.replace('-', '')], ended=[f'{{{ONE}}}'])
        self.recorder.record_changes.assert_called_once_with(
            'here', [], [ONE], [ONE], hostkeys.digest('here', 'k' * 43)
        )

    def test_what_is_no_list_of_ids_is_refused(self) -> None:
        for value in (None, 'abc', {}, 7, [7], [None], ['x'], [ONE, '']):
            for name in ('gone', 'ended'):
                with self.subTest(name=name, value=value):
                    self.refused(**{name: value})

    def test_no_host_is_refused(self) -> None:
        for host in (None, '', 7, 'h' * 256):
            with self.subTest(host=host):
                self.refused(host=host)

    def test_malformed_server_refuses_the_report(self) -> None:
        for value in (None, 'abc', [{'id': 'nonsense'}]):
            with self.subTest(value=value):
                self.refused(servers=value)
