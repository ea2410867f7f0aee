# SPDX-License-Identifier: Apache-2.0
from console_api.consoles import targets
from tests import base


class AllowedTargetsTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.allowed = targets.AllowedTargets(
            ['192.0.2.0/28', '2001:db8::/64', '198.51.100.7', 'Esx.example']
        )

    def test_what_is_listed(self) -> None:
        for host in (
            '192.0.2.15',
            '2001:db8::1',
            '2001:0db8:0:0::1',
            '198.51.100.7',
            'esx.example',
            'ESX.EXAMPLE',
        ):
            with self.subTest(host=host):
                self.assertIn(host, self.allowed)

    def test_what_is_not(self) -> None:
        for host in (
            '192.0.2.16',
            '198.51.100.70',
            '2001:db8:0:1::1',
            '::ffff:192.0.2.1',
            'esx.example.evil',
            'xesx.example',
            '',
            '192.0.2.1.evil',
        ):
            with self.subTest(host=host):
                self.assertNotIn(host, self.allowed)

    def test_nothing_is_listed(self) -> None:
        self.assertNotIn('127.0.0.1', targets.AllowedTargets([]))


class SameTest(base.TestCase):
    def test_spellings_of_one_address(self) -> None:
        self.assertTrue(targets.is_same('2001:db8::1', '2001:0db8:0::1'))
        self.assertTrue(targets.is_same('Host', 'host'))

    def test_others(self) -> None:
        self.assertFalse(targets.is_same('192.0.2.1', '192.0.2.10'))
        self.assertFalse(targets.is_same('host', '192.0.2.1'))
        self.assertFalse(targets.is_same('192.0.2.1', ''))
