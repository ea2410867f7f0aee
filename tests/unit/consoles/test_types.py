# SPDX-License-Identifier: Apache-2.0
from console_api.consoles import types
from tests import base

#: API.md: protocol, first version and legacy action of each type.
_WANTED = {
    'novnc': ('vnc', (2, 6), 'os-getVNCConsole'),
    'xvpvnc': ('vnc', (2, 6), 'os-getVNCConsole'),
    'spice-html5': ('spice', (2, 6), 'os-getSPICEConsole'),
    'spice-direct': ('spice', (2, 99), None),
    'serial': ('serial', (2, 6), 'os-getSerialConsole'),
    'rdp-html5': ('rdp', (2, 6), 'os-getRDPConsole'),
    'webmks': ('mks', (2, 8), None),
}


class ConsoleTypesTest(base.TestCase):
    def test_table_is_the_apis(self) -> None:
        self.assertEqual(
            _WANTED,
            {
                name: (row.protocol, row.since, row.legacy_action)
                for name, row in types.CONSOLE_TYPES.items()
            },
        )

    def test_each_row_is_under_its_name(self) -> None:
        for name, row in types.CONSOLE_TYPES.items():
            self.assertEqual(name, row.name)

    def test_two_types_were_removed(self) -> None:
        self.assertEqual(
            {'xvpvnc', 'rdp-html5'},
            {r.name for r in types.CONSOLE_TYPES.values() if r.removed},
        )

    def test_options_of_the_offered_types_exist(self) -> None:
        for row in types.CONSOLE_TYPES.values():
            if not row.removed:
                with self.subTest(type=row.name):
                    group = self.conf[row.group]
                    self.assertIn(group.enabled, (True, False))
                    self.assertIn('://', group[row.base_url_option])

    def test_only_novnc_hides_the_token_in_a_path(self) -> None:
        self.assertEqual(
            ['novnc'],
            [
                r.name
                for r in types.CONSOLE_TYPES.values()
                if r.url_rule is types.UrlRule.PATH
            ],
        )

    def test_operation_is_named_after_the_protocol(self) -> None:
        row = types.CONSOLE_TYPES['spice-direct']
        self.assertEqual('get_spice_console', row.operation)
