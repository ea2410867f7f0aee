# SPDX-License-Identifier: Apache-2.0
"""PROXY headers, as proxy-protocol.txt of HAProxy describes them."""

import ipaddress

from console_api.proxy import proxyprotocol
from tests import base

_START = b'\r\n\r\n\x00\r\nQUIT\n'


def header(body: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    return (
        _START + bytes([command, family]) + len(body).to_bytes(2, 'big') + body
    )


def addresses(host: str = '192.0.2.7', port: int = 1234) -> bytes:
    """From there, to this proxy."""
    one = ipaddress.ip_address(host).packed
    return one + bytes(len(one)) + port.to_bytes(2, 'big') + b'\x17\xc0'


def field(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, 'big') + value


class ParserTest(base.TestCase):
    def parse(self, data: bytes) -> proxyprotocol.Parser:
        """The same at once and byte by byte."""
        parser, slow = proxyprotocol.Parser(), proxyprotocol.Parser()
        parser.receive(data)
        for number in range(len(data)):
            slow.receive(data[number : number + 1])
        self.assertEqual(
            (parser.header, parser.violation), (slow.header, slow.violation)
        )
        return parser

    def assertViolation(self, words: str, data: bytes) -> None:
        parser = self.parse(data)
        self.assertIsNone(parser.header)
        self.assertIn(words, parser.violation or '')

    def test_ipv4(self) -> None:
        found = self.parse(header(addresses()) + b'GET /')
        self.assertEqual(proxyprotocol.Header('192.0.2.7', 1234), found.header)
        self.assertEqual(b'GET /', found.rest)

    def test_ipv6(self) -> None:
        data = header(addresses('2001:db8::7', 443), family=0x21)
        self.assertEqual(
            proxyprotocol.Header('2001:db8::7', 443), self.parse(data).header
        )

    def test_ipv4_within_ipv6_is_ipv4(self) -> None:
        data = header(addresses('::ffff:192.0.2.7', 443), family=0x21)
        self.assertEqual(
            proxyprotocol.Header('192.0.2.7', 443), self.parse(data).header
        )

    def test_health_check_of_the_proxy_itself(self) -> None:
        for body in (b'', addresses(), b'\xff' * 100):
            found = self.parse(header(body, command=0x20)).header
            self.assertEqual(proxyprotocol.Header(), found)

    def test_other_families_name_no_address(self) -> None:
        for family in (0x00, 0x12, 0x31, 0xFF):
            found = self.parse(header(bytes(216), family=family)).header
            self.assertEqual(proxyprotocol.Header(), found)

    def test_client_that_came_by_tls(self) -> None:
        for flags, secure in ((0x01, True), (0x07, True), (0x06, False)):
            ssl = field(0x20, bytes([flags]) + bytes(4) + field(0x21, b'v'))
            data = header(addresses() + field(0x01, b'h2') + ssl)
            found = self.parse(data).header
            assert found is not None
            self.assertEqual(secure, found.secure)

    def test_nothing_before_the_end_of_the_header(self) -> None:
        data = header(addresses())
        for size in range(len(data)):
            parser = self.parse(data[:size])
            self.assertEqual((None, None), (parser.header, parser.violation))

    def test_request_without_a_header(self) -> None:
        for data in (b'G', b'GET / HTTP/1.1\r\n', b'PROXY TCP4 1.1.1.1 '):
            self.assertViolation('no PROXY header', data)

    def test_other_versions_and_commands(self) -> None:
        for command in (0x11, 0x31, 0x22, 0x2F):
            self.assertViolation('command', header(b'', command=command))

    def test_length_beyond_reason_is_not_waited_for(self) -> None:
        self.assertViolation('too long', _START + b'\x21\x11\xff\xff')

    def test_header_without_room_for_its_addresses(self) -> None:
        self.assertViolation('too short', header(addresses()[:-1]))

    def test_fields_that_are_cut_off(self) -> None:
        for more in (b'\x20', b'\x20\x00', b'\x20\x00\x05\x01'):
            self.assertViolation('cut off', header(addresses() + more))
