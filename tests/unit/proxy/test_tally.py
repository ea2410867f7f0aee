# SPDX-License-Identifier: Apache-2.0
"""What is counted, and under which names."""

from console_api.proxy import closing
from console_api.proxy import tally
from console_api.proxy.ws import frames
from tests import base


class NamesTest(base.TestCase):
    def test_each_ending_has_a_name_of_its_own(self) -> None:
        names = closing.names()
        self.assertEqual(len(names), len(set(names)))
        self.assertIn('normal', names)
        self.assertEqual('bad_token', closing.name_of(closing.BAD_TOKEN))

    def test_broken_protocol_adds_no_name(self) -> None:
        found = {
            closing.name_of(
                closing.of_violation(frames.Violation(code, 'as it came'))
            )
            for code in frames.CloseCode
        }
        self.assertEqual({'client_fault'}, found)
        self.assertIn('client_fault', closing.names())

    def test_type_that_is_unknown_adds_no_label(self) -> None:
        counted = tally.Tally()
        counted.start('of\nthe authority')
        counted.start('novnc')
        self.assertEqual({'other': 1, 'novnc': 1}, counted.started)


class TallyTest(base.TestCase):
    def test_session_is_counted_until_it_ends(self) -> None:
        counted = tally.Tally()
        counted.start('novnc')
        counted.start('novnc')
        self.assertEqual(2, counted.sessions()['novnc'])
        counted.end('novnc', closing.IDLE, None)
        self.assertEqual(1, counted.sessions()['novnc'])
        self.assertEqual({('novnc', 'idle'): 1}, counted.ended)

    def test_refusal_is_no_session(self) -> None:
        counted = tally.Tally()
        counted.refuse(closing.BAD_TOKEN)
        self.assertEqual({'bad_token': 1}, counted.refused)
        self.assertFalse(counted.sessions())
