# SPDX-License-Identifier: Apache-2.0
from console_api import exception
from console_api.api import microversion
from tests import base


class VersionTest(base.TestCase):
    def test_parses_and_prints(self) -> None:
        version = microversion.Version.parse('2.104')
        self.assertEqual(microversion.Version(2, 104), version)
        self.assertEqual('2.104', str(version))

    def test_compares_by_number(self) -> None:
        parse = microversion.Version.parse
        self.assertLess(parse('2.9'), parse('2.10'))
        self.assertLess(parse('2.99'), parse('3.0'))

    def test_refuses_what_is_no_version(self) -> None:
        for text in (
            '',
            '2',
            '2.',
            '.1',
            '2.01',
            '02.1',
            '2.1.3',
            '-1',
            '+2.1',
            'v2.6',
            '2.6 ',
            '2.6\n',
            '٢.٦',
            '2.' + '9' * 30,
        ):
            with self.subTest(text=text):
                self.assertRaises(
                    exception.InvalidVersionString,
                    microversion.Version.parse,
                    text,
                )


class CheckServedTest(base.TestCase):
    def test_ends_are_served(self) -> None:
        microversion.check_served(microversion.Version(2, 1))
        microversion.check_served(microversion.Version(2, 104))

    def test_others_are_named(self) -> None:
        for version in ((2, 0), (1, 1), (3, 0), (2, 105)):
            with self.subTest(version=version):
                self.assertRaises(
                    exception.VersionNotSupported,
                    microversion.check_served,
                    microversion.Version(*version),
                )
