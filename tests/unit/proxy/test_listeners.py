# SPDX-License-Identifier: Apache-2.0
"""Unix sockets that listen, and what may be in their place."""

import os
import pathlib
import socket

import fixtures

from console_api.proxy import listeners
from tests import base


class UnixSocketTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.path = folder / 'proxy.sock'

    def listen(self, mode: int = 0o660) -> listeners.UnixSocket:
        made = listeners.UnixSocket(str(self.path), mode)
        self.addCleanup(made.close)
        return made

    def connects(self) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.path)) == 0

    def test_mode_is_the_one_that_was_asked_for(self) -> None:
        for mode in (0o600, 0o660, 0o666):
            made = self.listen(mode)
            self.assertEqual(mode, self.path.stat().st_mode & 0o777)
            made.close()

    def test_stale_socket_is_replaced(self) -> None:
        with socket.socket(socket.AF_UNIX) as old:
            old.bind(str(self.path))
            old.listen()
        self.assertFalse(self.connects())
        self.listen()
        self.assertTrue(self.connects())

    def test_socket_in_use_is_left_alone(self) -> None:
        self.listen()
        with self.assertRaisesRegex(OSError, 'in use'):
            self.listen()
        self.assertTrue(self.connects())

    def test_socket_with_a_full_backlog_is_in_use(self) -> None:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.path))
            other.listen(0)
            with socket.socket(socket.AF_UNIX) as filler:
                filler.connect(str(self.path))
                with self.assertRaisesRegex(OSError, 'in use'):
                    self.listen()

    def test_file_in_its_place_is_left_alone(self) -> None:
        self.path.write_text('precious')
        with self.assertRaisesRegex(FileExistsError, 'no socket'):
            self.listen()
        self.assertEqual('precious', self.path.read_text())

    def test_symlink_in_its_place_is_left_alone(self) -> None:
        target = self.path.with_name('other.sock')
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(target))
        os.symlink(target, self.path)
        with self.assertRaisesRegex(FileExistsError, 'no socket'):
            self.listen()
        self.assertTrue(target.exists())

    def test_close_takes_it_away(self) -> None:
        self.listen().close()
        self.assertFalse(self.path.exists())

    def test_close_leaves_what_has_replaced_it(self) -> None:
        made = self.listen()
        self.path.unlink()
        self.path.write_text('of somebody else')
        made.close()
        self.assertTrue(self.path.exists())
