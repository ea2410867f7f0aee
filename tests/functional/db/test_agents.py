# SPDX-License-Identifier: Apache-2.0
"""A host is known by the key of the agent that was let in."""

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
    key_hash=_FIRST,
)


class HostKeyTest(base.DatabaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        with self.database.writer() as connection:
            agents.add(connection, _AGENT)

    def _stored(self) -> agents.AgentRecord | None:
        with self.database.reader() as connection:
            return agents.get(connection, 'here')

    def test_report_leaves_the_key(self) -> None:
        changed = dataclasses.replace(_AGENT, servers=2, key_hash=_OTHER)
        with self.database.writer() as connection:
            agents.update(connection, changed)
        self.assertEqual(
            dataclasses.replace(_AGENT, servers=2), self._stored()
        )

    def test_claim_with_another_key_has_no_effect(self) -> None:
        claim = dataclasses.replace(_AGENT, instance='second', key_hash=_OTHER)
        with self.database.writer() as connection:
            self.assertFalse(agents.claim(connection, claim, 'first'))
        claim = dataclasses.replace(claim, key_hash=_FIRST)
        with self.database.writer() as connection:
            self.assertTrue(agents.claim(connection, claim, 'first'))

    def test_enrolment_changes_whose_the_host_is(self) -> None:
        other = dataclasses.replace(
            _AGENT,
            instance='other',
            process='process 7',
            key_hash=_OTHER,
            addresses='10.0.0.2',
        )
        counted = dataclasses.replace(other, servers=9, reported_at=9)
        with self.database.writer() as connection:
            agents.rebind(connection, counted)
        self.assertEqual(other, self._stored())

    def test_host_that_was_forgotten_meanwhile_begins_anew(self) -> None:
        gone = dataclasses.replace(_AGENT, host='nowhere')
        with self.database.writer() as connection:
            self.assertRaises(
                db_exception.RetryRequest, agents.rebind, connection, gone
            )


load_tests = base.only(HostKeyTest)
