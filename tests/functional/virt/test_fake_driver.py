# SPDX-License-Identifier: Apache-2.0
"""Tests of the driver of simulated servers, as the agent loads it."""

import concurrent.futures
import pathlib
import socket
import threading
import uuid

from console_api import exception
from console_api.consoles import types
from console_api.virt import driver
from tests import base
from tests.fixtures import rfb_client

NOVNC = types.CONSOLE_TYPES['novnc']
SERIAL = types.CONSOLE_TYPES['serial']
WEBMKS = types.CONSOLE_TYPES['webmks']
EXAMPLE = (
    pathlib.Path(__file__).parents[3]
    / 'etc'
    / 'console-api'
    / 'inventory.example.yaml'
)


class DriverTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.config(host='here')

    def load(self, inventory=None):
        self.config(group='fake', inventory=inventory)
        loaded = driver.load(self.conf, 'fake')
        self.addCleanup(loaded.close)
        return loaded


class TestBuiltIn(DriverTestCase):
    def test_two_servers_are_there(self):
        guests = self.load().guests()

        self.assertEqual(['demo-1', 'demo-2'], [g.name for g in guests])
        self.assertEqual(
            [('novnc', 'serial')] * 2, [g.consoles for g in guests]
        )
        self.assertEqual(['active'] * 2, [g.vm_state for g in guests])
        self.assertEqual([1, 1], [g.power_state for g in guests])
        self.assertIsNotNone(guests[0].created_at.tzinfo)

    def test_each_console_shows_its_own_server(self):
        fake = self.load()
        for guest in fake.guests():
            info = fake.connect_info(guest.id, NOVNC)

            self.assertEqual('127.0.0.1', info.host)
            with rfb_client.RfbClient.connect(info.port) as client:
                self.assertEqual(guest.name, client.start().name)

    def test_each_protocol_listens_on_the_address_of_its_options(self):
        self.config(group='vnc', server_proxyclient_address='127.0.0.2')
        self.config(group='serial_console', proxyclient_address='::1')
        fake = self.load()
        server_id = fake.guests()[0].id
        for console_type, address in ((NOVNC, '127.0.0.2'), (SERIAL, '::1')):
            with self.subTest(address):
                info = fake.connect_info(server_id, console_type)
                self.assertEqual(address, info.host)
                with socket.create_connection((address, info.port), 30):
                    pass

    def test_a_console_stays_where_it_is(self):
        fake = self.load()
        one, two = fake.guests()
        info = fake.connect_info(one.id, NOVNC)

        self.assertEqual(info, fake.connect_info(one.id, NOVNC))
        self.assertNotEqual(info, fake.connect_info(two.id, NOVNC))

    def test_many_threads_get_the_same_port(self):
        fake = self.load()
        server_id = fake.guests()[0].id
        barrier = threading.Barrier(8)

        def ask(_number):
            barrier.wait(30)
            return fake.connect_info(server_id, NOVNC)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(1, len(set(pool.map(ask, range(8)))))

    def test_no_thread_runs_before_somebody_asks(self):
        before = threading.active_count()
        fake = self.load()
        fake.guests()

        self.assertEqual(before, threading.active_count())
        fake.connect_info(fake.guests()[0].id, NOVNC)
        self.assertEqual(before + 1, threading.active_count())

    def test_closing_closes_the_consoles(self):
        fake = self.load()
        server_id = fake.guests()[0].id
        port = fake.connect_info(server_id, NOVNC).port
        fake.close()

        self.assertRaises(
            ConnectionRefusedError, rfb_client.RfbClient.connect, port
        )
        self.assertRaises(
            exception.InstanceNotFound, fake.connect_info, server_id, NOVNC
        )


class TestStates(DriverTestCase):
    def setUp(self):
        super().setUp()
        self.fake = self.load(str(EXAMPLE))
        self.ids = {guest.name: guest.id for guest in self.fake.guests()}

    def ask(self, name, console_type=NOVNC):
        return self.fake.connect_info(self.ids[name], console_type)

    def hidden(self, name):
        """The id of a server of the file that is not on this host."""
        self.config(host='host-without-an-agent')
        elsewhere = {guest.name: guest.id for guest in self.fake.guests()}
        self.config(host='here')
        return elsewhere[name]

    def test_servers_elsewhere_or_nowhere_are_not_reported(self):
        self.assertIn('web-3', self.ids)
        self.assertNotIn('unreachable', self.ids)
        self.assertNotIn('building', self.ids)

    def test_an_unknown_server_is_not_found(self):
        self.assertRaises(
            exception.InstanceNotFound,
            self.fake.connect_info,
            str(uuid.uuid4()),
            NOVNC,
        )

    def test_a_server_of_another_host_is_not_found(self):
        self.assertRaises(
            exception.InstanceNotFound,
            self.fake.connect_info,
            self.hidden('unreachable'),
            NOVNC,
        )

    def test_a_building_server_is_not_ready(self):
        self.assertRaises(exception.InstanceNotReady, self.ask, 'spawning')

    def test_a_server_without_a_host_is_not_ready(self):
        server_id = str(uuid.uuid4())
        path = self.create_tempfiles(
            [
                (
                    'inventory',
                    f'servers: [{{id: {server_id}, name: a, host: null, '
                    'vm_state: active}]\n',
                )
            ]
        )[0]

        self.assertRaises(
            exception.InstanceNotReady,
            self.load(path).connect_info,
            server_id,
            NOVNC,
        )

    def test_the_state_of_a_server_without_a_host_is_named(self):
        server_id = '4f5585fa-3b42-5546-aa0f-41f77458bcd2'
        error = self.assertRaises(
            exception.InstanceInvalidState,
            self.fake.connect_info,
            server_id,
            NOVNC,
        )
        self.assertIn('vm_state shelved_offloaded', str(error))

    def test_where_nothing_listens_the_state_is_named(self):
        for state in ('stopped', 'shelved', 'crashed', 'error'):
            error = self.assertRaises(
                exception.InstanceInvalidState, self.ask, state
            )
            self.assertIn(self.ids[state], str(error))
            self.assertIn(f'vm_state {state}', str(error))

    def test_a_guest_that_is_kept_in_memory_has_its_console(self):
        for name in ('paused', 'suspended', 'rescued', 'resized'):
            with rfb_client.RfbClient.connect(self.ask(name).port) as client:
                self.assertEqual(name, client.start().name)

    def test_a_console_that_is_not_offered_is_unavailable(self):
        for name in ('serial-only', 'headless'):
            self.assertRaises(exception.ConsoleTypeUnavailable, self.ask, name)

    def test_a_console_that_is_not_simulated_is_not_supported(self):
        self.assertRaises(
            exception.NotSupported, self.ask, 'every-console', WEBMKS
        )

    def test_each_kind_of_console_has_a_port_of_its_own(self):
        ports = {
            self.ask('every-console', types.CONSOLE_TYPES[name]).port
            for name in ('novnc', 'serial', 'spice-direct')
        }
        self.assertEqual(3, len(ports))


class TestConsoleOutput(DriverTestCase):
    def setUp(self):
        super().setUp()
        self.fake = self.load(str(EXAMPLE))
        self.ids = {guest.name: guest.id for guest in self.fake.guests()}

    def output(self, name, max_bytes=1000):
        return self.fake.console_output(self.ids[name], max_bytes)

    def test_it_is_the_log_of_the_inventory(self):
        self.assertEqual(
            b'Booting the simulated kernel\nweb login:\n', self.output('web-1')
        )

    def test_it_is_as_long_as_it_is_wanted(self):
        self.assertEqual(b'login:\n', self.output('web-1', 7))
        self.assertEqual(b'', self.output('web-1', 0))

    def test_a_server_that_does_not_run_keeps_its_log(self):
        self.assertIn(b'Kernel panic', self.output('error'))

    def test_a_serial_port_without_output_has_an_empty_log(self):
        self.assertEqual(b'', self.output('serial-only'))

    def test_without_either_there_is_none(self):
        self.assertRaises(
            exception.ConsoleNotAvailable, self.output, 'headless'
        )

    def test_a_building_server_has_none(self):
        self.assertRaises(
            exception.ConsoleNotAvailable, self.output, 'spawning'
        )

    def test_an_unknown_server_is_not_found(self):
        self.assertRaises(
            exception.InstanceNotFound,
            self.fake.console_output,
            str(uuid.uuid4()),
            1000,
        )


class TestBadInventory(DriverTestCase):
    def test_it_is_refused_at_the_start(self):
        path = self.create_tempfiles([('bad', 'servers: []\n')])[0]
        self.config(group='fake', inventory=path)

        error = self.assertRaises(
            exception.ConfigurationError, driver.load, self.conf, 'fake'
        )
        self.assertIn(f'{path}, line 1: ', str(error))
