# SPDX-License-Identifier: Apache-2.0
import hashlib
import re

from console_api.consoles import tokens
from tests import base


class TokenTest(base.TestCase):
    def test_is_not_shown(self) -> None:
        token = tokens.Token('hidden')
        for shown in (repr(token), str(token), f'{token}', f'{[token]}'):
            self.assertNotIn('hidden', shown)

    def test_is_revealed_on_demand(self) -> None:
        self.assertEqual('hidden', tokens.Token('hidden').reveal())

    def test_needs_no_quoting_in_a_url_or_a_command(self) -> None:
        # One that begins with a dash is an option to a command.
        for _ in range(1000):
            token = tokens.Token.new().reveal()
            self.assertTrue(re.fullmatch('[0-9a-f]{64}', token), token)

    def test_is_never_made_twice(self) -> None:
        made = {tokens.Token.new().reveal() for _ in range(1000)}
        self.assertEqual(1000, len(made))

    def test_digest_is_sha_256(self) -> None:
        self.assertEqual(
            hashlib.sha256(b'hidden').hexdigest(),
            tokens.Token('hidden').digest(),
        )

    def test_digest_of_half_a_character(self) -> None:
        self.assertEqual(64, len(tokens.Token('\ud800').digest()))
