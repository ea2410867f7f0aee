# SPDX-License-Identifier: Apache-2.0
"""A host keeps the first key that came for it, whoever writes beside."""

import dataclasses

from oslo_db import exception as db_exception

from console_api.db import agents
from tests.functional.db import base

_FIRST, _OTHER = 'a' * 64, 'b' * 64
_AGENT = agents.AgentRecord(
    host='here',
    instance='first',
    release='1.0.0',
    rpc_version='1.2',
    addresses='10.0.0.1',
    servers=1,
    reported_at=7,
)


class HostKeyTest(base.DatabaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        with self.database.writer() as connection:
            agents.add(connection, _AGENT)

    def _add_key(self) -> None:
        with self.database.writer() as connection:
            agents.add_key(connection, 'here', _FIRST)

    def _stored(self) -> agents.AgentRecord | None:
        with self.database.reader() as connection:
            return agents.get(connection, 'here')

    def test_second_key_begins_anew(self) -> None:
        self._add_key()
        with self.database.writer() as connection:
            for host in ('here', 'nowhere'):
                self.assertRaises(
                    db_exception.RetryRequest,
                    *(agents.add_key, connection, host, _OTHER),
                )
        self.assertEqual(
            dataclasses.replace(_AGENT, key_hash=_FIRST), self._stored()
        )

    def test_report_that_read_no_key_leaves_it(self) -> None:
        self._add_key()
        with self.database.writer() as connection:
            agents.update(connection, dataclasses.replace(_AGENT, servers=2))
        self.assertEqual(
            dataclasses.replace(_AGENT, servers=2, key_hash=_FIRST),
            self._stored(),
        )

    def test_claim_that_read_another_key_has_no_effect(self) -> None:
        self._add_key()
        for key in (None, _OTHER):
            claim = dataclasses.replace(
                _AGENT, instance='second', key_hash=key
            )
            with self.database.writer() as connection:
                self.assertFalse(agents.claim(connection, claim, 'first'))
        claim = dataclasses.replace(claim, key_hash=_FIRST)
        with self.database.writer() as connection:
            self.assertTrue(agents.claim(connection, claim, 'first'))


load_tests = base.only(HostKeyTest)
