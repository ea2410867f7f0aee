# SPDX-License-Identifier: Apache-2.0
"""Tests of the libvirt driver on domains of libvirt's own test driver."""

import datetime
import pathlib
import queue
import socket
import time
import uuid

import fixtures

from console_api import exception
from console_api.consoles import types
from console_api.virt import driver as virt_driver
from console_api.virt.libvirt import connection
from console_api.virt.libvirt import driver
from tests import base
from tests.fixtures import guest
from tests.fixtures import parts

NOVA = guest.NovaMetadata('web <1>', 'project-1', 'user-1')

NOWHERE = 'qemu:///system?socket=/none/none'

VNC = "<graphics type='vnc' port='5907'/>"
SPICE = "<graphics type='spice' port='5908' tlsPort='5909'/>"
SERIAL = (
    "<serial type='pty'/><serial type='tcp'><source mode='bind' "
    "host='127.0.0.1' service='10007'/><target port='1'/></serial>"
)


def domain(name: str, inner: str = '', nova: str = '') -> str:
    return (
        f"<domain type='test'><name>{name}</name><uuid>{uid(name)}</uuid>"
        f"{nova}<memory unit='MiB'>1</memory><os><type>hvm</type></os>"
        f'<devices>{inner}</devices></domain>'
    )


def uid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


class DriverCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'libvirt-python')

    def load(self, *domains: str) -> driver.LibvirtDriver:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        path = folder / 'node.xml'
        path.write_text(f'<node>{"".join(domains)}</node>')
        self.config('libvirt', connection_uri=f'test://{path}')
        made = virt_driver.load(self.conf, 'libvirt')
        assert isinstance(made, driver.LibvirtDriver)
        self.addCleanup(made.close)
        return made

    def change(self, made: driver.LibvirtDriver, name: str, call: str) -> None:
        made._connection.run(
            lambda conn: getattr(conn.lookupByName(name), call)()
        )


class GuestsTest(DriverCase):
    def test_owner_and_name_are_those_of_nova(self) -> None:
        made = self.load(domain('instance-1', VNC, NOVA.xml()))
        created = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
        expected = virt_driver.Guest(
            id=uid('instance-1'),
            name='web <1>',
            project_id='project-1',
            user_id='user-1',
            consoles=('novnc',),
            created_at=created,
        )
        self.assertEqual([expected], made.guests())

    def test_owner_and_name_have_defaults_without_nova(self) -> None:
        self.config('libvirt', default_project_id='lab', default_user_id='me')
        [found] = self.load(domain('plain')).guests()
        self.assertEqual(
            ('plain', 'lab', 'me'),
            (found.name, found.project_id, found.user_id),
        )
        self.assertIsNone(found.created_at)

    def test_every_guest_is_listed_running_or_not(self) -> None:
        made = self.load(domain('a'), domain('b'), domain('c'))
        self.change(made, 'b', 'destroy')
        self.assertEqual(
            {'a', 'b', 'c'}, {found.name for found in made.guests()}
        )

    def test_hypervisor_without_guests_has_none(self) -> None:
        self.assertEqual([], self.load().guests())

    def test_consoles_are_those_of_the_devices(self) -> None:
        made = self.load(
            domain('a', VNC + SPICE + SERIAL),
            domain('b', SPICE),
            domain('c', "<serial type='pty'/>"),
        )
        consoles = {found.name: found.consoles for found in made.guests()}
        self.assertEqual(
            {
                'a': ('novnc', 'spice-html5', 'spice-direct', 'serial'),
                'b': ('spice-html5', 'spice-direct'),
                'c': (),
            },
            consoles,
        )

    def test_state_is_told_in_novas_words(self) -> None:
        for call, expected in (
            ('isActive', ('active', 1)),
            ('suspend', ('paused', 3)),
            ('destroy', ('stopped', 4)),
            ('managedSave', ('suspended', 4)),
        ):
            made = self.load(domain('a'))
            self.change(made, 'a', call)
            [found] = made.guests()
            self.assertEqual(
                expected, (found.vm_state, found.power_state), call
            )

    def test_libvirt_that_is_not_there_is_a_domain_error(self) -> None:
        self.config('libvirt', connection_uri=NOWHERE)
        made = driver.LibvirtDriver(self.conf)
        self.assertRaises(connection.Unavailable, made.guests)


class ConnectInfoTest(DriverCase):
    def ask(
        self, made: driver.LibvirtDriver, name: str, kind: str = 'novnc'
    ) -> types.ConnectInfo:
        return made.connect_info(uid(name), types.CONSOLE_TYPES[kind])

    def refused(
        self,
        error: type[Exception],
        made: driver.LibvirtDriver,
        name: str = 'a',
        kind: str = 'novnc',
    ) -> str:
        return str(self.assertRaises(error, self.ask, made, name, kind))

    def test_vnc_is_found_at_the_configured_address(self) -> None:
        self.config('vnc', server_proxyclient_address='192.0.2.1')
        made = self.load(domain('a', VNC))
        self.assertEqual(
            types.ConnectInfo('192.0.2.1', 5907), self.ask(made, 'a')
        )

    def test_spice_is_found_with_its_tls_port(self) -> None:
        self.config('spice', server_proxyclient_address='192.0.2.2')
        made = self.load(domain('a', VNC + SPICE))
        for kind in ('spice-html5', 'spice-direct'):
            self.assertEqual(
                types.ConnectInfo('192.0.2.2', 5908, tls_port=5909),
                self.ask(made, 'a', kind),
            )

    def test_first_serial_port_that_listens_on_tcp_is_found(self) -> None:
        self.config('serial_console', proxyclient_address='192.0.2.3')
        made = self.load(domain('a', SERIAL))
        self.assertEqual(
            types.ConnectInfo('192.0.2.3', 10007),
            self.ask(made, 'a', 'serial'),
        )

    def test_each_guest_has_its_own_port(self) -> None:
        other = VNC.replace('5907', '5999')
        made = self.load(domain('a', VNC), domain('b', other))
        self.assertEqual(5907, self.ask(made, 'a').port)
        self.assertEqual(5999, self.ask(made, 'b').port)

    def test_unknown_guest_is_not_found(self) -> None:
        made = self.load(domain('a', VNC))
        message = self.refused(exception.InstanceNotFound, made, 'b')
        self.assertIn(uid('b'), message)

    def test_id_that_is_no_uuid_is_not_found(self) -> None:
        made = self.load(domain('a', VNC))
        for name in ('a', '', '../a', 'x' * 10_000, '\0'):
            self.assertRaises(
                exception.InstanceNotFound,
                made.connect_info,
                name,
                types.CONSOLE_TYPES['novnc'],
            )

    def test_stopped_guest_is_in_the_wrong_state(self) -> None:
        made = self.load(domain('a', VNC))
        self.change(made, 'a', 'destroy')
        message = self.refused(exception.InstanceInvalidState, made)
        self.assertEqual(
            f"Cannot 'get_vnc_console' instance {uid('a')} while it is in "
            'vm_state stopped',
            message,
        )

    def test_paused_guest_has_its_console(self) -> None:
        made = self.load(domain('a', VNC))
        self.change(made, 'a', 'suspend')
        self.assertEqual(5907, self.ask(made, 'a').port)

    def test_guest_whose_port_is_not_known_yet_is_not_ready(self) -> None:
        made = self.load(domain('a', "<graphics type='vnc' port='-1'/>"))
        self.refused(exception.InstanceNotReady, made)

    def test_guest_without_the_device_has_no_such_console(self) -> None:
        made = self.load(domain('a', VNC), domain('b', SPICE))
        self.refused(exception.ConsoleTypeUnavailable, made, 'b')
        for kind in ('spice-html5', 'spice-direct', 'serial'):
            self.refused(exception.ConsoleTypeUnavailable, made, kind=kind)

    def test_vnc_on_a_unix_socket_gets_a_port_here(self) -> None:
        made = self.load(
            domain(
                'a',
                "<graphics type='vnc'><listen type='socket' socket='/x'/>"
                '</graphics>',
            )
        )
        where = self.ask(made, 'a')
        # Nothing is behind it, so the connection ends at once.
        with socket.create_connection((where.host, where.port), 60) as sock:
            self.assertEqual(b'', sock.recv(1))

    def test_port_here_is_open_at_the_configured_address_only(self) -> None:
        self.config('vnc', server_proxyclient_address='192.0.2.1')
        made = self.load(
            domain(
                'a',
                "<graphics type='vnc'><listen type='socket' socket='/x'/>"
                '</graphics>',
            )
        )
        # This host does not have that one.
        self.refused(exception.HostUnavailable, made)

    def test_serial_port_is_chosen_by_its_number(self) -> None:
        two = SERIAL + SERIAL.replace('10007', '10008').replace(
            "port='1'", "port='3'"
        )
        made = self.load(domain('a', two))
        for number, port in ((1, 10007), (3, 10008)):
            self.config('serial_console', port_number=number)
            self.assertEqual(port, self.ask(made, 'a', 'serial').port)
        self.config('serial_console', port_number=2)
        self.refused(exception.ConsoleTypeUnavailable, made, kind='serial')

    def test_spice_with_tls_alone_is_found_at_its_tls_port(self) -> None:
        made = self.load(
            domain('a', "<graphics type='spice' tlsPort='5909'/>")
        )
        self.assertEqual(
            types.ConnectInfo('127.0.0.1', 5909, tls_port=5909),
            self.ask(made, 'a', 'spice-direct'),
        )

    def test_spice_that_must_be_secure_has_no_plain_port(self) -> None:
        self.config('spice', require_secure=True)
        made = self.load(
            domain('a', SPICE),
            domain('b', "<graphics type='spice' port='5908'/>"),
        )
        self.assertEqual(
            types.ConnectInfo('127.0.0.1', 5909, tls_port=5909),
            self.ask(made, 'a', 'spice-direct'),
        )
        self.refused(
            exception.ConsoleTypeUnavailable, made, 'b', 'spice-direct'
        )

    def test_console_that_qemu_never_has_is_not_supported(self) -> None:
        made = self.load(domain('a', VNC))
        self.refused(exception.NotSupported, made, kind='webmks')

    def test_libvirt_that_is_not_there_names_the_guest(self) -> None:
        self.config('libvirt', connection_uri=NOWHERE)
        made = driver.LibvirtDriver(self.conf)
        message = self.refused(exception.HostUnavailable, made)
        self.assertIn(uid('a'), message)

    def test_password_is_read_when_it_is_asked_for(self) -> None:
        secret = "<graphics type='vnc' port='5907' passwd='geheim'/>"
        made = self.load(domain('a', secret), domain('b', VNC))
        novnc = types.CONSOLE_TYPES['novnc']
        found = made.secret(uid('a'), novnc)
        assert found is not None
        self.assertEqual('geheim', found.reveal())
        self.assertIsNone(made.secret(uid('b'), novnc))
        self.assertIsNone(made.secret(uid('a'), types.CONSOLE_TYPES['serial']))


class ConsoleOutputTest(DriverCase):
    def test_output_is_the_end_of_the_log_file(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        log = folder / 'log'
        log.write_bytes(b'a line\nanother\n')
        made = self.load(
            domain('a', f"<serial type='pty'><log file='{log}'/></serial>")
        )
        self.assertEqual(b'other\n', made.console_output(uid('a'), 6))

    def test_file_that_may_not_be_opened_is_no_log(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (folder / 'foreign').write_text('secret')
        (folder / 'log').symlink_to(folder / 'foreign')
        made = self.load(
            domain(
                'a',
                f"<serial type='pty'><log file='{folder}/log'/></serial>",
            )
        )
        self.assertRaises(
            exception.ConsoleNotAvailable, made.console_output, uid('a'), 6
        )

    def test_guest_without_a_log_has_no_output(self) -> None:
        made = self.load(domain('a', VNC))
        self.assertRaises(
            exception.ConsoleNotAvailable, made.console_output, uid('a'), 6
        )

    def test_unknown_guest_is_not_found(self) -> None:
        made = self.load(domain('a', VNC))
        self.assertRaises(
            exception.InstanceNotFound, made.console_output, uid('b'), 6
        )


class WatchTest(DriverCase):
    def watch(self, made: driver.LibvirtDriver) -> queue.Queue:
        told: queue.Queue[virt_driver.Change | None] = queue.Queue()
        made.watch(told.put)
        # What happened before is unknown.
        self.assertIsNone(told.get(timeout=60))
        return told

    def test_stop_ends_the_run_and_a_start_does_not(self) -> None:
        made = self.load(domain('a', VNC), domain('b', VNC))
        told = self.watch(made)
        self.change(made, 'a', 'destroy')
        self.assertEqual(
            virt_driver.Change(uid('a'), ended=True), told.get(timeout=60)
        )
        self.change(made, 'a', 'create')
        seen = [told.get(timeout=60)]
        while not told.empty():
            seen.append(told.get())
        self.assertEqual({virt_driver.Change(uid('a'))}, set(seen))

    def test_pause_is_a_change(self) -> None:
        made = self.load(domain('a', VNC))
        told = self.watch(made)
        self.change(made, 'a', 'suspend')
        self.assertEqual(virt_driver.Change(uid('a')), told.get(timeout=60))

    def test_end_of_the_run_closes_the_port_here(self) -> None:
        made = self.load(
            domain(
                'a',
                "<graphics type='vnc'><listen type='socket' socket='/x'/>"
                '</graphics>',
            )
        )
        told = self.watch(made)
        where = made.connect_info(uid('a'), types.CONSOLE_TYPES['novnc'])
        self.change(made, 'a', 'destroy')
        told.get(timeout=60)
        deadline = time.monotonic() + 60
        while True:
            self.assertLess(time.monotonic(), deadline)
            try:
                socket.create_connection((where.host, where.port), 60).close()
            except ConnectionRefusedError:
                break

    def test_guests_may_be_asked_for_by_name(self) -> None:
        made = self.load(domain('a'), domain('b'))
        found = made.guests([uid('b'), uid('c')])
        self.assertEqual(['b'], [each.name for each in found])


class ProbeTest(DriverCase):
    def test_running_guest_makes_the_driver_useful(self) -> None:
        self.load(domain('a'))
        self.assertIsNone(driver.probe(self.conf))

    def test_no_running_guest_is_told(self) -> None:
        self.load()
        self.assertIn('is running', driver.probe(self.conf) or '')

    def test_libvirt_that_is_not_there_is_told(self) -> None:
        self.config('libvirt', connection_uri=NOWHERE)
        self.assertIn(NOWHERE, driver.probe(self.conf) or '')
