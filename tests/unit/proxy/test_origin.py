# SPDX-License-Identifier: Apache-2.0
"""Which pages may open a console (CVE-2015-0259 and what came after it)."""

from console_api.proxy import origin
from tests import base

OWN = origin.Origin('http', 'proxy.example.com', 6080)
OWN_TEXT = 'http://proxy.example.com:6080'


class OwnOriginTest(base.TestCase):
    def check(self, header: str) -> bool:
        return origin.is_allowed(header, OWN, frozenset())

    def test_own_page_is_allowed(self) -> None:
        self.assertTrue(self.check(OWN_TEXT))
        self.assertTrue(self.check('HTTP://Proxy.Example.COM:6080'))

    def test_other_host_is_refused(self) -> None:
        self.assertFalse(self.check('http://other.example.com:6080'))

    def test_other_port_is_refused(self) -> None:
        self.assertFalse(self.check('http://proxy.example.com:6081'))
        self.assertFalse(self.check('http://proxy.example.com'))

    def test_other_scheme_is_refused(self) -> None:
        for scheme in ('https', 'ftp', 'file', 'ws', 'wss', 'javascript'):
            self.assertFalse(self.check(f'{scheme}://proxy.example.com:6080'))

    def test_websocket_addresses_are_no_origins(self) -> None:
        for text in ('ws://h', 'wss://h', 'ws://h:80'):
            self.assertIsNone(origin.parse(text))

    def test_null_is_refused(self) -> None:
        self.assertFalse(self.check('null'))
        self.assertFalse(self.check(''))

    def test_host_with_more_behind_it_is_refused(self) -> None:
        for host in (
            'proxy.example.com.evil.com',
            'proxy.example.com:6080.evil.com',
            'proxy.example.com@evil.com',
            'proxy.example.com:6080@evil.com',
        ):
            self.assertFalse(self.check(f'http://{host}'))
            self.assertFalse(self.check(f'http://{host}:6080'))

    def test_host_with_more_before_it_is_refused(self) -> None:
        for host in ('evil-proxy.example.com', 'evil.proxy.example.com'):
            self.assertFalse(self.check(f'http://{host}:6080'))

    def test_decorated_origin_is_refused(self) -> None:
        for text in (
            OWN_TEXT + '/',
            OWN_TEXT + '/path',
            OWN_TEXT + '?',
            OWN_TEXT + '#x',
            ' ' + OWN_TEXT,
            OWN_TEXT + ' ',
            OWN_TEXT + '\n',
            OWN_TEXT + ', http://evil.com',
            OWN_TEXT + ' http://evil.com',
            'http://user@proxy.example.com:6080',
            'http:/proxy.example.com:6080',
            'http://proxy.example.com:06080000',
            'http://proxy.example.com:\u0666\u0660\u0668\u0660',
        ):
            self.assertFalse(self.check(text), text)

    def test_ports_out_of_range_are_refused(self) -> None:
        for port in ('0', '65536', '99999'):
            self.assertIsNone(origin.parse(f'http://proxy.example.com:{port}'))

    def test_nothing_is_its_own_origin_without_a_host(self) -> None:
        self.assertFalse(origin.is_allowed(OWN_TEXT, None, frozenset()))
        self.assertFalse(origin.is_allowed('null', None, frozenset()))


class HostTest(base.TestCase):
    def test_port_of_the_scheme_is_meant_where_none_is(self) -> None:
        self.assertEqual(
            origin.Origin('http', 'h', 80), origin.of_host('http', 'h')
        )
        self.assertEqual(
            origin.Origin('https', 'h', 443), origin.of_host('https', 'h')
        )

    def test_ipv6(self) -> None:
        self.assertEqual(
            origin.parse('http://[::1]:6080'),
            origin.of_host('http', '[::1]:6080'),
        )

    def test_garbage_is_no_host(self) -> None:
        for host in ('', 'a b', 'a/b', 'a:b', 'a:1:2', '[::1', 'a,b', 'a@b'):
            self.assertIsNone(origin.of_host('http', host), host)


class UrlTest(base.TestCase):
    def test_page(self) -> None:
        self.assertEqual(
            origin.Origin('https', 'c.example.com', 443),
            origin.of_url('https://c.example.com/vnc_auto.html?a=b'),
        )

    def test_websocket_address_belongs_to_the_page_beside_it(self) -> None:
        self.assertEqual(
            origin.Origin('http', 'h', 6083), origin.of_url('ws://h:6083/')
        )
        self.assertEqual(
            origin.Origin('https', 'h', 443), origin.of_url('wss://h')
        )

    def test_other_addresses_have_none(self) -> None:
        for url in ('', 'ftp://h/', 'h:80', 'http://h:80@evil/', 'http://'):
            self.assertIsNone(origin.of_url(url), url)


class AllowedTest(base.TestCase):
    def check(self, header: str, *entries: str) -> bool:
        return origin.is_allowed(header, OWN, origin.parse_allowed(entries))

    def test_listed_origin_is_allowed(self) -> None:
        self.assertTrue(
            self.check('https://dash.example.com', 'https://dash.example.com')
        )

    def test_listed_origin_is_one_scheme_and_port(self) -> None:
        for other in ('http://dash', 'https://dash:8443', 'https://dash2'):
            self.assertFalse(self.check(other, 'https://dash'))

    def test_host_alone_is_both_schemes(self) -> None:
        self.assertTrue(self.check('https://dash', 'dash'))
        self.assertTrue(self.check('http://dash', 'dash'))
        self.assertFalse(self.check('https://dash:8443', 'dash'))

    def test_host_and_port_is_both_schemes_there(self) -> None:
        self.assertTrue(self.check('https://dash:8443', 'dash:8443'))
        self.assertFalse(self.check('https://dash', 'dash:8443'))

    def test_what_is_no_origin_is_an_error(self) -> None:
        for entry in ('*', 'https://dash/path', 'a b', ''):
            self.assertRaises(ValueError, origin.parse_allowed, [entry])

    def test_text_is_what_a_browser_sends(self) -> None:
        for text in ('https://dash', 'http://dash:8080', 'https://[::1]:1'):
            self.assertEqual(text, str(origin.parse(text)))
        self.assertEqual('https://dash', str(origin.parse('https://dash:443')))

    def test_a_thousand_requests_change_nothing(self) -> None:
        # bug 2158919: the Host of a request became an allowed origin.
        allowed = origin.parse_allowed(['https://dash'])
        before = set(allowed)
        for number in range(1000):
            host = f'evil{number}.example.com'
            own = origin.of_host('http', host)
            self.assertTrue(origin.is_allowed(f'http://{host}', own, allowed))
            self.assertFalse(origin.is_allowed(f'http://{host}', OWN, allowed))
        self.assertEqual(before, set(allowed))
