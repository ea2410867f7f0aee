# SPDX-License-Identifier: Apache-2.0
"""What a hostile agent may say of its servers."""

import datetime
from typing import Any

from console_api import exception
from console_api.servers import reports
from tests import base

_GOOD = {
    'id': '00000000-0000-4000-8000-000000000001',
    'name': 'web',
    'project_id': 'p',
    'user_id': 'u',
    'vm_state': 'active',
    'task_state': None,
    'power_state': 1,
    'consoles': ['novnc', 'serial'],
    'created_at': '2026-01-02T03:04:05.678+02:00',
}


class ParseTest(base.TestCase):
    def _parse(self, **changed: Any) -> reports.ReportedServer:
        return reports.parse({**_GOOD, **changed})

    def _assert_refused(self, **changed: Any) -> str:
        with self.assertRaises(exception.BadRequest) as caught:
            self._parse(**changed)
        message = str(caught.exception)
        self.assertLess(len(message), 400)
        return message

    def test_server(self) -> None:
        self.assertEqual(
            reports.ReportedServer(
                id=_GOOD['id'],
                name='web',
                project_id='p',
                user_id='u',
                vm_state='active',
                task_state=None,
                power_state=1,
                consoles='novnc,serial',
                created_at=datetime.datetime.fromisoformat(
                    '2026-01-02T01:04:05'
                ),
            ),
            self._parse(),
        )

    def test_time_may_be_unknown(self) -> None:
        self.assertIsNone(self._parse(created_at=None).created_at)

    def test_no_consoles(self) -> None:
        self.assertEqual('', self._parse(consoles=[]).consoles)

    def test_each_value_is_needed(self) -> None:
        for name in _GOOD:
            with self.subTest(name=name):
                values = dict(_GOOD)
                del values[name]
                self.assertRaises(exception.BadRequest, reports.parse, values)

    def test_unknown_values_of_a_newer_agent_are_left(self) -> None:
        self.assertEqual('web', self._parse(colour='red').name)

    def test_what_is_no_server_is_refused(self) -> None:
        for value in (None, 7, 'text', [], [1]):
            with self.subTest(value=value):
                self.assertRaises(exception.BadRequest, reports.parse, value)

    def test_values_of_other_types_are_refused(self) -> None:
        for name in _GOOD:
            for value in (7.5, ['x', 7], {'a': 1}, 'x' * 10_000):
                if (name, value) == ('name', 'x' * 10_000):
                    continue
                with self.subTest(name=name, type=type(value)):
                    self._assert_refused(**{name: value})

    def test_id_that_is_no_uuid_is_refused(self) -> None:
        for value in ('', 'web', '1' * 31, None, 5):
            with self.subTest(value=value):
                self._assert_refused(id=value)

    def test_id_is_written_one_way(self) -> None:
        wanted = '{ABCDEF00-0000-4000-8000-000000000001}'
        self.assertEqual(
            'abcdef00-0000-4000-8000-000000000001', self._parse(id=wanted).id
        )

    def test_long_name_is_cut(self) -> None:
        self.assertEqual('x' * 255, self._parse(name='x' * 10_000).name)

    def test_nul_is_left_out(self) -> None:
        self.assertEqual('ab', self._parse(name='a\0b').name)

    def test_half_a_character_is_replaced(self) -> None:
        self.assertEqual('a?b', self._parse(name='a\ud800b').name)

    def test_power_state_out_of_range_is_refused(self) -> None:
        for value in (-1, 256, 10**30, '1', None, 1.5):
            with self.subTest(value=value):
                self._assert_refused(power_state=value)

    def test_consoles_that_are_no_names_are_refused(self) -> None:
        for value in ('novnc', ['a,b'], [''], ['x' * 33], [None], None):
            with self.subTest(value=value):
                self._assert_refused(consoles=value)

    def test_too_many_consoles_are_refused(self) -> None:
        self._assert_refused(consoles=['novnc'] * 100)

    def test_console_type_of_a_newer_agent_is_taken(self) -> None:
        self.assertEqual('holo-3d', self._parse(consoles=['holo-3d']).consoles)

    def test_times_that_are_none_are_refused(self) -> None:
        for value in ('yesterday', '', 5, '0001-01-01T00:00:00+14:00'):
            with self.subTest(value=value):
                self._assert_refused(created_at=value)
