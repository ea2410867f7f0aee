# SPDX-License-Identifier: Apache-2.0
"""Tokens are in no log beside Nova either (CVE-2015-9543), at DEBUG."""

import contextlib
import logging
import pathlib
import socketserver
import threading
from urllib import parse
import urllib.error
import urllib.request

import fixtures
from websockets import exceptions
from websockets.sync import client as ws_client

from tests import base
from tests.fixtures import nova_stub
from tests.fixtures import processes
from tests.fixtures import service
from tests.functional.api import test_beside
from tests.functional.api import test_secrets

#: The libraries that speak with Nova.
_LEVELS = 'keystoneauth=DEBUG,keystoneauth.session=DEBUG,urllib3=DEBUG'
_GOOD = 'a-token-that-nova-knows-0123456789'
_BAD = 'a-token-that-nobody-knows-012345678'


class _Silent(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1)


class ProxyAloneTest(base.TestCase):
    """The proxy as a process, which asks Nova's API."""

    def setUp(self) -> None:
        super().setUp()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.port = processes.free_port()
        self.stub = self.useFixture(nova_stub.NovaStub())
        guest = socketserver.ThreadingTCPServer(('127.0.0.1', 0), _Silent)
        guest.daemon_threads = True
        thread = threading.Thread(target=guest.serve_forever)
        thread.start()
        self.addCleanup(guest.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(guest.shutdown)
        self.stub.add_console(_GOOD, int(guest.server_address[1]), 'serial')
        path = folder / 'console-api.conf'
        processes.write_settings(
            path,
            {
                'DEFAULT': {
                    'debug': True,
                    'transport_url': 'fake://',
                    'default_log_levels': _LEVELS,
                },
                'nova': self.stub.settings,
                'proxy': {
                    'host': '127.0.0.1',
                    'port': self.port,
                    'workers': 1,
                    'authority': 'rest',
                    'rest_console_type': 'serial',
                },
            },
        )
        self.proxy = self.useFixture(
            processes.Process(
                processes.command('console-api-proxy'),
                f'--config-file={path}',
            )
        )
        self.proxy.wait_until('READY=1')

    def open(self, token: str) -> None:
        ws = ws_client.connect(
            f'ws://127.0.0.1:{self.port}/?token={token}',
            proxy=None,
            compression=None,
            open_timeout=processes.PATIENCE,
        )
        ws.close()

    def test_no_token_is_in_what_the_proxy_prints(self) -> None:
        self.open(_GOOD)
        for token in (_BAD, _GOOD):
            path = f'/spice-direct?token={token}'
            try:
                urllib.request.urlopen(
                    f'http://127.0.0.1:{self.port}{path}',
                    timeout=processes.PATIENCE,
                ).close()
            except urllib.error.HTTPError as exc:
                exc.close()
        self.refused(_BAD)
        # Nova fails, says nonsense, and is gone.
        self.stub.answer = [b'{"console": 1}']
        self.refused(_GOOD)
        self.stub.answer = None
        self.assertEqual(0, self.proxy.stop())
        printed = self.proxy.output
        # Each way was gone, and the libraries spoke.
        self.assertIn('console.session.start', printed)
        self.assertIn('reason=bad_token', printed)
        self.assertIn(' DEBUG ', printed)
        for token in (_GOOD, _BAD):
            self.assertTrue(self.was_asked(token), token)
            self.assertNotIn(token, printed)
        self.assertNotIn(nova_stub.PASSWORD, printed)

    def refused(self, token: str) -> None:
        with contextlib.suppress(
            exceptions.InvalidStatus, exceptions.ConnectionClosed
        ):
            self.open(token)

    def was_asked(self, token: str) -> bool:
        return any(token in request.path for request in self.stub.asked)


class FilterTest(test_beside.FilterTestCase):
    """The API as a filter in front of Nova's."""

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger(level=logging.DEBUG, format='%(message)s')
        )
        for name in list(logging.root.manager.loggerDict):
            self.useFixture(test_secrets.AtDebug(name))

    def test_no_token_is_logged(self) -> None:
        made = self.call(
            'POST',
            f'/servers/{test_beside.ACTIVE}/remote-consoles',
            test_beside.CREATE,
        )
        url = parse.unquote(made.json['remote_console']['url'])
        token = url.rpartition('token=')[2]
        for path in (
            f'/os-console-auth-tokens/{token}',
            f'/os-console-auth-tokens/{token}/more',
            f'/os-console-auth-tokens/{_BAD}',
        ):
            for caller in (service.SERVICE, service.MEMBER, None):
                for version in ('2.31', '2.1', '9.9'):
                    self.call('GET', path, token=caller, version=version)
        self.assertIn('console', self.log.output)
        self.assertNotIn(token, self.log.output)
        self.assertNotIn(_BAD, self.log.output)
