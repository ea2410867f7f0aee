# SPDX-License-Identifier: Apache-2.0
"""What is kept of a serial port that is written faster than it is read."""

import threading

from console_api.virt.libvirt import logs
from console_api.virt.libvirt import ptys
from tests import base


class OutputTest(base.TestCase):
    def drain(self, output: ptys.Output) -> bytes:
        output.end()
        return b''.join(iter(output.take, b''))

    def test_pieces_come_in_order(self) -> None:
        output = ptys.Output()
        for piece in (b'a', b'b', b'c'):
            output.put(piece)
        self.assertEqual(b'abc', self.drain(output))

    def test_oldest_is_lost_when_nobody_reads(self) -> None:
        output = ptys.Output(100)
        for number in range(1000):
            output.put(b'%010d' % number)
        self.assertEqual(
            b''.join(b'%010d' % n for n in range(990, 1000)),
            self.drain(output),
        )

    def test_what_was_read_makes_room(self) -> None:
        output = ptys.Output(10)
        for _ in range(5):
            output.put(b'0123456789')
            self.assertEqual(b'0123456789', output.take())

    def test_reader_that_waits_is_woken(self) -> None:
        output = ptys.Output()
        got = []
        reader = threading.Thread(
            target=lambda: got.extend([output.take(), output.take()])
        )
        reader.start()
        output.put(b'x')
        output.end()
        reader.join(30)
        self.assertEqual([b'x', b''], got)


class RingTest(base.TestCase):
    def test_last_bytes_are_kept(self) -> None:
        ring = logs.Ring(10)
        for number in range(1000):
            ring.put(b'%d' % number)
        self.assertEqual(b'7998999', ring.tail(7))
        self.assertEqual(b'6997998999', ring.tail(1000))
        self.assertEqual(b'', ring.tail(0))

    def test_flood_is_bounded(self) -> None:
        ring = logs.Ring(10)
        ring.put(bytes(10_000_000))
        self.assertEqual(10, len(ring._kept))

    def test_end_of_a_run_stays_readable(self) -> None:
        ring = logs.Ring(10)
        ring.put(b'panic')
        ring.end()
        self.assertEqual(b'panic', ring.tail(10))


class Stream:
    """Of libvirt: a console whose guest reads nothing."""

    def __init__(self) -> None:
        self.offered = threading.Event()
        self.takes = False

    def eventAddCallback(self, *args: object) -> None:
        pass

    def eventRemoveCallback(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def send(self, data: bytes) -> int:
        self.offered.set()
        return len(data) if self.takes else -2


class BackendTest(base.TestCase):
    """A port that stays open for its log while clients come and go."""

    def setUp(self) -> None:
        super().setUp()
        self.stream = Stream()
        self.pty = ptys.Pty(self.stream)
        self.pty.attach(logs.Ring(10))

    def backend(self) -> ptys.PtyBackend:
        return ptys.PtyBackend(self.pty, self.pty.detach)

    def test_client_that_ends_stops_typing_to_a_guest_that_reads_nothing(
        self,
    ) -> None:
        backend = self.backend()
        failed = []

        def write() -> None:
            try:
                backend.write(memoryview(b'x'))
            except OSError as exc:
                failed.append(exc)

        typing = threading.Thread(target=write, daemon=True)
        typing.start()
        self.assertTrue(self.stream.offered.wait(30))
        backend.close()
        typing.join(30)
        self.assertEqual(1, len(failed))
        self.assertFalse(self.pty.ended)

    def test_next_client_may_type(self) -> None:
        self.backend().close()
        self.stream.takes = True
        self.assertEqual(1, self.backend().write(memoryview(b'x')))
