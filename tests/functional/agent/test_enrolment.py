# SPDX-License-Identifier: Apache-2.0
"""No host has an agent that the operator has not let in."""

import logging
import os
import pathlib
import uuid

import fixtures
from oslo_utils import fixture as utils_fixture
from oslo_utils import timeutils
import sqlalchemy as sa

from console_api import exception
from console_api.agent import enrolment
from console_api.agent import process
from console_api.consoles import types
from console_api.db import enrolments as db_enrolments
from console_api.db import models
from console_api.servers import enrolment as issued
from console_api.virt import driver as virt_driver
from tests import base
from tests.fixtures import service
from tests.functional.agent import test_hostkeys
from tests.functional.agent import test_inventory

_ONE = test_inventory.ONE
_MINE = types.Secret('M' * 43)
_WRONG = types.Secret('w' * 32)
_GUEST = virt_driver.Guest(str(uuid.UUID(int=7)), 'mine', service.PROJECT, 'u')


class _TestCase(test_hostkeys._KeyTestCase):
    """One whom nobody has let in has this key, and all of the bus."""

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.api = self.conductor(_MINE)

    def enrol(self, host: str = 'ghost', seconds: int = 60) -> types.Secret:
        return issued.issue(self.service.database, host, seconds)

    def words(self) -> list[db_enrolments.EnrolmentRecord]:
        with self.service.database.reader() as connection:
            return db_enrolments.every(connection)

    def join(
        self, word: types.Secret | None, host: str = 'ghost', **values: object
    ) -> None:
        self.api.report_agent(
            self.context, host, self.facts(), word=word, **values
        )

    def refused(self, word: types.Secret | None, why: str) -> None:
        """Neither way of coming is open with this word."""
        for come in (
            lambda: self.join(word),
            lambda: self.api.claim_host(
                self.context, 'ghost', self.facts(), None, word
            ),
        ):
            error = self.assertRaises(exception.HostNotEnrolled, come)
            self.assertIn(why, str(error))
            self.assertIn('console-api-manage agent enrol ghost', str(error))
        self.assertIsNone(self.stored('ghost'))
        self.assertIn(why, self.log.output)


class StrangerTest(_TestCase):
    def test_nothing_is_said_of_a_host_that_nobody_let_in(self) -> None:
        api = self.api
        with self.service.database.reader() as connection:
            servers = connection.scalar(
                sa.select(sa.func.count()).select_from(models.servers)
            )
        calls = {
            'servers': (api.report_servers, [_GUEST]),
            'none': (api.report_servers, []),
            'changes': (api.report_changes, [_GUEST], [], []),
            'gone': (api.report_changes, [], [_ONE], []),
            'ended': (api.report_changes, [], [], [_ONE]),
            'agent': (api.report_agent, self.facts()),
            'held': (api.report_agent, self.facts(), True),
            'first': (api.claim_host, self.facts(), None),
            'claim': (api.claim_host, self.facts(), self.reporter.instance),
            'refuse': (api.refuse_agent, 'process 7'),
        }
        good = self.token()
        for host in ('ghost', 'here.ghost', 'HERE'):
            for name, (call, *arguments) in calls.items():
                with self.subTest(name, host=host):
                    self.assertRaises(
                        exception.HostNotEnrolled,
                        *(call, self.context, host, *arguments),
                    )
            self.assertIsNone(self.stored(host))
            self.assertIsNone(api.get_holder(self.context, host))
        with self.service.database.reader() as connection:
            self.assertEqual(
                servers,
                connection.scalar(
                    sa.select(sa.func.count()).select_from(models.servers)
                ),
            )
        self.service.conductor.broker.grant(self.context, good.digest())

    def test_host_that_was_let_in_says_nothing_until_it_comes(self) -> None:
        word = self.enrol()
        self.assertRaises(
            exception.HostNotEnrolled,
            *(self.api.report_servers, self.context, 'ghost', [_GUEST]),
        )
        self.join(word)
        self.api.report_servers(self.context, 'ghost', [_GUEST])
        self.assertEqual(['mine'], [s.name for s in self.servers('ghost')])

    def test_agent_without_a_key_is_not_let_in_by_its_word(self) -> None:
        word = self.enrol()
        client = self.conductor(None)._client.prepare(version='1.7')
        for call in ('report_agent', 'claim_host'):
            more = {'holder': None} if call == 'claim_host' else {}
            self.assertRaises(
                exception.HostNotEnrolled,
                client.call,
                self.context,
                call,
                host='ghost',
                agent=vars(self.facts()),
                word=word.reveal(),
                **more,
            )
        self.assertIsNone(self.stored('ghost'))
        self.assertEqual(1, len(self.words()))


class WordTest(_TestCase):
    def test_agent_comes_with_the_word_of_its_host(self) -> None:
        for host, come in {
            'one': lambda word: self.join(word, 'one'),
            'two': lambda word: self.api.claim_host(
                self.context, 'two', self.facts(), None, word
            ),
        }.items():
            come(self.enrol(host))
            stored = self.stored(host)
            assert stored is not None
            self.assertEqual(self.facts().instance, stored.instance)
            self.assertEqual([], self.words())
            # From now on the key is enough.
            self.api.report_servers(self.context, host, [])
            self.join(None, host, held=True)

    def test_no_word(self) -> None:
        self.enrol()
        self.refused(None, 'its agent has no word')

    def test_wrong_word(self) -> None:
        self.enrol()
        self.refused(_WRONG, 'is wrong, was used or has expired')
        self.assertEqual(1, len(self.words()))

    def test_word_of_another_host(self) -> None:
        self.refused(self.enrol('other'), 'is wrong')
        self.assertEqual(['other'], [word.host for word in self.words()])

    def test_word_that_has_expired(self) -> None:
        word = self.enrol(seconds=60)
        clock = self.useFixture(utils_fixture.TimeFixture(timeutils.utcnow()))
        clock.advance_time_seconds(60)
        self.refused(word, 'has expired')

    def test_word_is_good_once(self) -> None:
        word = self.enrol()
        self.join(word)
        other = self.conductor(types.Secret('O' * 43))
        error = self.assertRaises(
            exception.HostNotEnrolled,
            lambda: other.report_agent(
                self.context, 'ghost', self.facts(2), word=word
            ),
        )
        self.assertIn('was used', str(error))
        stored = self.stored('ghost')
        assert stored is not None
        self.assertEqual(self.facts().instance, stored.instance)

    def test_answer_that_was_lost_is_asked_for_again(self) -> None:
        word = self.enrol()
        self.join(word)
        self.join(word)
        self.api.claim_host(
            self.context, 'ghost', self.facts(), self.facts().instance, word
        )

    def test_forgotten_host_needs_another_word(self) -> None:
        word = self.enrol()
        self.join(word)
        self.forget('ghost')
        self.refused(word, 'was used')

    def test_word_gives_a_known_host_another_key_and_addresses(self) -> None:
        self.join(self.enrol())
        self.service.conf.set_override(
            'server_proxyclient_address', '192.0.2.1', group='vnc'
        )
        other = self.conductor(types.Secret('O' * 43))
        other.claim_host(
            self.context,
            'ghost',
            self.facts(2),
            self.facts().instance,
            self.enrol(),
        )
        stored = self.stored('ghost')
        assert stored is not None
        self.assertIn('192.0.2.1', stored.addresses)
        self.assertRaises(
            exception.HostKeyRefused,
            *(self.api.report_servers, self.context, 'ghost', []),
        )
        other.report_servers(self.context, 'ghost', [])

    def test_what_is_no_word_is_refused(self) -> None:
        self.enrol()
        client = self.api._client.prepare(version='1.7')
        for word in ('', 'w' * 31, 'w' * 33, 7, ['w' * 32], 'ö' * 32):
            with self.subTest(word=word):
                self.assertRaises(
                    exception.BadRequest,
                    client.call,
                    self.context,
                    'report_agent',
                    host='ghost',
                    agent=vars(self.facts()),
                    key=_MINE.reveal(),
                    word=word,
                )


class WordFileTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.path = folder / 'word'

    def read(self) -> str | None:
        found = enrolment.word(str(self.path))
        return None if found is None else found.reveal()

    def test_file_as_a_shell_writes_it(self) -> None:
        for text in ('{}', '{}\n', ' {}\r\n'):
            self.path.write_bytes(text.format('w' * 32).encode())
            self.assertEqual('w' * 32, self.read())
        # As secrets are put into containers.
        link = self.path.with_name('link')
        link.symlink_to(self.path)
        self.path = link
        self.assertEqual('w' * 32, self.read())

    def test_no_file_is_no_word_and_no_fault(self) -> None:
        self.assertIsNone(self.read())
        self.assertEqual('', self.log.output)

    def test_what_holds_no_word_is_told_of(self) -> None:
        for text in ('', 'w' * 31, 'w' * 33, 'ö' * 32, f'{"w" * 32}\nx'):
            self.path.write_text(text)
            self.assertIsNone(self.read())
            self.assertIn(f'{self.path} holds no word', self.log.output)

    def test_what_cannot_be_read_does_not_hold_up_the_agent(self) -> None:
        os.mkfifo(self.path)
        self.assertIsNone(self.read())
        self.path.unlink()
        self.path.mkdir()
        self.assertIsNone(self.read())
        self.assertIn('word', self.log.output)


class WaitingAgentTest(_TestCase):
    """An agent that starts before its host was let in."""

    def setUp(self) -> None:
        super().setUp()
        self.service.word_file.unlink()
        conf = self.service.conf
        conf.set_override('host', 'there')
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.agent.inventory._FIRST_RETRY', 0.01
            )
        )
        driver = test_inventory.Hypervisor(conf)
        driver.servers = {_GUEST.id: _GUEST}
        self.agent = process.Agent(conf, driver)
        self.addCleanup(self.agent.stop)
        self.agent.check_alone()
        self.agent.start()
        self.wait_for(lambda: self.tries() > 2)

    def tries(self) -> int:
        return self.log.output.count('The report of the servers on there')

    def test_it_says_what_to_do_and_goes_on_trying(self) -> None:
        self.assertIn('Host there is not enrolled', self.log.output)
        self.assertIn('console-api-manage agent enrol there', self.log.output)
        self.assertIn('[agent] enrolment_word_file', self.log.output)
        self.assertEqual([], self.servers('there'))

    def test_conductor_tells_of_it_once(self) -> None:
        self.assertEqual(
            1, self.log.output.count('What speaks for a host is refused')
        )

    def test_word_lets_it_in_without_a_restart(self) -> None:
        # What changed meanwhile is not lost.
        self.agent.driver.tell(_GUEST.id, ended=True)
        self.service.enrol('there')
        self.wait_for(lambda: len(self.servers('there')) == 1)

    def test_it_stops_at_once(self) -> None:
        self.agent.reporter.stop(patience=60)
        self.assertFalse(self.agent.reporter._thread.is_alive())


class OpenTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.service = self.useFixture(
            service.Service(
                test_inventory.Hypervisor, conductor={'enrolment': 'open'}
            )
        )

    def test_any_host_comes_and_the_log_warns_of_it(self) -> None:
        self.service.word_file.unlink()
        self.service.conf.set_override('host', 'there')
        agent = process.Agent(
            self.service.conf, test_inventory.Hypervisor(self.service.conf)
        )
        self.addCleanup(agent.stop)
        agent.reporter.report()
        self.assertIn('enrolment is open', self.log.output)
