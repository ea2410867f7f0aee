# SPDX-License-Identifier: Apache-2.0
"""Tests of the libvirt driver on a real libvirtd and real QEMU guests."""

import os
import queue
import socket
import uuid

from console_api import exception
from console_api.consoles import types
from console_api.virt.libvirt import connection
from console_api.virt.libvirt import driver
from tests import base
from tests.fixtures import guest
from tests.fixtures import libvirtd
from tests.fixtures import parts

NOVNC = types.CONSOLE_TYPES['novnc']
NOVA = guest.NovaMetadata('web <1>', 'project-1', 'user-1')


def banner(where: types.ConnectInfo) -> bytes:
    """The first line that the VNC server there sends."""
    with socket.create_connection((where.host, where.port), 60) as sock:
        return sock.recv(12, socket.MSG_WAITALL)


class LibvirtCase(base.TestCase):
    """A daemon for all tests of a class: its first start takes seconds."""

    daemon: libvirtd.Libvirtd | None = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if parts.missing('qemu') or parts.missing('libvirt'):
            return
        cls.daemon = libvirtd.Libvirtd()
        cls.addClassCleanup(cls.daemon.cleanUp)
        cls.daemon.setUp()

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'qemu', 'libvirt')
        assert self.daemon is not None
        self.libvirtd = self.daemon

    def load(self, call_timeout: int = 60) -> driver.LibvirtDriver:
        self.config(
            'libvirt',
            connection_uri=self.libvirtd.uri,
            call_timeout=call_timeout,
        )
        made = driver.LibvirtDriver(self.conf)
        self.addCleanup(made.close)
        return made

    def guest(self, **arguments: object) -> guest.LibvirtGuest:
        return self.useFixture(
            guest.LibvirtGuest(self.libvirtd, **arguments)  # type: ignore
        )


class GuestTest(LibvirtCase):
    def test_guest_of_nova_is_reported_with_its_owner(self) -> None:
        made = self.load()
        running = self.guest(nova=NOVA)
        [found] = made.guests()
        self.assertEqual(
            (running.uuid, 'web <1>', 'project-1', 'user-1', ('novnc',)),
            (
                found.id,
                found.name,
                found.project_id,
                found.user_id,
                found.consoles,
            ),
        )

    def test_state_follows_the_guest(self) -> None:
        made = self.load()
        one = self.guest()
        seen = [made.guests()[0].vm_state]
        one.suspend()
        seen.append(made.guests()[0].vm_state)
        one.destroy()
        seen.append(made.guests()[0].vm_state)
        self.assertEqual(['active', 'paused', 'stopped'], seen)

    def test_saved_guest_is_suspended(self) -> None:
        made = self.load()
        one = self.guest()
        self.libvirtd.virsh('managedsave', one.uuid)
        self.assertEqual('suspended', made.guests()[0].vm_state)

    def test_vnc_server_listens_where_the_driver_says(self) -> None:
        made = self.load()
        one = self.guest()
        found = made.connect_info(one.uuid, NOVNC)
        self.assertEqual('127.0.0.1', found.host)
        self.assertEqual(b'RFB 003.008\n', banner(found))

    def test_each_guest_is_found_at_its_own_port(self) -> None:
        made = self.load()
        one = self.guest()
        other = self.guest()
        ports = {
            made.connect_info(each.uuid, NOVNC).port for each in (one, other)
        }
        self.assertEqual(2, len(ports))

    def test_destroyed_guest_has_no_console(self) -> None:
        made = self.load()
        one = self.guest()
        made.connect_info(one.uuid, NOVNC)
        one.destroy()
        error = self.assertRaises(
            exception.InstanceInvalidState,
            made.connect_info,
            one.uuid,
            NOVNC,
        )
        self.assertIn('vm_state stopped', str(error))

    def test_removed_guest_is_not_found(self) -> None:
        made = self.load()
        one = self.guest()
        made.connect_info(one.uuid, NOVNC)
        one.remove()
        self.assertRaises(
            exception.InstanceNotFound, made.connect_info, one.uuid, NOVNC
        )
        self.assertEqual([], made.guests())

    def test_unknown_guest_is_not_found(self) -> None:
        self.assertRaises(
            exception.InstanceNotFound,
            self.load().connect_info,
            str(uuid.uuid4()),
            NOVNC,
        )

    def test_guest_without_a_screen_has_no_such_console(self) -> None:
        made = self.load()
        one = self.guest(vnc=False)
        self.assertRaises(
            exception.ConsoleTypeUnavailable,
            made.connect_info,
            one.uuid,
            NOVNC,
        )

    def test_port_of_the_last_run_is_never_told(self) -> None:
        # A fixed port stays in the XML of a guest that is off.
        made = self.load()
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        one = self.guest(
            vnc=False,
            devices=f"<graphics type='vnc' port='{port}' autoport='no'/>",
        )
        self.assertEqual(port, made.connect_info(one.uuid, NOVNC).port)
        one.destroy()
        self.assertRaises(
            exception.InstanceInvalidState,
            made.connect_info,
            one.uuid,
            NOVNC,
        )

    def test_serial_port_on_tcp_is_found(self) -> None:
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        one = self.guest(
            devices="<serial type='tcp'><source mode='bind' "
            f"host='127.0.0.1' service='{port}'/></serial>"
        )
        found = self.load().connect_info(
            one.uuid, types.CONSOLE_TYPES['serial']
        )
        self.assertEqual(types.ConnectInfo('127.0.0.1', port), found)

    def test_probe_tells_whether_a_guest_runs(self) -> None:
        self.load()
        self.assertIn('is running', driver.probe(self.conf) or '')
        self.guest()
        self.assertIsNone(driver.probe(self.conf))


class DaemonTest(LibvirtCase):
    def test_restart_of_the_daemon_is_survived(self) -> None:
        made = self.load()
        one = self.guest()
        before = made.connect_info(one.uuid, NOVNC)
        self.libvirtd.restart()
        self.assertEqual(before, made.connect_info(one.uuid, NOVNC))
        self.assertEqual([one.uuid], [x.id for x in made.guests()])

    def test_daemon_that_is_gone_is_told_until_it_is_back(self) -> None:
        made = self.load()
        one = self.guest()
        made.connect_info(one.uuid, NOVNC)
        self.libvirtd.stop()
        self.addCleanup(self.libvirtd.restart)
        self.assertRaises(
            exception.HostUnavailable, made.connect_info, one.uuid, NOVNC
        )
        self.assertRaises(connection.Unavailable, made.guests)
        self.libvirtd.start()
        self.assertEqual([one.uuid], [x.id for x in made.guests()])

    def test_daemon_that_hangs_is_told_until_it_goes_on(self) -> None:
        made = self.load(call_timeout=1)
        one = self.guest()
        self.addCleanup(self.libvirtd.resume)
        self.libvirtd.suspend()
        for _ in range(3):
            self.assertRaises(
                exception.HostUnavailable, made.connect_info, one.uuid, NOVNC
            )
        self.assertIn('did not answer', driver.probe(self.conf) or '')
        self.libvirtd.resume()
        again = self.load()
        self.assertEqual([one.uuid], [x.id for x in again.guests()])
        self.assertEqual([one.uuid], [x.id for x in made.guests()])

    def test_restarts_that_are_followed_leave_nothing_behind(self) -> None:
        told: queue.Queue[object] = queue.Queue()
        self.load().watch(told.put)
        counts = []
        for _ in range(4):
            # Whatever came before is unknown: it is connected again.
            self.assertIsNone(told.get(timeout=60))
            counts.append(len(os.listdir('/proc/self/fd')))
            self.libvirtd.restart()
        self.assertEqual(1, len(set(counts)), counts)

    def test_driver_may_be_loaded_before_the_daemon_runs(self) -> None:
        self.libvirtd.stop()
        self.addCleanup(self.libvirtd.restart)
        made = self.load()
        self.assertRaises(connection.Unavailable, made.guests)
        self.libvirtd.start()
        self.assertEqual([], made.guests())
