# SPDX-License-Identifier: Apache-2.0
"""Requests for a WebSocket that are read without h11."""

from console_api.proxy import head
from tests import base

USUAL = (
    b'GET /lite?token=t0ken HTTP/1.1\r\nHost: proxy:6080\r\n'
    b'Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n'
    b'Origin: \t https://a.example \r\n\r\n'
)


class HeadTest(base.TestCase):
    def assertLeft(self, old: bytes, new: bytes) -> None:
        changed = USUAL.replace(old, new)
        self.assertNotEqual(USUAL, changed)
        self.assertIsNone(head.parse(changed))

    def test_usual_request_is_read(self) -> None:
        found = head.parse(USUAL + b'frames')
        self.assertEqual(
            head.Head(
                '/lite?token=t0ken',
                (
                    ('host', 'proxy:6080'),
                    ('upgrade', 'websocket'),
                    ('connection', 'keep-alive, Upgrade'),
                    ('origin', 'https://a.example'),
                ),
                len(USUAL),
            ),
            found,
        )

    def test_what_was_sent_is_not_in_the_repr(self) -> None:
        self.assertNotIn('t0ken', repr(head.parse(USUAL)))

    def test_part_of_a_request_is_left(self) -> None:
        for end in range(len(USUAL)):
            self.assertIsNone(head.parse(USUAL[:end]))

    def test_page_is_left(self) -> None:
        self.assertLeft(b'Upgrade: websocket\r\n', b'')

    def test_other_method_is_left(self) -> None:
        self.assertLeft(b'GET', b'POST')

    def test_other_version_is_left(self) -> None:
        self.assertLeft(b'HTTP/1.1', b'HTTP/1.0')

    def test_target_that_is_no_path_is_left(self) -> None:
        self.assertLeft(b'/lite', b'http://proxy/lite')

    def test_target_that_is_not_ascii_is_left(self) -> None:
        self.assertLeft(b'/lite', b'/\xe9')

    def test_request_without_a_host_is_left(self) -> None:
        self.assertLeft(b'Host', b'Hose')

    def test_second_host_is_left(self) -> None:
        self.assertLeft(b'Origin', b'hOST')

    def test_folded_line_is_left(self) -> None:
        self.assertLeft(b', Upgrade', b',\r\n Upgrade')

    def test_bare_line_feed_is_left(self) -> None:
        self.assertLeft(b', Upgrade', b',\nUpgrade')

    def test_control_character_is_left(self) -> None:
        self.assertLeft(b', Upgrade', b',\x00Upgrade')

    def test_space_before_the_colon_is_left(self) -> None:
        self.assertLeft(b'Origin:', b'Origin :')

    def test_body_is_left(self) -> None:
        self.assertLeft(b'Origin', b'Content-Length')
        self.assertLeft(b'Origin', b'TRANSFER-ENCODING')

    def test_expectation_is_left(self) -> None:
        self.assertLeft(b'Origin', b'Expect')
