# SPDX-License-Identifier: Apache-2.0
"""Tests of the ends of log files, which others write, cut and rename."""

import os
import pathlib

import fixtures

from console_api.virt.libvirt import logs
from tests import base

OWN = frozenset({os.geteuid()})


class TailTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.log = folder / 'log'
        self.old = folder / 'log.0'

    def tail(self, count: int) -> bytes:
        return logs.tail(str(self.log), count, OWN)

    def test_end_of_the_file_is_read(self) -> None:
        self.log.write_bytes(b'0123456789')
        for count, wanted in (
            (0, b''),
            (3, b'789'),
            (10, b'0123456789'),
            (11, b'0123456789'),
        ):
            self.assertEqual(wanted, self.tail(count), count)

    def test_huge_file_costs_what_is_asked_for(self) -> None:
        with self.log.open('wb') as file:
            file.truncate(1 << 40)
            file.seek(0, os.SEEK_END)
            file.write(b'end')
        self.assertEqual(b'\0end', self.tail(4))

    def test_short_file_is_preceded_by_the_one_before(self) -> None:
        self.old.write_bytes(b'before ')
        self.log.write_bytes(b'after')
        self.assertEqual(b'fore after', self.tail(10))
        self.assertEqual(b'after', self.tail(5))

    def test_file_that_was_cut_is_read_as_it_is(self) -> None:
        self.log.write_bytes(b'0123456789')
        self.tail(5)
        self.log.write_bytes(b'x')
        self.assertEqual(b'x', self.tail(5))

    def test_link_in_place_of_the_one_before_is_not_followed(self) -> None:
        self.log.write_bytes(b'after')
        foreign = self.log.with_name('foreign')
        foreign.write_bytes(b'secret')
        self.old.symlink_to(foreign)
        self.assertEqual(b'after', self.tail(100))

    def test_missing_file_is_an_error(self) -> None:
        self.assertRaises(OSError, self.tail, 5)
