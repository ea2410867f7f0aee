# SPDX-License-Identifier: Apache-2.0
"""Whether a console is still that of its token's server, asked of a Nova."""

from concurrent import futures
import logging
import threading
import time
import uuid

import fixtures

from console_api import exception
from console_api.consoles import types
from console_api.proxy import authority_rest
from console_api.proxy import identity
from tests import base
from tests.fixtures import nova_stub
from tests.fixtures import processes

TOKEN = '2f0b1c0e-7a1d-4d56-8a55-0c6fbd1ab1b6'
SERVER = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'


class ConfirmationCase(base.TestCase):
    how: str | None = None
    kind = 'novnc'
    has_users = True

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.stub = self.useFixture(nova_stub.NovaStub())
        self.stub.add_console(TOKEN, 5900, self.kind, instance_uuid=SERVER)
        changes: dict[str, object] = {}
        if not self.has_users:
            changes = {
                'auth_type': 'none',
                'endpoint_override': self.stub.url,
            }
            # What keystoneauth sends for nobody.
            self.stub.user_token = 'notused'
        conf = self.stub.configuration(**changes)
        if self.kind != 'spice-direct':
            conf.set_override('rest_console_type', self.kind, group='proxy')
        if self.how is not None:
            conf.set_override('rest_confirm', self.how, group='proxy')
        self.lookup = authority_rest.RestLookup(conf)

    def is_good(self) -> types.ConsoleGrant:
        grant = self.lookup(TOKEN)
        self.assertEqual(SERVER, grant.server_id)
        return grant

    def is_no_good(self) -> None:
        with self.assertRaises(exception.TokenNotFound):
            self.lookup(TOKEN)

    def is_unknown(self) -> None:
        with self.assertRaises(exception.HostUnavailable):
            self.lookup(TOKEN)

    def move(self, **facts: object) -> None:
        """The console is elsewhere now; the token says what it said."""
        place = self.stub.guests[SERVER, self.kind]
        self.stub.guests[SERVER, self.kind] = place | facts

    def requests(self) -> list[str]:
        """What Nova was asked, apart from the tokens."""
        return [
            f'{request.method} {request.path.rpartition("/")[2]}'
            for request in self.stub.asked
            if 'os-console-auth-tokens' not in request.path
        ]


class WithoutUsersTest(ConfirmationCase):
    """An API without authentication gives a console to whoever asks."""

    has_users = False

    def test_nobody_is_asked_for_another_console(self) -> None:
        self.is_good()
        self.assertEqual([], self.requests())


class WithoutUsersFreshTest(ConfirmationCase):
    has_users = False
    how = 'fresh'

    def test_what_is_configured_counts(self) -> None:
        self.is_good()
        self.assertEqual(['POST remote-consoles'], self.requests())


class FreshTest(ConfirmationCase):
    """What is asked unless something else is configured."""

    def test_console_that_is_where_it_was_is_good(self) -> None:
        self.assertEqual(5900, self.is_good().connect.port)
        self.assertEqual(['POST remote-consoles'], self.requests())

    def test_question_is_one_for_a_console_of_the_same_type(self) -> None:
        self.is_good()
        asked = self.stub.asked[1]
        self.assertEqual(
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            asked.json,
        )

    def test_server_that_has_stopped_is_no_good(self) -> None:
        # What libvirt says of a port that it will choose at the next start.
        self.move(port=-1)
        self.is_no_good()

    def test_console_that_has_moved_is_no_good(self) -> None:
        for facts in (
            {'port': 5901},
            {'host': '127.0.0.2'},
            {'internal_access_path': '/console'},
            {'instance_uuid': str(uuid.uuid4())},
        ):
            with self.subTest(facts):
                before = dict(self.stub.guests)
                self.move(**facts)
                self.is_no_good()
                self.stub.guests.update(before)
        self.is_good()

    def test_server_that_was_deleted_is_no_good(self) -> None:
        del self.stub.servers[SERVER]
        self.is_no_good()

    def test_silent_host_holds_few_of_those_who_ask(self) -> None:
        self.stub.silent = '192.0.2.9'
        self.addCleanup(self.stub.wakes_up.set)
        names = [str(uuid.uuid4()) for _ in range(9)]
        for name in names:
            self.stub.add_console(name, 5900, host=self.stub.silent)
        with futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(self.lookup, name) for name in names[:8]]
            processes.wait_for(
                lambda: len(self.requests()) == 8, 'all of them ask'
            )
            with self.assertRaises(exception.HostBusy):
                self.lookup(names[8])
            self.assertEqual(8, len(self.requests()))
            # Other hosts are asked meanwhile.
            self.is_good()
            self.stub.wakes_up.set()
        for one in asked:
            one.result()
        self.assertEqual('192.0.2.9', self.lookup(names[8]).connect.host)

    def test_what_nova_says_no_to_is_no_good(self) -> None:
        for status in (400, 404, 409, 501):
            with self.subTest(status=status):
                self.stub.console_status = status
                self.is_no_good()

    def test_what_nova_cannot_tell_is_no_answer(self) -> None:
        # 500 is what it answers while a server is migrated or deleted.
        for status in (300, 413, 429, 500, 503):
            with self.subTest(status=status):
                self.stub.console_status = status
                self.is_unknown()

    def test_operator_learns_which_policy_forbids_it(self) -> None:
        self.stub.refused.add('remote-consoles')
        self.is_unknown()
        self.assertIn('os_compute_api:os-remote-consoles', self.log.output)

    def test_operator_learns_why_a_token_is_good_no_more(self) -> None:
        self.move(port=5901)
        self.is_no_good()
        self.assertIn(f'server {SERVER}', self.log.output)
        self.assertIn('port changed', self.log.output)

    def test_token_of_the_question_is_in_no_log(self) -> None:
        self.is_good()
        tokens = [token for token in self.stub.consoles if token != TOKEN]
        self.assertEqual(1, len(tokens))
        self.move(port=5901)
        self.is_no_good()
        for token in self.stub.consoles:
            self.assertNotIn(token, self.log.output)

    def test_url_without_a_token_is_no_answer(self) -> None:
        for url in ('', 'http://[', 'http://a/?path=b', 'http://a/?x=y', 5):
            with self.subTest(url=url):
                self.stub.console_url = url
                self.is_unknown()

    def test_each_look_up_asks_anew(self) -> None:
        self.is_good()
        self.move(port=5901)
        self.is_no_good()

    def test_whole_look_up_has_one_deadline(self) -> None:
        conf = self.stub.configuration(timeout=600)
        conf.set_override('authority_timeout', 1, group='proxy')
        lookup = authority_rest.RestLookup(conf)
        lookup(TOKEN)
        self.stub.goes_on.clear()
        self.addCleanup(self.stub.goes_on.set)
        with self.assertRaises(exception.HostUnavailable):
            lookup(TOKEN)
        self.assertIn('took too long', self.log.output)


class SharedTest(ConfirmationCase):
    def test_channels_of_one_console_are_one_question(self) -> None:
        self.stub.goes_on.clear()
        self.addCleanup(self.stub.goes_on.set)
        with futures.ThreadPoolExecutor(5) as pool:
            asked = [pool.submit(self.lookup, TOKEN) for _ in range(5)]
            self.wait_until(lambda: self.lookup.shared.joined == 4)
            self.stub.goes_on.set()
            ports = {future.result().connect.port for future in asked}
        self.assertEqual({5900}, ports)
        self.assertEqual(['POST remote-consoles'], self.requests())

    def test_refusal_is_shared_as_well(self) -> None:
        self.move(port=5901)
        self.stub.goes_on.clear()
        self.addCleanup(self.stub.goes_on.set)
        with futures.ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(self.lookup, TOKEN) for _ in range(2)]
            self.wait_until(lambda: self.lookup.shared.joined == 1)
            self.stub.goes_on.set()
            for future in asked:
                self.assertIsInstance(
                    future.exception(), exception.TokenNotFound
                )

    def wait_until(self, condition) -> None:
        end = time.monotonic() + 30
        waiter = threading.Event()
        while not condition():
            self.assertLess(time.monotonic(), end, 'it never came true')
            waiter.wait(0.01)


class SpiceDirectTest(ConfirmationCase):
    kind = 'spice-direct'

    def setUp(self) -> None:
        super().setUp()
        self.stub.consoles[TOKEN]['tls_port'] = 5901

    def test_console_that_is_where_it_was_is_good(self) -> None:
        self.assertEqual('spice-direct', self.is_good().console_type)

    def test_tls_port_counts_as_well(self) -> None:
        self.move(tls_port=5902)
        self.is_no_good()


class WebmksTest(ConfirmationCase):
    kind = 'webmks'

    def test_ticket_may_be_another_one(self) -> None:
        self.move(internal_access_path='another-ticket')
        self.is_good()

    def test_console_that_has_moved_is_no_good(self) -> None:
        self.move(host='127.0.0.2')
        self.is_no_good()


class SerialTest(ConfirmationCase):
    """A domain that is off still names the port that it had."""

    kind = 'serial'

    def becomes(self, **facts: object) -> None:
        for name, value in facts.items():
            self.stub.servers[SERVER][f'OS-EXT-STS:{name}'] = value

    def test_server_that_runs_is_good(self) -> None:
        self.is_good()

    def test_server_that_has_stopped_is_no_good(self) -> None:
        for state in (0, 4, 6, 7, None, '1'):
            self.becomes(power_state=state)
            self.is_no_good()

    def test_server_that_is_about_to_stop_is_no_answer(self) -> None:
        for task in ('powering-off', 'rebooting_hard', 'shelving', 'new', 5):
            self.becomes(task_state=task)
            self.is_unknown()

    def test_console_stays_during_a_snapshot_and_a_soft_reboot(self) -> None:
        for task in ('image_uploading', 'rebooting', 'reboot_started'):
            self.becomes(task_state=task)
            self.is_good()


class NoneTest(ConfirmationCase):
    how = 'none'

    def test_nobody_is_asked(self) -> None:
        self.move(port=5901)
        self.is_good()
        self.assertEqual([], self.requests())


class IdentityTest(ConfirmationCase):
    how = 'identity'

    def test_guest_must_have_the_name_that_nova_gave_it(self) -> None:
        self.stub.servers[SERVER][nova_stub.NAME] = 'instance-0000002a'
        self.assertEqual(
            identity.Identity(SERVER, 'instance-0000002a'),
            identity.wanted(self.is_good()),
        )
        self.assertEqual([f'GET {SERVER}'], self.requests())

    def test_grant_says_the_same_besides(self) -> None:
        grant = self.is_good()
        self.assertEqual(5900, grant.connect.port)
        self.assertEqual('novnc', grant.console_type)

    def test_name_that_is_not_shown_is_no_answer(self) -> None:
        for name in (None, '', 5):
            self.stub.servers[SERVER][nova_stub.NAME] = name
            self.is_unknown()
        self.assertIn('os-extended-server-attributes', self.log.output)

    def test_server_that_was_deleted_is_no_good(self) -> None:
        del self.stub.servers[SERVER]
        self.is_no_good()


class SpiceIdentityTest(ConfirmationCase):
    how = 'identity'
    kind = 'spice-html5'

    def test_guest_must_have_the_uuid_of_the_server(self) -> None:
        self.assertEqual(
            identity.Identity(SERVER), identity.wanted(self.is_good())
        )
        self.assertEqual([], self.requests())


class SerialIdentityTest(ConfirmationCase):
    how = 'identity'
    kind = 'serial'

    def test_console_that_tells_nothing_is_confirmed_by_nova(self) -> None:
        self.assertIsNone(identity.wanted(self.is_good()))
        self.move(port=5901)
        self.is_no_good()


class BothTest(ConfirmationCase):
    how = 'both'

    def test_nova_and_the_guest_are_asked(self) -> None:
        self.assertIsNotNone(identity.wanted(self.is_good()))
        self.move(port=5901)
        self.is_no_good()
