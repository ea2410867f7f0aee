# SPDX-License-Identifier: Apache-2.0
"""Tests of simulated screens over real sockets."""

import datetime
import os
import struct
import threading
import time
import uuid

import hypothesis
from hypothesis import strategies
from PIL import ImageChops

from console_api.virt.fake import desktop
from console_api.virt.fake import geometry
from console_api.virt.fake import inventory
from console_api.virt.fake import loop
from console_api.virt.fake import panels
from tests import base
from tests.fixtures import rfb_client

ID = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'
START = datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC)
DEADLINE = 30


def same(one, other):
    return ImageChops.difference(one, other).getbbox() is None


class ScreenTestCase(base.TestCase):
    limits = loop.Limits()

    def setUp(self):
        super().setUp()
        self.time = START
        self.loop = loop.Loop(self.limits)
        self.addCleanup(self.loop.close)

    def listen(self, **facts):
        facts = {'id': ID, 'name': 'guest', **facts}
        server = inventory.SimulatedServer(**facts)
        return self.loop.listen(desktop.Desktop(server, lambda: self.time))

    def connect(self, port):
        client = rfb_client.RfbClient.connect(port)
        self.addCleanup(client.close)
        return client

    def start(self, port, *encodings, **arguments):
        client = self.connect(port).start(**arguments)
        client.set_encodings(*(encodings or (rfb_client.ZRLE,)))
        return client

    def look(self, client):
        client.request()
        client.update()
        return client.screen.copy()

    def wait_for(self, client, area):
        """The first update that is about that part of the screen."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            client.request(incremental=True)
            rects = client.update()
            if any(geometry.Rect(*rect).intersection(area) for rect in rects):
                return rects
        raise AssertionError('that part of the screen did not change')

    def assertClosed(self, client):
        self.assertRaises(rfb_client.ServerClosed, self.read_all, client)

    def read_all(self, client):
        while True:
            client.read(1)


class TestHandshake(ScreenTestCase):
    def test_the_server_speaks_3_8(self):
        client = self.connect(self.listen())

        self.assertEqual(b'RFB 003.008\n', client.greet())

    def test_every_version_gets_the_screen(self):
        port = self.listen()
        for version in (b'003.003', b'003.005', b'003.007', b'003.008'):
            client = self.start(port, version=b'RFB ' + version + b'\n')

            self.assertEqual('guest', client.name)
            self.assertEqual((1024, 768), client.screen.size)
            self.assertIsNotNone(self.look(client).getbbox())

    def test_a_later_version_is_served_as_3_8(self):
        client = self.start(self.listen(), version=b'RFB 003.889\n')

        self.assertEqual('guest', client.name)

    def test_another_protocol_is_refused(self):
        client = self.connect(self.listen())
        client.read(12)
        client.send(b'GET / HTTP/1.1\r\n\r\n')

        self.assertClosed(client)

    def test_another_major_version_is_refused(self):
        client = self.connect(self.listen())
        client.greet(b'RFB 004.000\n')

        self.assertClosed(client)

    def test_a_security_type_that_is_not_offered_is_refused(self):
        client = self.connect(self.listen())
        client.greet()

        error = self.assertRaises(
            PermissionError, client.choose_security, chosen=2
        )
        self.assertIn('None', str(error))
        self.assertClosed(client)

    def test_the_handshake_works_byte_by_byte(self):
        client = self.connect(self.listen())
        for byte in b'RFB 003.008\n\x01\x01':
            client.send(bytes((byte,)))

        client.read(12 + 2 + 4)
        width, height = client.unpack('>HH')
        self.assertEqual((1024, 768), (width, height))


class TestPicture(ScreenTestCase):
    def test_raw_and_zrle_show_the_same(self):
        port = self.listen(vm_state='paused')
        raw = self.look(self.start(port, rfb_client.RAW))
        zrle = self.look(self.start(port, rfb_client.ZRLE))

        self.assertTrue(same(raw, zrle))

    def test_zrle_is_much_smaller(self):
        client = self.start(self.listen())
        client.request()
        client.read(16)
        (length,) = client.unpack('>I')

        self.assertLess(length, 1024 * 768 * 4 // 20)

    def test_the_first_known_encoding_is_taken(self):
        client = self.start(self.listen(), 7, 16, 0)
        client.request()

        self.assertEqual((0, 1), client.unpack('>BxH'))
        self.assertEqual(16, client.unpack('>HHHHi')[4])

    def test_no_known_encoding_means_raw(self):
        client = self.start(self.listen(), 7, -239)
        client.request()
        client.read(4)

        self.assertEqual(0, client.unpack('>HHHHi')[4])

    def test_any_order_of_colours_shows_the_same(self):
        port = self.listen(vm_state='paused')
        expected = self.look(self.start(port))
        for wanted in (
            rfb_client.Format(24, False, 16, 8, 0),
            rfb_client.Format(24, True, 16, 8, 0),
            rfb_client.Format(24, True, 0, 8, 16),
            rfb_client.Format(24, False, 8, 16, 24),
            rfb_client.Format(24, True, 24, 16, 8),
            rfb_client.Format(32, False, 0, 8, 16),
            rfb_client.Format(24, False, 3, 12, 22),
            rfb_client.Format(24, True, 0, 8, 24),
        ):
            for encoding in (rfb_client.RAW, rfb_client.ZRLE):
                client = self.start(port, encoding)
                client.set_format(wanted)
                self.assertTrue(
                    same(expected, self.look(client)), (wanted, encoding)
                )
                client.close()

    def test_a_part_is_the_part_of_the_whole(self):
        client = self.start(self.listen(vm_state='paused'))
        whole = self.look(client)
        client.screen.paste((0, 0, 0), (0, 0, 1024, 768))
        client.request(box=(100, 90, 77, 130))

        self.assertEqual([(100, 90, 77, 130)], client.update())
        box = (100, 90, 177, 220)
        self.assertTrue(same(whole.crop(box), client.screen.crop(box)))

    def test_two_servers_differ(self):
        one = self.look(self.start(self.listen(name='one')))
        two = self.look(self.start(self.listen(name='two')))

        box = ImageChops.difference(one, two).getbbox()
        self.assertLessEqual(panels.HEADER.y, box[1])
        self.assertLessEqual(box[3], panels.HEADER.bottom)

    def test_two_servers_of_one_name_differ_by_their_ids(self):
        one = self.look(self.start(self.listen()))
        two = self.look(self.start(self.listen(id=str(uuid.uuid4()))))

        self.assertFalse(same(one, two))

    def test_a_hostile_name_is_shown_clipped(self):
        for name in (
            '\u202e\x1b[31m\0\r\n',
            'x' * 10_000,
            '\U0001f600\u05e9\u05dc\u0301' * 50,
            '\u0301',
            '\ud800',
        ):
            client = self.start(self.listen(name=name))

            self.assertLess(len(client.name), 300)
            self.assertTrue(client.name.replace('\ufffd', '').isprintable())
            self.assertIsNotNone(self.look(client).getbbox())


class TestUpdates(ScreenTestCase):
    def test_the_clock_moves(self):
        client = self.start(self.listen())
        before = self.look(client)
        self.time += datetime.timedelta(seconds=7)

        rects = self.wait_for(client, panels.CLOCK)

        self.assertEqual(1, len(rects))
        self.assertFalse(same(before, client.screen))

    def test_the_clock_of_a_paused_server_stands(self):
        port = self.listen(vm_state='paused')
        before = self.look(self.start(port))
        self.time += datetime.timedelta(seconds=7)

        self.assertTrue(same(before, self.look(self.start(port))))

    def test_an_update_comes_only_when_asked_for(self):
        client = self.start(self.listen(vm_state='rescued'))
        self.look(client)
        other = self.start(self.listen())
        self.look(other)
        # Two seconds of the loop's clock have passed after these.
        for _tick in range(2):
            self.time += datetime.timedelta(seconds=1)
            self.wait_for(other, panels.CLOCK)

        client.socket.setblocking(False)
        self.assertRaises(BlockingIOError, client.socket.recv, 1)

    def test_nothing_changed_means_no_update(self):
        client = self.start(self.listen(vm_state='paused'))
        self.look(client)
        client.request(incremental=True)
        client.request(incremental=True)
        client.request(box=(0, 0, 1, 1))

        # The first answer is the last request's: at once all that is wanted.
        self.assertEqual([(0, 0, 1, 1)], client.update())

    def test_a_key_shows(self):
        client = self.start(self.listen())
        before = self.look(client)
        client.key(ord('x'))

        self.wait_for(client, panels.KEYS)

        box = ImageChops.difference(
            before.crop(panels.KEYS.box), client.screen.crop(panels.KEYS.box)
        ).getbbox()
        self.assertIsNotNone(box)

    def test_a_key_that_is_let_go_looks_different(self):
        client = self.start(self.listen())
        self.look(client)
        client.key(ord('x'))
        self.wait_for(client, panels.KEYS)
        held = client.screen.crop(panels.KEYS.box)
        client.key(ord('x'), down=False)
        self.wait_for(client, panels.KEYS)

        self.assertFalse(same(held, client.screen.crop(panels.KEYS.box)))

    def test_the_pointer_shows_where_it_is(self):
        client = self.start(self.listen())
        before = self.look(client)
        client.pointer(8, 700)

        rects = self.wait_for(client, panels.POINTER)

        self.assertIn((8, 700, 20, 28), rects)
        box = (8, 700, 28, 728)
        self.assertFalse(same(before.crop(box), client.screen.crop(box)))

    def test_the_pointer_leaves_no_trace(self):
        client = self.start(self.listen())
        before = self.look(client)
        client.pointer(8, 700)
        self.wait_for(client, panels.POINTER)
        client.pointer(900, 8)
        self.wait_for(client, panels.POINTER)

        box = (8, 700, 28, 728)
        self.assertTrue(same(before.crop(box), client.screen.crop(box)))

    def test_a_button_shows(self):
        client = self.start(self.listen())
        self.look(client)
        client.pointer(8, 700)
        self.wait_for(client, panels.POINTER)
        up = client.screen.crop(panels.POINTER.box)
        client.pointer(8, 700, buttons=4)
        self.wait_for(client, panels.POINTER)

        self.assertFalse(same(up, client.screen.crop(panels.POINTER.box)))

    def test_the_pointer_may_be_in_the_last_corner_and_beyond(self):
        client = self.start(self.listen())
        self.look(client)
        client.pointer(65535, 65535)

        self.assertIn((1023, 767, 1, 1), self.wait_for(client, panels.POINTER))

    def test_increments_add_up_to_the_whole_picture(self):
        port = self.listen()
        client, fresh = self.start(port), self.start(port)
        self.look(client)
        for number, key in enumerate(b'some text'):
            client.key(key)
            client.pointer(number * 90, number * 70, number % 8)
            client.request(incremental=True)
            client.update()
        deadline = time.monotonic() + DEADLINE
        while not same(self.look(fresh), client.screen):
            self.assertLess(time.monotonic(), deadline)
            client.request(incremental=True)
            client.request(box=(0, 0, 1, 1))
            client.update()

    def test_all_clients_see_what_one_types(self):
        port = self.listen()
        one, two = self.start(port), self.start(port)
        self.look(one)
        self.look(two)
        one.key(ord('x'))

        self.wait_for(two, panels.KEYS)

    def test_a_client_that_asks_for_changes_first_gets_everything(self):
        port = self.listen(vm_state='paused')
        self.look(self.start(port))
        client = self.start(port)
        client.request(incremental=True)

        self.assertEqual([(0, 0, 1024, 768)], client.update())

    def test_a_client_that_comes_back_finds_its_text(self):
        port = self.listen()
        first = self.start(port)
        self.look(first)
        first.key(ord('x'))
        self.wait_for(first, panels.KEYS)
        seen = first.screen.crop(panels.KEYS.box)
        first.close()

        again = self.look(self.start(port)).crop(panels.KEYS.box)

        self.assertTrue(same(seen, again))

    def test_a_client_may_want_the_screen_for_itself(self):
        port = self.listen()
        first = self.start(port)
        second = self.start(port, shared=False)

        self.assertClosed(first)
        self.assertIsNotNone(self.look(second).getbbox())


class TestHostileClients(ScreenTestCase):
    def assertServes(self, port):
        with rfb_client.RfbClient.connect(port) as client:
            client.start()
            client.request(box=(0, 0, 64, 64))
            self.assertEqual([(0, 0, 64, 64)], client.update())

    def test_a_message_that_does_not_exist(self):
        port = self.listen()
        client = self.start(port)
        client.send(b'\xff')

        self.assertClosed(client)
        self.assertServes(port)

    def test_too_many_encodings(self):
        client = self.start(self.listen())
        client.send(struct.pack('>BxH', 2, 1025))

        self.assertClosed(client)

    def test_a_clipboard_that_is_too_long(self):
        for length in (256 * 1024 + 1, 0x7FFFFFFF, 0xFFFFFFFF):
            client = self.start(self.listen())
            client.send(struct.pack('>BxxxI', 6, length))

            self.assertClosed(client)

    def test_a_clipboard_is_skipped(self):
        client = self.start(self.listen())
        client.cut_text(b'\x04' * 256 * 1024)
        client.cut_text(b'')

        self.assertIsNotNone(self.look(client).getbbox())

    def test_pixels_that_are_not_offered(self):
        for form in (
            struct.pack('>BBBBHHHBBBxxx', 8, 8, 0, 1, 7, 7, 3, 0, 3, 6),
            struct.pack('>BBBBHHHBBBxxx', 16, 16, 0, 1, 31, 63, 31, 11, 5, 0),
            struct.pack(
                '>BBBBHHHBBBxxx', 32, 24, 0, 0, 255, 255, 255, 0, 8, 16
            ),
            struct.pack(
                '>BBBBHHHBBBxxx', 32, 30, 0, 1, *([1023] * 3), 0, 10, 20
            ),
            struct.pack(
                '>BBBBHHHBBBxxx', 32, 24, 0, 1, 255, 255, 255, 0, 0, 0
            ),
            struct.pack(
                '>BBBBHHHBBBxxx', 32, 24, 0, 1, 255, 255, 255, 0, 8, 25
            ),
            struct.pack(
                '>BBBBHHHBBBxxx', 32, 0, 0, 1, 255, 255, 255, 0, 8, 16
            ),
        ):
            client = self.start(self.listen())
            client.send(b'\0\0\0\0' + form)

            self.assertClosed(client)

    def test_a_part_outside_the_screen_is_no_request(self):
        client = self.start(self.listen())
        client.request(box=(1024, 768, 65535, 65535))
        client.request(box=(0, 0, 0, 0))
        client.request(box=(1000, 760, 65535, 65535))

        self.assertEqual([(1000, 760, 24, 8)], client.update())

    def test_a_client_that_does_not_read_stops_nobody(self):
        port = self.listen()
        lazy = self.start(port, rfb_client.RAW)
        for _number in range(200):
            lazy.request()

        self.assertServes(port)

    def test_clients_that_vanish_leave_nothing(self):
        port = self.listen()
        before = len(os.listdir('/proc/self/fd'))
        for _number in range(50):
            with rfb_client.RfbClient.connect(port) as client:
                client.greet()
        deadline = time.monotonic() + DEADLINE
        while len(os.listdir('/proc/self/fd')) > before:
            self.assertLess(time.monotonic(), deadline)
            with rfb_client.RfbClient.connect(port) as client:
                client.greet()

    def test_random_bytes_end_no_more_than_one_connection(self):
        port = self.listen()
        openings = strategies.sampled_from(
            (
                b'',
                b'RFB 003.008\n',
                b'RFB 003.003\n\x01',
                b'RFB 003.008\n\x01\x01',
                b'RFB 003.008\n\x01\x01\x02\0\0\x01\0\0\0\x10',
            )
        )
        messages = strategies.lists(
            strategies.one_of(
                strategies.binary(max_size=40),
                strategies.builds(
                    lambda kind, rest: bytes((kind,)) + rest,
                    strategies.integers(0, 7),
                    strategies.binary(min_size=5, max_size=20),
                ),
            ),
            max_size=6,
        ).map(b''.join)

        @hypothesis.settings(
            max_examples=60,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(openings, messages)
        def survives(opening, message):
            with rfb_client.RfbClient.connect(port) as client:
                try:
                    client.send(opening)
                    client.send(message)
                except ConnectionError:
                    pass
            self.assertServes(port)

        survives()


class TestLimits(ScreenTestCase):
    limits = loop.Limits(clients=5, handshake=2)

    def test_a_client_that_never_speaks_is_dropped(self):
        client = self.connect(self.listen())

        self.assertClosed(client)

    def test_a_client_that_is_in_may_be_silent(self):
        port = self.listen()
        client = self.start(port)
        silent = self.connect(port)
        self.assertClosed(silent)

        self.assertIsNotNone(self.look(client).getbbox())

    def test_one_client_too_many_is_refused(self):
        port = self.listen()
        clients = [self.start(port) for _number in range(5)]
        self.assertIsNotNone(self.look(clients[0]).getbbox())

        self.assertRaises(rfb_client.ServerClosed, self.connect(port).greet)


class TestClose(ScreenTestCase):
    def test_closing_ends_the_sessions_and_the_thread(self):
        running = loop.Loop()
        server = inventory.SimulatedServer(ID, 'guest')
        port = running.listen(desktop.Desktop(server, lambda: self.time))
        client = self.start(port)
        self.look(client)
        threads = threading.active_count()

        running.close()

        self.assertClosed(client)
        self.assertEqual(threads - 1, threading.active_count())
        self.assertRaises(
            ConnectionRefusedError, rfb_client.RfbClient.connect, port
        )
