# SPDX-License-Identifier: Apache-2.0
"""The SPICE ports of simulated servers, over real sockets."""

import pathlib
import socket
import ssl
import struct

from console_api.consoles import types
from console_api.virt import driver
from tests import base

DIRECT = types.CONSOLE_TYPES['spice-direct']
HTML5 = types.CONSOLE_TYPES['spice-html5']
INVENTORY = pathlib.Path(__file__).parents[2] / 'fixtures' / 'inventory.yaml'
ACTIVE = '00000000-0000-4000-8000-000000000001'

#: What Tempest sends: a link to the main channel with two capabilities.
LINK = struct.pack(
    '<4sIIIIBBIIIII', b'REDQ', 2, 2, 26, 0, 1, 0, 1, 1, 18, 11, 9
)


class TestSpice(base.TestCase):
    def setUp(self):
        super().setUp()
        self.config(host='here')
        self.config(group='fake', inventory=str(INVENTORY))
        self.fake = driver.load(self.conf, 'fake')
        self.addCleanup(self.fake.close)

    def connect(self, port):
        client = socket.create_connection(('127.0.0.1', port), 30)
        self.addCleanup(client.close)
        return client

    def receive(self, client, size):
        data = b''
        while len(data) < size:
            part = client.recv(size - len(data))
            self.assertNotEqual(b'', part)
            data += part
        return data

    def test_the_facts_name_two_ports(self):
        info = self.fake.connect_info(ACTIVE, DIRECT)

        self.assertEqual('127.0.0.1', info.host)
        self.assertIsNone(info.internal_access_path)
        self.assertNotIn(info.tls_port, (None, info.port))
        self.assertEqual(info, self.fake.connect_info(ACTIVE, DIRECT))

    def test_the_browser_has_the_plain_port(self):
        info = self.fake.connect_info(ACTIVE, HTML5)

        self.assertEqual(
            self.fake.connect_info(ACTIVE, DIRECT).port, info.port
        )
        self.assertIsNone(info.tls_port)

    def test_a_link_is_answered_and_permission_denied(self):
        client = self.connect(self.fake.connect_info(ACTIVE, DIRECT).port)
        client.sendall(LINK)
        magic, major, minor, size, error = struct.unpack(
            '<4sIIII', self.receive(client, 20)
        )
        self.assertEqual((b'REDQ', 2, 2, 0), (magic, major, minor, error))
        self.receive(client, size - 4)

        client.sendall(struct.pack('<I128s', 1, b''))
        self.assertEqual(struct.pack('<I', 7), self.receive(client, 4))
        self.assertEqual(b'', client.recv(1))

    def test_tls_ends_with_an_alert(self):
        info = self.fake.connect_info(ACTIVE, DIRECT)
        context = ssl.create_default_context()
        client = self.connect(info.tls_port)

        error = self.assertRaises(
            ssl.SSLError,
            context.wrap_socket,
            client,
            server_hostname='localhost',
        )
        self.assertIn('ALERT_HANDSHAKE_FAILURE', str(error))
