# SPDX-License-Identifier: Apache-2.0
"""Tests of opening what a domain names: files of all kinds are in the way."""

import contextlib
import gc
import os
import pathlib
import pwd
import socket
import warnings

import fixtures

from console_api.virt.libvirt import paths
from tests import base

OWN = frozenset({os.geteuid()})


def places_held() -> list[str]:
    """Where in the tree this process holds descriptors.

    Threads that earlier tests have left may open sockets meanwhile; they
    hold no places.
    """
    held = []
    for name in os.listdir('/proc/self/fd'):
        with contextlib.suppress(FileNotFoundError):
            held.append(os.readlink(f'/proc/self/fd/{name}'))
    # The listing itself has one.
    own = f'/proc/{os.getpid()}/'
    return sorted(
        place
        for place in held
        if place.startswith('/') and not place.startswith(own)
    )


class PathsCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.good = self.folder / 'good'

    def refused(self, path: pathlib.Path | str) -> str:
        before = places_held()
        error = self.assertRaises(OSError, self.use, str(path))
        self.assertEqual(before, places_held())
        return str(error)

    def use(self, path: str) -> None:
        os.close(paths.open_file(path, OWN))

    def check_ways_around(self) -> None:
        """What must not lead to ``good``, whatever that is."""
        link = self.folder / 'link'
        link.symlink_to(self.good)
        self.refused(link)
        below = self.folder / 'folder'
        below.symlink_to(self.folder)
        self.refused(below / 'good')
        for path in ('good', '', '/', f'{self.folder}/../x/good', '//good'):
            self.refused(path)
        self.refused(f'{self.folder}/./good')
        self.refused(f'{self.good}/')
        self.refused(f'{self.good}\0')
        self.refused(self.folder)
        self.refused(self.folder / 'missing')
        self.refused('/dev/null')
        fifo = self.folder / 'fifo'
        os.mkfifo(fifo)
        self.refused(fifo)
        # It still is good.
        self.use(str(self.good))
        os.link(self.good, self.folder / 'second name')
        self.refused(self.good)


class OpenedFileTest(PathsCase):
    def setUp(self) -> None:
        super().setUp()
        self.good.write_text('content')

    def test_file_is_opened_to_read(self) -> None:
        with os.fdopen(paths.open_file(str(self.good), OWN)) as file:
            self.assertEqual('content', file.read())
            self.assertRaises(OSError, os.write, file.fileno(), b'x')

    def test_no_way_leads_around_the_checks(self) -> None:
        self.check_ways_around()

    def test_file_of_another_user_is_refused(self) -> None:
        self.assertIn(
            'owns it',
            str(
                self.assertRaises(
                    OSError,
                    paths.open_file,
                    str(self.good),
                    frozenset({os.geteuid() + 1}),
                )
            ),
        )

    def test_socket_is_no_file(self) -> None:
        path = self.folder / 'socket'
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
            self.refused(path)


class SocketTest(PathsCase):
    def setUp(self) -> None:
        super().setUp()
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(self.good))
        self.listener.listen()

    def use(self, path: str) -> None:
        paths.connect(path, OWN).close()

    def test_socket_is_connected(self) -> None:
        with paths.connect(str(self.good), OWN) as sock:
            peer, _ = self.listener.accept()
            with peer:
                sock.sendall(b'x')
                self.assertEqual(b'x', peer.recv(1))

    def test_no_way_leads_around_the_checks(self) -> None:
        self.check_ways_around()

    def test_socket_that_nobody_listens_on_is_an_error(self) -> None:
        self.listener.close()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter('always')
            self.refused(self.good)
            gc.collect()
        # Nobody else has such a socket, connected to nothing.
        kind = f'family={int(socket.AF_UNIX)},'
        left = [str(one.message) for one in said if kind in f'{one.message}']
        self.assertEqual([], left)

    def test_socket_whose_owner_accepts_nobody_is_given_up(self) -> None:
        self.listener.listen(0)
        waiting = socket.socket(socket.AF_UNIX)
        self.addCleanup(waiting.close)
        waiting.connect(str(self.good))
        self.assertRaises(
            BlockingIOError, paths.connect, str(self.good), OWN, 0.1
        )

    def test_connection_waits_as_long_as_it_takes(self) -> None:
        with paths.connect(str(self.good), OWN, 0.1) as sock:
            unbound = sock.getsockopt(
                socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16
            )
        self.assertEqual(bytes(16), unbound)

    def test_file_is_no_socket(self) -> None:
        path = self.folder / 'file'
        path.write_text('x')
        self.refused(path)


class OwnersTest(base.TestCase):
    def test_known_names_and_this_process_are_trusted(self) -> None:
        name = pwd.getpwuid(0).pw_name
        self.assertEqual(
            {0, os.geteuid()}, paths.owners([name, 'nobody knows'])
        )
