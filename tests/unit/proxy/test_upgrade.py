# SPDX-License-Identifier: Apache-2.0
"""The opening handshake of a WebSocket and the token in it."""

from console_api.proxy import request
from console_api.proxy import upgrade
from tests import base

KEY = 'dGhlIHNhbXBsZSBub25jZQ=='


def head(
    query: str = 'token=t0ken', method: str = 'GET', **changes: str | None
) -> request.Request:
    """A good request; a keyword changes a header, None leaves it out."""
    fields: dict[str, str | None] = {
        'host': 'proxy:6080',
        'upgrade': 'websocket',
        'connection': 'Upgrade',
        'sec-websocket-key': KEY,
        'sec-websocket-version': '13',
    }
    fields |= {
        name.replace('_', '-'): value for name, value in changes.items()
    }
    kept = tuple((k, v) for k, v in fields.items() if v is not None)
    return request.Request(method, '/', query, kept)


class HandshakeTest(base.TestCase):
    def assertRefused(self, status: int, **changes: str | None) -> None:
        with self.assertRaises(request.RequestError) as caught:
            upgrade.parse_upgrade(head(**changes))
        self.assertEqual(status, caught.exception.status)

    def test_accept_is_that_of_the_rfc(self) -> None:
        headers = dict(upgrade.parse_upgrade(head()).headers())
        self.assertEqual(
            's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', headers['Sec-WebSocket-Accept']
        )
        self.assertNotIn('Sec-WebSocket-Protocol', headers)

    def test_binary_is_chosen(self) -> None:
        wanted = head(sec_websocket_protocol='base64, binary')
        headers = dict(upgrade.parse_upgrade(wanted).headers())
        self.assertEqual('binary', headers['Sec-WebSocket-Protocol'])

    def test_extensions_are_not_taken(self) -> None:
        wanted = head(sec_websocket_extensions='permessage-deflate')
        headers = dict(upgrade.parse_upgrade(wanted).headers())
        self.assertNotIn('Sec-WebSocket-Extensions', headers)

    def test_base64_alone_is_refused(self) -> None:
        self.assertRefused(400, sec_websocket_protocol='base64')

    def test_words_of_headers_have_any_case(self) -> None:
        upgrade.parse_upgrade(head(connection='keep-alive, UPGRADE'))

    def test_connection_must_say_upgrade(self) -> None:
        self.assertRefused(400, connection='keep-alive')

    def test_other_versions_learn_ours(self) -> None:
        for version in (None, '8', '14', '13, 8'):
            with self.assertRaises(request.RequestError) as caught:
                upgrade.parse_upgrade(head(sec_websocket_version=version))
            self.assertEqual(426, caught.exception.status)
            self.assertIn(
                ('Sec-WebSocket-Version', '13'), caught.exception.headers
            )

    def test_bad_keys_are_refused(self) -> None:
        for key in (
            None,
            '',
            'x',
            'AAAA',
            KEY + '=',
            KEY + 'AAAA',
            '\xe9' * 24,
        ):
            self.assertRefused(400, sec_websocket_key=key)

    def test_other_methods_are_refused(self) -> None:
        self.assertRefused(400, method='POST')


class TokenTest(base.TestCase):
    def token(self, query: str, cookie: str | None = None) -> str | None:
        wanted = upgrade.parse_upgrade(head(query, cookie=cookie))
        return wanted.token.reveal() if wanted.token else None

    def test_query(self) -> None:
        self.assertEqual('a-B_9', self.token('token=a-B_9'))
        self.assertEqual('a', self.token('x=y&token=a&title=z'))

    def test_query_wins_over_the_cookie(self) -> None:
        wanted = upgrade.parse_upgrade(head('token=a', cookie='token=b'))
        assert wanted.token is not None
        self.assertEqual('a', wanted.token.reveal())
        self.assertFalse(wanted.from_cookie)

    def test_cookie(self) -> None:
        wanted = upgrade.parse_upgrade(head('', cookie='a=b; token=t; c=d'))
        assert wanted.token is not None
        self.assertEqual('t', wanted.token.reveal())
        self.assertTrue(wanted.from_cookie)

    def test_none(self) -> None:
        self.assertIsNone(self.token(''))
        self.assertIsNone(self.token('tokens=a', 'atoken=b'))

    def test_malformed_tokens_are_none(self) -> None:
        for text in ('', 'a%20b', '%00', 'a%0Ab', '%C3%A9', 'a/b', "a'", '*'):
            self.assertIsNone(self.token(f'token={text}'), text)

    def test_token_is_bounded(self) -> None:
        self.assertEqual('a' * 128, self.token('token=' + 'a' * 128))
        self.assertIsNone(self.token('token=' + 'a' * 129))

    def test_two_different_tokens_are_none(self) -> None:
        self.assertIsNone(self.token('token=a&token=b'))
        self.assertIsNone(self.token('', 'token=a; token=b'))

    def test_malformed_query_token_does_not_fall_to_the_cookie(self) -> None:
        self.assertIsNone(self.token('token=%00', 'token=b'))

    def test_query_of_many_fields_is_not_read(self) -> None:
        self.assertIsNone(self.token('token=a&' + 'x=y&' * 100))

    def test_token_is_not_shown(self) -> None:
        wanted = upgrade.parse_upgrade(head('token=s3cret'))
        self.assertNotIn('s3cret', repr(wanted))
        self.assertNotIn('s3cret', repr(head('token=s3cret')))
