# SPDX-License-Identifier: Apache-2.0
"""Who a request comes from, by what proxies in front say."""

from console_api.proxy import forwarded
from tests import base

_TRUST = forwarded.Trust(['10.0.0.0/8', 'fd00::/8'])
_PROXY = forwarded.Source('10.0.0.1', 40000)


def resolve(
    clients: str = '',
    source: forwarded.Source = _PROXY,
    schemes: str = '',
    hosts: str = '',
) -> tuple[forwarded.Source, str | None]:
    claims = forwarded.Claims(clients.split(), schemes.split(), hosts.split())
    return forwarded.resolve(source, claims, _TRUST)


class ClientTest(base.TestCase):
    def assertClient(self, host: str, clients: str, port: int = 0) -> None:
        found, _ = resolve(clients)
        self.assertEqual((host, port), (found.host, found.port))

    def test_client_of_a_trusted_proxy(self) -> None:
        self.assertClient('192.0.2.7', '192.0.2.7')

    def test_client_of_a_chain_is_the_rightmost_untrusted(self) -> None:
        self.assertClient('192.0.2.7', '6.6.6.6 192.0.2.7 10.9.9.9')

    def test_proxy_without_a_client_is_its_own(self) -> None:
        self.assertClient('10.0.0.1', '', 40000)

    def test_chain_of_trusted_proxies_alone_ends_at_the_first(self) -> None:
        self.assertClient('10.1.1.1', '10.1.1.1 10.2.2.2')

    def test_what_is_no_address_ends_the_chain(self) -> None:
        for text in ('unknown', '_hidden', '192.0.2.7.8', '1.2.3.4:x', '[::'):
            self.assertClient('10.2.2.2', f'192.0.2.7 {text} 10.2.2.2')

    def test_port_is_taken(self) -> None:
        self.assertClient('192.0.2.7', '192.0.2.7:1234', 1234)
        self.assertClient('2001:db8::7', '[2001:db8::7]:1234', 1234)

    def test_port_beyond_all_is_none(self) -> None:
        self.assertClient('192.0.2.7', '192.0.2.7:99999')

    def test_ipv6(self) -> None:
        self.assertClient('2001:db8::7', '2001:db8::7 fd00::1')

    def test_ipv4_within_ipv6_is_ipv4(self) -> None:
        self.assertClient('192.0.2.7', '192.0.2.7 ::ffff:10.0.0.9')

    def test_nobody_else_is_believed(self) -> None:
        stranger = forwarded.Source('192.0.2.1', 5, 'http')
        self.assertEqual(
            (stranger, None), resolve('1.1.1.1', stranger, 'https', 'evil')
        )


class SchemeAndHostTest(base.TestCase):
    def test_both_are_taken(self) -> None:
        found, host = resolve('192.0.2.7', schemes='https', hosts='console')
        self.assertEqual(('https', 'console'), (found.scheme, host))

    def test_both_stay_where_none_is_told(self) -> None:
        secure = forwarded.Source('10.0.0.1', 1, 'https')
        found, host = resolve('192.0.2.7', secure)
        self.assertEqual(('https', None), (found.scheme, host))

    def test_scheme_that_is_not_known_changes_nothing(self) -> None:
        self.assertEqual('http', resolve(schemes='gopher')[0].scheme)

    def test_websocket_is_what_its_page_is(self) -> None:
        self.assertEqual('https', resolve(schemes='WSS')[0].scheme)

    def test_proxies_that_add_are_followed_to_the_first(self) -> None:
        # The client has made up the first of each.
        found, host = resolve(
            '192.0.2.7 10.2.2.2',
            schemes='http https http',
            hosts='evil console inner',
        )
        self.assertEqual(('https', 'console'), (found.scheme, host))

    def test_proxies_that_set_it_anew_are_believed(self) -> None:
        _, host = resolve('192.0.2.7 10.2.2.2 10.3.3.3', hosts='console')
        self.assertEqual('console', host)


class TrustTest(base.TestCase):
    def test_unix_is_not_trusted_by_itself(self) -> None:
        self.assertFalse(_TRUST.covers(forwarded.UNIX))
        self.assertTrue(forwarded.Trust(['unix']).covers(forwarded.UNIX))

    def test_what_is_no_network_is_an_error(self) -> None:
        for entry in ('lb.example.com', '10.0.0.1/8', ''):
            with self.assertRaises(ValueError):
                forwarded.Trust([entry])

    def test_ipv4_client_of_an_ipv6_socket_is_ipv4(self) -> None:
        found = forwarded.of_socket(('::ffff:10.0.0.9', 7, 0, 0))
        self.assertEqual(('10.0.0.9', 7), (found.host, found.port))
