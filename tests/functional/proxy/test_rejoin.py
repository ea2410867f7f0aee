# SPDX-License-Identifier: Apache-2.0
"""The secret with which a client comes back to its console."""

import dataclasses
import logging
import time

from websockets import exceptions
from websockets.asyncio import client as ws_client

from console_api.consoles import tokens
from tests.functional.proxy import harness


class RejoinCase(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        await self.with_backend(harness.echo, 'serial')
        answers = self.authority.answers
        answers[harness.TOKEN] = dataclasses.replace(
            answers[harness.TOKEN], rejoin_until=int(time.time()) + 100
        )

    def cookie(self, ws: ws_client.ClientConnection) -> str:
        assert ws.response is not None
        return str(ws.response.headers['Set-Cookie'])


class RejoinTest(RejoinCase):
    async def test_client_gets_a_secret_that_is_offered_as_a_hash(
        self,
    ) -> None:
        async with self.connect() as ws:
            pair, *attributes = self.cookie(ws).split('; ')
        name, _, secret = pair.partition('=')
        digest = tokens.Token(harness.TOKEN).digest()
        self.assertEqual(f'console-session-{digest[:16]}', name)
        self.assertEqual(
            tokens.Token(secret).digest(), self.authority.keys[0].offered
        )
        self.assertIsNone(self.authority.keys[0].shown)
        age = attributes.pop(0)
        self.assertTrue(0 < int(age.removeprefix('Max-Age=')) <= 100, age)
        self.assertEqual(['HttpOnly', 'SameSite=Strict'], attributes)

    async def test_secret_that_is_shown_goes_on_as_a_hash(self) -> None:
        async with self.connect() as ws:
            pair = self.cookie(ws).partition(';')[0]
        headers = {'Cookie': f'a=b; {pair}; console-session-x=y'}
        async with self.connect(additional_headers=headers):
            pass
        first, second = self.authority.keys
        self.assertEqual(first.offered, second.shown)
        self.assertNotEqual(first.offered, second.offered)

    async def test_secrets_that_differ_are_none(self) -> None:
        async with self.connect() as ws:
            name = self.cookie(ws).partition('=')[0]
        headers = {'Cookie': f'{name}=a; {name}=b'}
        async with self.connect(additional_headers=headers):
            pass
        self.assertIsNone(self.authority.keys[1].shown)

    async def test_each_session_is_offered_another_one(self) -> None:
        for _ in range(10):
            async with self.connect():
                pass
        offered = {key.offered for key in self.authority.keys}
        self.assertEqual(10, len(offered))

    async def test_no_cookie_where_the_authority_gives_no_time(self) -> None:
        self.grant(1, 'serial')
        async with self.connect() as ws:
            assert ws.response is not None
            self.assertNotIn('Set-Cookie', ws.response.headers)

    async def test_refused_script_keeps_its_secret(self) -> None:
        async with self.connect() as ws:
            await ws.send(b'x')
            await harness.receive(ws, 1)
            with self.assertRaises(exceptions.InvalidStatus) as caught:
                await self.refusal(origin=None)
            response = caught.exception.response
            self.assertEqual(409, response.status_code)
            self.assertIn('Set-Cookie', response.headers)

    async def test_secret_is_in_no_log(self) -> None:
        logging.getLogger().setLevel(logging.DEBUG)
        with self.assertLogs(level='DEBUG') as logs:
            async with self.connect() as ws:
                pair = self.cookie(ws).partition(';')[0]
            headers = {'Cookie': pair}
            async with self.connect(additional_headers=headers) as ws:
                await ws.send(b'x')
                await harness.receive(ws, 1)
            await self.nothing_left()
        # The client of this test tells all that it sends.
        told = [
            record.getMessage()
            for record in logs.records
            if not record.name.startswith('websockets')
        ]
        self.assertNotEqual([], told)
        self.assertNotIn(pair.partition('=')[2], '\n'.join(told))


class SecureRejoinTest(RejoinCase):
    secure = True

    async def test_secret_that_came_over_tls_goes_over_nothing_else(
        self,
    ) -> None:
        async with self.connect() as ws:
            self.assertEqual('Secure', self.cookie(ws).split('; ')[-1])
