# SPDX-License-Identifier: Apache-2.0
"""What a hostile agent may say of itself."""

from typing import Any
import uuid

from console_api import exception
from console_api.servers import agents
from tests import base

INSTANCE = str(uuid.UUID(int=7))
_KEY = 'a' * 64


def said(**changes: Any) -> dict[str, Any]:
    return {
        'instance': INSTANCE,
        'release': '1.0.0',
        'rpc_version': '1.1',
        'addresses': ['10.0.0.1'],
        'servers': 3,
        **changes,
    }


class ParseTest(base.TestCase):
    def test_addresses_are_kept_once_and_in_order(self) -> None:
        addresses = ['fd00::2', '10.0.0.1', 'fd00::2']
        self.assertEqual(
            agents.ReportedAgent(
                INSTANCE, '1.0.0', '1.1', '10.0.0.1,fd00::2', 3, _KEY
            ),
            agents.parse(said(addresses=addresses), _KEY),
        )

    def test_what_is_not_sane_is_refused(self) -> None:
        wrong = {
            'instance': (None, 7, 'x', ''),
            'release': (None, '', 'a b', 'x' * 65, '\x1b[31m'),
            'rpc_version': (None, 1.1, '1', '1.1.1', '1.x', '99999.1'),
            'addresses': (
                None,
                '10.0.0.1',
                ['10.0.0.1,10.0.0.2'],
                ['a b'],
                [7],
                [''],
                [f'{n:0200}' for n in range(6)],
            ),
            'servers': (None, '3', -1, True, 2**31),
        }
        for name, values in wrong.items():
            for value in values:
                with self.subTest(name, value=value):
                    self.assertRaises(
                        exception.BadRequest,
                        agents.parse,
                        said(**{name: value}),
                        _KEY,
                    )

    def test_missing_word_is_refused(self) -> None:
        for name in said():
            values = said()
            del values[name]
            with self.subTest(name):
                self.assertRaises(
                    exception.BadRequest, agents.parse, values, _KEY
                )

    def test_what_is_no_mapping_is_refused(self) -> None:
        for value in (None, [], 'agent', 7):
            self.assertRaises(exception.BadRequest, agents.parse, value, _KEY)
