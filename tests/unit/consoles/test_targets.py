# SPDX-License-Identifier: Apache-2.0
from console_api import exception
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

    def test_what_is_no_network_is_no_name_either(self) -> None:
        for entry in ('10.0.0.0/99', '10.0.0/24', 'edge/24', '2001:db8::/129'):
            with self.subTest(entry):
                self.assertRaises(
                    exception.ConfigurationError,
                    targets.AllowedTargets,
                    ['10.0.0.1', entry],
                )

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


class NearTest(base.TestCase):
    """Addresses that are the proxy's own, or nobody's."""

    NEAR = (
        *('127.0.0.1', '127.1', '127.255.255.254', '2130706433'),
        *('0x7f000001', '0177.0.0.1', '0', '0.0.0.0', '0.1.2.3'),
        *('169.254.169.254', '224.0.0.1', '239.1.1.1', '255.255.255.255'),
        *('::1', '::', '0:0:0:0:0:0:0:1', 'fe80::1', 'fe80::1%eth0'),
        *('febf::1', 'ff02::1', '::127.0.0.1', '::ffff:127.0.0.1'),
        *('::ffff:7f00:1', '::ffff:0:0', '::ffff:169.254.169.254'),
        *('2002:7f00:1::', '2002:a9fe:a9fe::1', '64:ff9b::127.0.0.1'),
        *('64:ff9b::a9fe:a9fe', '64:ff9b:1::7f00:1', '::ffff:224.0.0.1'),
        # Teredo: the server, and the client with its bits turned over.
        *('2001:0:7f00:1::1', '2001::80ff:fffe'),
        # ISATAP.
        *('2001:db8::5efe:7f00:1', '2001:db8::200:5efe:127.0.0.1'),
        *('localhost', 'LocalHost', 'localhost.', 'a.localhost'),
        *('localhost.localdomain', 'ip6-localhost', 'ip6-loopback'),
    )
    FAR = (
        *('10.0.0.31', '192.0.2.1', '126.255.255.255', '128.0.0.1'),
        *('169.253.0.1', '2001:db8::1', 'fd00::1', 'fec0::1', '::ffff:a00:1'),
        *('2002:a00:1::', '64:ff9b::10.0.0.1', 'hypervisor-1'),
        *('localhost-1', 'my.localhost.example', '127.0.0.1.example'),
        *('2001:db8::7f00:1', 'compute-1.example'),
    )

    def test_each_spelling_is_seen(self) -> None:
        for host in self.NEAR:
            with self.subTest(host):
                self.assertTrue(targets.is_near(host))

    def test_others_are_not(self) -> None:
        for host in self.FAR:
            with self.subTest(host):
                self.assertFalse(targets.is_near(host))

    def test_registered_ones_count_for_nothing(self) -> None:
        for host in self.NEAR:
            with self.subTest(host):
                self.assertFalse(targets.is_registered(host, [host]))
        for host in self.FAR:
            self.assertTrue(targets.is_registered(host, ['x', host]))
            self.assertFalse(targets.is_registered(host, []))

    def test_they_are_in_no_network_that_has_others(self) -> None:
        allowed = targets.AllowedTargets(['0.0.0.0/0', '::/0', '126.0.0.0/7'])
        for host in self.NEAR:
            with self.subTest(host):
                self.assertNotIn(host, allowed)
        self.assertIn('10.0.0.31', allowed)
        self.assertIn('2001:db8::1', allowed)

    def test_operator_may_mean_them(self) -> None:
        allowed = targets.AllowedTargets(
            ['127.0.0.0/8', '::1', 'fe80::/64', 'localhost', '::ffff:7f00:1']
        )
        for host in (
            *('127.0.0.1', '127.1', '::1', 'fe80::1', 'localhost'),
            '::ffff:127.0.0.1',
        ):
            self.assertIn(host, allowed)
        for host in ('169.254.169.254', '::', '::ffff:127.0.0.2'):
            self.assertNotIn(host, allowed)


class BoundaryTest(base.TestCase):
    def test_nothing_is_listed(self) -> None:
        boundary = targets.Boundary()
        self.assertTrue(boundary.permits('192.0.2.1', '192.0.2.1'))
        self.assertTrue(boundary.permits('name', '192.0.2.1'))
        # The authority has said so itself.
        self.assertTrue(boundary.permits('127.0.0.1', '127.0.0.1'))
        for address in ('127.0.0.1', '::ffff:127.0.0.1', 'fe80::1%2'):
            self.assertFalse(boundary.permits('name', address))

    def test_names_lead_to_what_is_allowed(self) -> None:
        allowed = targets.AllowedTargets(['127.0.0.0/8'])
        boundary = targets.Boundary(allowed=allowed)
        self.assertTrue(boundary.permits('name', '127.0.1.1'))
        self.assertFalse(boundary.permits('name', '::1'))

    def test_what_is_listed(self) -> None:
        listed = targets.AllowedTargets(['192.0.2.0/24', 'name'])
        for allowed in ([], ['127.0.0.1', '198.51.100.0/24']):
            boundary = targets.Boundary(
                listed, targets.AllowedTargets(allowed)
            )
            for host, address, permitted in (
                ('192.0.2.1', '192.0.2.1', True),
                ('other', '192.0.2.1', True),
                ('name', '198.51.100.1', True),
                ('NAME', '198.51.100.1', True),
                ('other', '198.51.100.1', False),
                ('198.51.100.1', '198.51.100.1', False),
                ('127.0.0.1', '127.0.0.1', False),
            ):
                with self.subTest(host, address=address):
                    self.assertEqual(
                        permitted, boundary.permits(host, address)
                    )
