# SPDX-License-Identifier: Apache-2.0
"""Any bytes at all as a PROXY header, and as what proxies in front say."""

import ipaddress
import unittest

from hypothesis import given
from hypothesis import strategies as st

from console_api.proxy import forwarded
from console_api.proxy import proxyprotocol

_START = b'\r\n\r\n\x00\r\nQUIT\n'
_BODIES = st.binary(max_size=600)
_HEADERS = st.builds(
    lambda command, family, length, body: (
        _START
        + bytes([command, family])
        + (len(body) if length is None else length).to_bytes(2, 'big')
        + body
    ),
    st.sampled_from([0x20, 0x21]) | st.integers(0, 255),
    st.sampled_from([0x00, 0x11, 0x21, 0x31]) | st.integers(0, 255),
    st.none() | st.integers(0, 65535),
    _BODIES,
)
_WORDS = st.lists(
    st.ip_addresses().map(str)
    | st.sampled_from(['10.0.0.1', '10.2.3.4:80', '[fd00::1]:9', 'unknown'])
    | st.text(max_size=50),
    max_size=6,
)
_TRUST = forwarded.Trust(['10.0.0.0/8', 'fd00::/8'])


class ProxyProtocolTest(unittest.TestCase):
    @given(_HEADERS | _BODIES, st.integers(1, 700))
    def test_any_bytes_are_a_state(self, data: bytes, cut: int) -> None:
        whole, pieces = proxyprotocol.Parser(), proxyprotocol.Parser()
        whole.receive(data)
        pieces.receive(data[:cut])
        pieces.receive(data[cut:])
        self.assertEqual(
            (whole.header, whole.violation), (pieces.header, pieces.violation)
        )
        self.assertFalse(whole.header and whole.violation)
        if whole.header is not None:
            self.assertTrue(data.endswith(whole.rest))
            self.assertEqual(whole.rest, pieces.rest)
            if whole.header.host is not None:
                ipaddress.ip_address(whole.header.host)
        elif whole.violation is None:
            self.assertLess(len(data), 16 + proxyprotocol.MAX_LENGTH)


class ForwardedTest(unittest.TestCase):
    @given(_WORDS, _WORDS, _WORDS)
    def test_any_claims_give_an_address(
        self, clients: list[str], schemes: list[str], hosts: list[str]
    ) -> None:
        claims = forwarded.Claims(clients, schemes, hosts)
        source = forwarded.Source('10.0.0.1', 7)
        found, host = forwarded.resolve(source, claims, _TRUST)
        ipaddress.ip_address(found.host)
        self.assertIn(found.scheme, ('http', 'https'))
        self.assertIn(host, [None, *hosts])
