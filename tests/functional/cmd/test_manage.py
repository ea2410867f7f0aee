# SPDX-License-Identifier: Apache-2.0
"""The operator's tools as commands, on SQLite."""

import hashlib
import json
import pathlib
import subprocess
import sys
import time
from typing import Any
import uuid

import fixtures

from console_api.agent import rpcapi
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.db import enrolments as db_enrolments
from console_api.db import migration
from console_api.db import tokens as db_tokens
from console_api.servers import agents
from console_api.servers import reports
from tests import base
from tests.fixtures import databases
from tests.fixtures import parts
from tests.fixtures import processes

SERVER = str(uuid.UUID(int=1))
OTHER = str(uuid.UUID(int=2))
_RULE = 'os_compute_api:os-remote-consoles'
HASHES = ('a' * 64, 'b' * 64, 'c' * 64)


class CommandTestCase(base.TestCase):
    """A database with two servers, an agent and no tokens."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        url = f'sqlite:///{self.folder}/console.sqlite'
        self.file = self.folder / 'console-api.conf'
        processes.write_settings(
            self.file,
            {
                'database': {'connection': url},
                'oslo_policy': {'policy_file': self.folder / 'policy.yaml'},
            },
        )
        db_api.register_opts(self.conf)
        self.config(group='database', connection=url)
        self.database = db_api.Database(self.conf)
        self.addCleanup(self.database.close)

    def sync(self) -> None:
        migration.sync(self.database)
        servers = [
            reports.ReportedServer(
                *(name_id, name, 'p', 'u', 'active', None, 1, 'novnc', None)
            )
            for name_id, name in ((SERVER, 'web'), (OTHER, 'db\x1b[31m'))
        ]
        reports.ReportRecorder(self.database).place('here', servers)

    def report(self, **changes: Any) -> None:
        values = {
            'instance': str(uuid.uuid4()),
            'release': '1.0.0',
            'rpc_version': rpcapi.VERSION,
            'addresses': ['10.0.0.1'],
            'servers': 2,
            **changes,
        }
        recorder = agents.AgentRecorder(self.database, is_open=True)
        recorder.record('here', agents.parse(values, HASHES[0]))

    def add_token(self, number: int, server: str, good_for: int) -> None:
        now = int(time.time())
        record = db_tokens.TokenRecord(
            *(HASHES[number], server, 'p', 'u', 'novnc', 'here'),
            *('127.0.0.1', 5900, None, None, now, now + good_for),
        )
        with self.database.writer() as connection:
            db_tokens.add(connection, record)

    def run_command(
        self, name: str, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                processes.command(name),
                f'--config-file={self.file}',
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=processes.PATIENCE,
        )

    def manage(self, *arguments: str) -> str:
        done = self.run_command('console-api-manage', *arguments)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        found = json.loads(self.manage(*arguments, '-f', 'json'))
        assert isinstance(found, list)
        return found


class ManageTest(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.sync()

    def test_sync_says_the_version(self) -> None:
        head = migration.head()
        self.assertEqual(
            f'database: {head}, newest: {head}\n', self.manage('db', 'sync')
        )

    def test_purge_removes_what_has_expired(self) -> None:
        self.add_token(0, SERVER, 600)
        self.add_token(1, SERVER, -1)
        self.add_token(2, OTHER, 0)
        self.assertEqual(
            '2 expired tokens removed\n', self.manage('db', 'purge')
        )
        self.assertEqual(1, len(self.rows('token', 'list')))

    def test_list_of_tokens_has_the_good_ones_and_no_secret(self) -> None:
        self.add_token(0, SERVER, 600)
        self.add_token(1, SERVER, -1)
        self.add_token(2, OTHER, 300)
        found = self.rows('token', 'list')
        self.assertEqual([OTHER, SERVER], [r['server_id'] for r in found])
        self.assertNotIn(HASHES[0], json.dumps(found))
        found = self.rows('token', 'list', '--server', SERVER)
        self.assertEqual([SERVER], [r['server_id'] for r in found])

    def test_one_token_is_revoked_by_its_number(self) -> None:
        self.add_token(0, SERVER, 600)
        self.add_token(1, SERVER, 500)
        first, second = self.rows('token', 'list')
        self.manage('token', 'revoke', str(first['id']))
        self.assertEqual([second], self.rows('token', 'list'))

    def test_tokens_of_a_server_are_revoked(self) -> None:
        self.add_token(0, SERVER, 600)
        self.add_token(1, SERVER, 500)
        self.add_token(2, OTHER, 500)
        self.assertEqual(
            '2 tokens revoked\n',
            self.manage('token', 'revoke', '--server', SERVER),
        )
        found = self.rows('token', 'list')
        self.assertEqual([OTHER], [r['server_id'] for r in found])

    def test_revoking_nothing_is_an_error(self) -> None:
        done = self.run_command('console-api-manage', 'token', 'revoke', '7')
        self.assertEqual(1, done.returncode)
        self.assertIn('there is no such token', done.stderr)

    def test_servers_are_listed(self) -> None:
        found = self.rows('server', 'list', '--name', 'web')
        self.assertEqual(
            [(SERVER, 'here')], [(r['id'], r['host']) for r in found]
        )
        self.assertEqual([], self.rows('server', 'list', '--host', 'there'))

    def test_name_of_a_server_does_not_steer_the_terminal(self) -> None:
        printed = self.manage('server', 'list')
        self.assertIn('db?[31m', printed)
        self.assertNotIn('\x1b', printed)

    def test_agent_is_listed_with_its_last_report(self) -> None:
        self.report()
        (agent,) = self.rows('agent', 'list')
        self.assertEqual('here', agent['host'])
        self.assertEqual(2, agent['servers'])
        self.assertEqual('10.0.0.1', agent['addresses'])
        self.assertLess(agent['silent_seconds'], processes.PATIENCE)

    def test_host_is_shown_to_have_a_key_but_not_which(self) -> None:
        self.report()
        self.assertIs(True, self.rows('agent', 'list')[0]['has_key'])
        self.assertNotIn(HASHES[0], self.manage('agent', 'list'))

    def test_host_that_was_let_in_is_listed_until_it_comes(self) -> None:
        self.report()
        self.manage('agent', 'enrol', 'new')
        here, new = self.rows('agent', 'list')
        self.assertEqual(('here', None), (here['host'], here['word_until']))
        self.assertEqual('new', new['host'])
        self.assertIsNone(new['last_report'])
        self.assertIs(False, new['has_key'])
        self.assertRegex(new['word_until'], r'^20\d\d-')

    def test_word_is_all_that_is_printed(self) -> None:
        done = self.run_command('console-api-manage', 'agent', 'enrol', 'new')
        self.assertEqual(1, done.stderr.count('\n'), done.stderr)
        self.assertRegex(done.stdout, r'^[A-Za-z0-9_-]{32}\n$')
        self.assertIn('[agent] enrolment_word_file on new', done.stderr)
        with self.database.reader() as connection:
            (stored,) = db_enrolments.every(connection)
        self.assertEqual(24 * 3600, stored.expires_at - stored.enrolled_at)
        digest = hashlib.sha256(done.stdout.strip().encode()).hexdigest()
        self.assertEqual(digest, stored.word_hash)

    def test_word_may_be_good_for_longer(self) -> None:
        self.manage('agent', 'enrol', 'new', '--hours', '48')
        with self.database.reader() as connection:
            (stored,) = db_enrolments.every(connection)
        self.assertEqual(48 * 3600, stored.expires_at - stored.enrolled_at)
        for hours in ('0', '-1', '721', 'x'):
            done = self.run_command(
                *('console-api-manage', 'agent', 'enrol', 'new'),
                f'--hours={hours}',
            )
            self.assertEqual(2, done.returncode, done.stdout)
            self.assertIn(f"'{hours}' is no number from 1 to 720", done.stderr)

    def test_new_word_makes_the_last_one_void(self) -> None:
        first = self.manage('agent', 'enrol', 'new')
        second = self.manage('agent', 'enrol', 'new')
        self.assertNotEqual(first, second)
        with self.database.reader() as connection:
            (stored,) = db_enrolments.every(connection)
        digest = hashlib.sha256(second.strip().encode()).hexdigest()
        self.assertEqual(digest, stored.word_hash)

    def test_host_is_let_in_by_a_name_that_hosts_have(self) -> None:
        for host in ('new.:agent', 'new_fanout', 'a b', '::1', ''):
            done = self.run_command(
                'console-api-manage', 'agent', 'enrol', host
            )
            self.assertEqual(2, done.returncode, done.stdout)
            self.assertIn('single dots between them', done.stderr)
        self.assertEqual([], self.rows('agent', 'list'))

    def test_forgotten_host_has_no_word(self) -> None:
        self.manage('agent', 'enrol', 'new')
        self.manage('agent', 'forget', 'new')
        self.assertEqual([], self.rows('agent', 'list'))

    def test_addresses_stay_until_the_agent_is_forgotten(self) -> None:
        self.report()
        self.report(addresses=['10.9.9.9'])
        (agent,) = self.rows('agent', 'list')
        self.assertEqual('10.0.0.1', agent['addresses'])
        self.manage('agent', 'forget', 'here')
        self.report(addresses=['10.9.9.9'])
        (agent,) = self.rows('agent', 'list')
        self.assertEqual('10.9.9.9', agent['addresses'])

    def test_unknown_agent_is_not_forgotten(self) -> None:
        done = self.run_command(
            'console-api-manage', 'agent', 'forget', 'nowhere'
        )
        self.assertEqual(1, done.returncode)
        self.assertIn('no agent of nowhere is known', done.stderr)


class UnfitDatabaseTest(CommandTestCase):
    def refuse(self, text: str, *arguments: str) -> None:
        done = self.run_command('console-api-manage', *arguments)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertNotIn('Traceback', done.stderr)
        self.assertIn(text, done.stderr)

    def test_database_without_tables_is_a_line(self) -> None:
        for arguments in (('agent', 'list'), ('agent', 'enrol', 'new')):
            with self.subTest(arguments):
                self.refuse('console-api-manage db sync', *arguments)

    def test_schema_of_an_older_release_is_a_line(self) -> None:
        migration.sync(self.database, '008')
        self.refuse('at 008', 'agent', 'enrol', 'new')

    def test_database_that_is_away_is_a_line(self) -> None:
        self.file.write_text(
            '[database]\nconnection = mysql+pymysql://root@127.0.0.1:1/x\n'
        )
        for arguments in (('db', 'sync'), ('agent', 'list')):
            with self.subTest(arguments):
                self.refuse("Can't connect", *arguments)


class StatusTestCase(CommandTestCase):
    def configure(self, connection: str) -> None:
        """Let another database be in the file; a line of group database."""
        self.file.write_text(
            f'[database]\n{connection}\n[oslo_policy]\npolicy_file = '
            f'{self.folder}/policy.yaml\n'
        )

    def check(self, status: int, text: str, *options: str) -> None:
        done = self.run_command(
            'console-api-status', *options, 'upgrade', 'check'
        )
        self.assertNotIn('Traceback', done.stdout + done.stderr)
        # The table breaks its lines anywhere.
        words = ' '.join(done.stdout.replace('|', ' ').split())
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        self.assertIn(text, words)


class StatusTest(StatusTestCase):
    def test_all_is_well(self) -> None:
        self.sync()
        self.report()
        self.check(0, 'Check: Agents Result: Success')

    def test_hosts_that_join_by_themselves_are_a_warning(self) -> None:
        self.sync()
        self.report()
        with self.file.open('a', encoding='utf-8') as file:
            file.write('[conductor]\nenrolment = open\n')
        self.check(1, '[conductor] enrolment is open')

    def test_missing_schema_is_a_failure(self) -> None:
        self.check(2, 'console-api-manage db sync')

    def test_policy_in_json_is_a_failure(self) -> None:
        self.sync()
        (self.folder / 'policy.json').write_text('{"admin": ""}')
        with self.file.open('a', encoding='utf-8') as file:
            file.write(
                f'[oslo_policy]\npolicy_file = {self.folder}/policy.json\n'
            )
        self.check(2, 'policy')

    def test_missing_connection_is_a_line(self) -> None:
        self.configure('')
        self.check(2, '[database] connection is not set')

    def test_database_that_is_none_is_a_line(self) -> None:
        (self.folder / 'garbage').write_text('This is not SQLite. ' * 100)
        for url, words in (
            (f'sqlite:///{self.folder}/garbage', 'file is not a database'),
            (f'sqlite:///{self.folder}/none/x', 'unable to open'),
            ('mysql+pymysql://root@127.0.0.1:1/x', "Can't connect"),
            ('nonsense', 'Could not parse'),
            ('mysql+nonsense://127.0.0.1/x', "Can't load plugin"),
        ):
            with self.subTest(url):
                self.configure(f'connection = {url}')
                self.check(2, words)

    def test_silent_agent_is_a_warning(self) -> None:
        self.sync()
        self.report()
        with self.database.writer() as connection:
            (agent,) = db_agents.every(connection)
            values = vars(agent) | {'reported_at': int(time.time()) - 9999}
            db_agents.update(connection, db_agents.AgentRecord(**values))
        self.check(1, 'No report for 180 s: here')

    def test_agent_of_an_older_minor_version_is_a_warning(self) -> None:
        self.sync()
        self.report(rpc_version='1.0')
        self.check(1, 'These agents are older')

    def test_agent_of_another_major_version_is_a_failure(self) -> None:
        self.sync()
        self.report(rpc_version='2.0')
        self.check(2, 'another major RPC version')


class EmptyDatabaseTest(StatusTestCase):
    def test_database_without_tables_is_a_line(self) -> None:
        for part, made in (
            ('mariadb', databases.MariaDB()),
            ('postgresql', databases.PostgreSQL()),
        ):
            parts.require(self, part)
            url = self.useFixture(made).url
            self.configure(f'connection = {url}')
            self.check(2, 'console-api-manage db sync')


class NovaPolicyTest(StatusTestCase):
    """The check that compares with the Nova beside the service."""

    def setUp(self) -> None:
        super().setUp()
        self.sync()
        self.report()
        self.own = self.folder / 'policy.yaml'
        self.novas = self.folder / 'nova' / 'policy.yaml'
        self.novas.parent.mkdir()
        self.nova_conf = self.novas.parent / 'nova.conf'
        self.nova_conf.write_text('[DEFAULT]\nhost = there\n')

    def compare(self, status: int, text: str) -> None:
        self.check(status, text, f'--nova-config-file={self.nova_conf}')

    def test_defaults_are_the_same(self) -> None:
        self.compare(0, 'Check: Policy of Nova Result: Success')

    def test_one_file_for_both_is_well(self) -> None:
        self.novas.write_text(f'"{_RULE}": "rule:admin_api"\n')
        self.own.symlink_to(self.novas)
        self.compare(0, 'Check: Policy of Nova Result: Success')

    def test_rule_that_nova_has_otherwise_is_named(self) -> None:
        self.novas.write_text(f'"{_RULE}": "role:admin"\n')
        self.compare(1, f'{_RULE} is')
        self.compare(1, '"role:admin" in Nova')

    def test_rule_that_refers_to_another_one_is_named(self) -> None:
        self.novas.write_text('"project_member_or_admin": "role:x"\n')
        self.compare(1, '"(role:x)" in Nova')

    def test_other_words_for_the_same_are_well(self) -> None:
        self.novas.write_text(
            '"os_compute_api:servers:create": "rule:unheard_of"\n'
            f'"{_RULE}": "rule:project_member_or_admin"\n'
        )
        self.own.write_text(f'"{_RULE}:view-only": "role:reader"\n')
        self.compare(0, 'Check: Policy of Nova Result: Success')

    def test_option_that_differs_is_named(self) -> None:
        self.nova_conf.write_text(
            '[oslo_policy]\nenforce_scope = False\npolicy_file = p.yaml\n'
        )
        self.compare(1, 'enforce_scope is True here and False in Nova')

    def test_nova_beside_the_service_is_found(self) -> None:
        self.novas.write_text(f'"{_RULE}": "role:admin"\n')
        for directory in ('nova', 'nova-process'):
            with self.subTest(directory):
                self.assertIn('"role:admin" in Nova', self.beside(directory))
        self.assertNotIn('in Nova', self.beside('registry'))

    def beside(self, directory: str) -> str:
        settings = self.folder / 'beside.conf'
        settings.write_text(
            self.file.read_text() + f'[servers]\ndirectory = {directory}\n'
        )
        program = (
            'from console_api.cmd import status\n'
            f'status._NOVA = {str(self.nova_conf)!r}\n'
            'status.main()\n'
        )
        done = subprocess.run(
            [
                *(sys.executable, '-c', program),
                *('--config-file', settings, 'upgrade', 'check'),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=processes.PATIENCE,
        )
        return ' '.join(done.stdout.replace('|', ' ').split())

    def test_what_cannot_be_read_is_a_line(self) -> None:
        self.novas.write_text('"a: [\n')
        self.compare(1, 'The policy of Nova cannot be read')
        self.nova_conf.unlink()
        self.compare(1, 'The policy of Nova cannot be read')


class BadValueTest(CommandTestCase):
    def test_value_that_is_none_of_an_option_is_a_line(self) -> None:
        with self.file.open('a', encoding='utf-8') as file:
            file.write('[conductor]\nenrolment = shut\n')
        self.sync()
        for name, arguments, status in (
            ('console-api-conductor', (), 1),
            ('console-api-status', ('upgrade', 'check'), 2),
        ):
            with self.subTest(name):
                done = self.run_command(name, *arguments)
                self.assertEqual(status, done.returncode, done.stdout)
                self.assertNotIn('Traceback', done.stdout + done.stderr)
                self.assertRegex(done.stderr, 'option enrolment .*shut')


class VersionTest(base.TestCase):
    def test_each_command_says_its_version(self) -> None:
        for name in ('agent', 'conductor', 'manage', 'proxy', 'status'):
            with self.subTest(name):
                done = subprocess.run(
                    [processes.command(f'console-api-{name}'), '--version'],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=processes.PATIENCE,
                )
                self.assertEqual(0, done.returncode, done.stderr)
                self.assertRegex(done.stdout, r'^\d+\.\d+')
