# SPDX-License-Identifier: Apache-2.0
"""Tests of the notifications for systemd."""

import pathlib
import socket
import uuid

import fixtures

from console_api import systemd
from tests import base


class NotifyTest(base.TestCase):
    def listen(self, address: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind(address)
        sock.settimeout(30)
        return sock

    def point_to(self, name: str | None) -> None:
        self.useFixture(fixtures.EnvironmentVariable('NOTIFY_SOCKET', name))

    def test_state_goes_to_the_socket_that_is_named(self) -> None:
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path) / 's'
        listener = self.listen(str(path))
        self.point_to(str(path))
        systemd.notify(systemd.READY)
        self.assertEqual(b'READY=1', listener.recv(100))

    def test_abstract_socket_is_named_with_an_at_sign(self) -> None:
        name = uuid.uuid4().hex
        listener = self.listen(f'\0{name}')
        self.point_to(f'@{name}')
        systemd.notify(systemd.STOPPING)
        self.assertEqual(b'STOPPING=1', listener.recv(100))

    def test_nobody_listens_and_nothing_fails(self) -> None:
        for name in (None, '', 'elsewhere', '/nonexistent/socket'):
            with self.subTest(name):
                self.point_to(name)
                systemd.notify(systemd.READY)
