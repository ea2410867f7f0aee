# SPDX-License-Identifier: Apache-2.0
"""What a hostile agent may report."""

import inspect
from typing import Any
from unittest import mock

import oslo_messaging

from console_api import context
from console_api import exception
from console_api.conductor import endpoint
from console_api.servers import reports
from tests import base
from tests.unit import test_hostnames

_KEY = 'k' * 43


class Recorder:
    """Keeps what was recorded."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Any, Any]] = []

    def record(self, host: Any, servers: Any, key_hash: Any) -> None:
        self.recorded.append((host, servers))


class ReportServersTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.recorder = Recorder()
        self.endpoint = endpoint.ConductorEndpoint(None, self.recorder, None)

    def _assert_refused(self, host: Any, servers: Any) -> None:
        caught = self.assertRaises(
            oslo_messaging.ExpectedException,
            self.endpoint.report_servers,
            context.service_context(),
            host,
            servers,
            _KEY,
        )
        self.assertIsInstance(caught.exc_info[1], exception.BadRequest)
        self.assertEqual([], self.recorder.recorded)

    def test_empty_host_is_recorded(self) -> None:
        self.endpoint.report_servers(
            context.service_context(), 'here', [], _KEY
        )
        self.assertEqual([('here', [])], self.recorder.recorded)

    def test_no_host_is_refused(self) -> None:
        # It would stand for the servers that were never scheduled.
        self._assert_refused(None, [])

    def test_host_that_is_no_name_is_refused(self) -> None:
        blank = ('   ', 'here ', ' here', 'a b', 'here\n', 'here\u00a0')
        for host in ('', 7, ['here'], 'h' * 256, *blank):
            with self.subTest(host=host):
                self._assert_refused(host, [])

    def test_servers_that_are_no_list_are_refused(self) -> None:
        for servers in (None, {}, 'abc', 7):
            with self.subTest(servers=servers):
                self._assert_refused('here', servers)

    def test_more_servers_than_a_host_has_are_not_looked_at(self) -> None:
        asked = mock.Mock()
        self.patch(reports, 'parse', asked)
        self._assert_refused('here', [{}] * (reports.MOST_SERVERS + 1))
        asked.assert_not_called()

    def test_one_malformed_server_refuses_the_report(self) -> None:
        self._assert_refused('here', [{'id': 'nonsense'}])


#: What is said of a host, and what else belongs to it.
CALLS = {
    'report_servers': ('servers',),
    'report_agent': ('agent',),
    'get_holder': (),
    'claim_host': ('agent', 'holder'),
    'refuse_agent': ('process',),
    'report_changes': ('servers', 'gone', 'ended'),
}
#: Who holds a token asks these, whatever the host.
OF_TOKENS = {'authorize_token', 'enter_session'}


class HostTest(base.TestCase):
    """Whatever is said of a host, it is called as hosts are."""

    def setUp(self) -> None:
        super().setUp()
        self.endpoint = endpoint.ConductorEndpoint(None, None, None)

    def test_each_call_is_listed_here(self) -> None:
        calls = {
            name
            for name, _ in inspect.getmembers(self.endpoint, inspect.ismethod)
            if not name.startswith('_')
        }
        self.assertEqual({*CALLS, *OF_TOKENS}, calls)

    def test_each_call_refuses_what_is_no_host(self) -> None:
        for name, others in CALLS.items():
            for host in (*test_hostnames.FOREIGN, *test_hostnames.ODD):
                with self.subTest(name, host=host):
                    caught = self.assertRaises(
                        oslo_messaging.ExpectedException,
                        getattr(self.endpoint, name),
                        context.service_context(),
                        host,
                        **dict.fromkeys(others),
                    )
                    error = caught.exc_info[1]
                    self.assertIsInstance(error, exception.BadRequest)
                    self.assertIn('names no host', str(error))
