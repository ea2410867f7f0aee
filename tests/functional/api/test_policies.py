# SPDX-License-Identifier: Apache-2.0
"""Who passes each rule, through the whole application; all others fail."""

from collections.abc import Mapping
import dataclasses
import itertools
from typing import Any

import fixtures
from keystoneauth1 import fixture as keystone_fixture
from keystonemiddleware import fixture as middleware_fixture
from oslo_policy import policy
import webob

from console_api import policies
from console_api.db import servers as db_servers
from console_api.policies import base as policy_base
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_NOBODYS = '00000000-0000-4000-8000-00000000ffff'
_ACTION = f'/v2.1/servers/{_SERVER}/action'

_ROLES: Mapping[str, tuple[str, ...]] = {
    # As Keystone's bootstrap makes one role imply others.
    'admin': ('admin', 'manager', 'member', 'reader'),
    'manager': ('manager', 'member', 'reader'),
    'member': ('member', 'reader'),
    'reader': ('reader',),
    'service': ('service',),
    'nobody': (),
}
_SCOPES: Mapping[str, Mapping[str, str]] = {
    '': {'project_id': service.PROJECT},
    'other ': {'project_id': service.OTHER_PROJECT},
    'domain ': {'domain_id': 'default'},
    'system ': {'system': 'all'},
    'unscoped ': {},
}
#: Everybody that there is: each role in each kind of scope. Keystone gives no
#: role without a scope, so that one of an administrator does not exist.
CALLERS = tuple(
    f'{scope}{role}'
    for scope, role in itertools.product(_SCOPES, _ROLES)
    if scope != 'unscoped ' or role in ('member', 'reader', 'nobody')
)
_ADMINS = frozenset({'admin', 'other admin'})
_MEMBERS = _ADMINS | {'manager', 'member'}
_READERS = _MEMBERS | {'reader'}
_SERVICES = frozenset({'service', 'other service'})


@dataclasses.dataclass(frozen=True)
class Case:
    """A request that a rule guards, and who it is for."""

    rule: str
    allowed: frozenset[str]
    path: str
    version: str = '2.1'
    body: Any = None
    #: What the policy file says, where the default lets nobody in.
    file: str = ''


_P = 'os_compute_api'
_OWN_LIST = frozenset(
    f'{scope}{role}'
    for scope, role in itertools.product(
        ('', 'other '), ('admin', 'manager', 'member', 'reader')
    )
)
CASES = (
    Case(
        f'{_P}:os-remote-consoles',
        _MEMBERS,
        f'/v2.1/servers/{_SERVER}/remote-consoles',
        '2.6',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
    ),
    Case(
        f'{_P}:os-remote-consoles:view-only',
        _READERS,
        f'/v2.1/servers/{_SERVER}/remote-consoles',
        '2.6',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
        file='"os_compute_api:os-remote-consoles:view-only": '
        '"rule:project_reader_or_admin"\n',
    ),
    Case(
        f'{_P}:os-console-output',
        _MEMBERS,
        _ACTION,
        body={'os-getConsoleOutput': {}},
    ),
    Case(
        f'{_P}:os-console-auth-tokens',
        _ADMINS | _SERVICES,
        '/v2.1/os-console-auth-tokens/{token}',
        '2.31',
    ),
    Case(f'{_P}:servers:show', _READERS, f'/v2.1/servers/{_SERVER}'),
    # Everybody lists the servers of the project that the token is for.
    Case(f'{_P}:servers:index', _OWN_LIST, '/v2.1/servers'),
    Case(f'{_P}:servers:detail', _OWN_LIST, '/v2.1/servers/detail'),
    Case(
        f'{_P}:servers:index:get_all_tenants',
        _ADMINS,
        '/v2.1/servers?all_tenants=1',
    ),
    Case(
        f'{_P}:servers:detail:get_all_tenants',
        _ADMINS,
        '/v2.1/servers/detail?all_tenants=1',
    ),
)
_LEGACY = (
    ('os-getVNCConsole', 'novnc'),
    ('os-getSPICEConsole', 'spice-html5'),
    ('os-getSerialConsole', 'serial'),
)
_RULE = f'{_P}:os-remote-consoles'


class ScopedTokens(fixtures.Fixture):
    """keystonemiddleware's own store of tokens, and what is put into it."""

    def _setUp(self) -> None:
        self._keystone = self.useFixture(middleware_fixture.AuthTokenFixture())

    def make(self, *roles: str, **scope: str) -> str:
        """A token of alice with these roles, in the scope that is named."""
        token = keystone_fixture.V3Token(user_id='alice')
        if 'project_id' in scope:
            token.set_project_scope(id=scope['project_id'])
        if 'domain_id' in scope:
            token.set_domain_scope(id=scope['domain_id'])
        if 'system' in scope:
            token.set_system_scope()
        for role in roles:
            token.add_role(name=role)
        made: str = self._keystone.add_token(token)
        return made

    def of_caller(self, name: str) -> str:
        """The token of one of ``CALLERS``."""
        scope, _, role = name.rpartition(' ')
        return self.make(*_ROLES[role], **_SCOPES[scope and f'{scope} '])


class _KeystoneTestCase(base.TestCase):
    """With keystonemiddleware in front, and tokens that it was given."""

    def setUp(self) -> None:
        super().setUp()
        self.tokens = self.useFixture(ScopedTokens())
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole,
                api={'auth_strategy': 'keystone'},
                keystone_authtoken={'www_authenticate_uri': 'http://keystone'},
            )
        )
        self.file = self.service.directory / 'policy.yaml'


class RoleMatrixTest(_KeystoneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.callers = {name: self.tokens.of_caller(name) for name in CALLERS}

    def _token(self) -> str:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'serial', 'type': 'serial'}},
            self.callers['member'],
            version='2.6',
        )
        return answer.json['remote_console']['url'].rpartition('=')[2]

    def _check(self, case: Case, token: str) -> None:
        for name, caller in self.callers.items():
            with self.subTest(rule=case.rule, caller=name):
                answer = self.service.call(
                    'GET' if case.body is None else 'POST',
                    case.path.format(token=token),
                    case.body,
                    caller,
                    case.version,
                )
                if name in case.allowed:
                    self.assertEqual(200, answer.status_int, answer.text)
                else:
                    # A server of another project is not even there.
                    self.assertIn(answer.status_int, (403, 404))
                    self.assertNotIn('novnc', answer.text)

    def test_each_operation_is_for_its_roles(self) -> None:
        token = self._token()
        for case in CASES:
            self.file.write_text(case.file or '{}\n')
            self._check(case, token)

    def test_legacy_actions_are_for_the_same_roles(self) -> None:
        for action, kind in _LEGACY:
            self._check(
                Case(
                    f'{_P}:os-remote-consoles',
                    _MEMBERS,
                    _ACTION,
                    body={action: {'type': kind}},
                ),
                '',
            )

    def test_each_rule_of_an_operation_is_in_the_matrix(self) -> None:
        documented = {
            rule.name
            for rule in policies.list_rules()
            if isinstance(rule, policy.DocumentedRuleDefault)
        }
        self.assertEqual(documented, {case.rule for case in CASES})

    def test_refusal_names_the_rule(self) -> None:
        answer = self.service.call(
            'GET', '/v2.1/servers', token=self.callers['nobody']
        )
        self.assertEqual(
            "Policy doesn't allow os_compute_api:servers:index to be "
            'performed.',
            answer.json['forbidden']['message'],
        )


class PolicyFileTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole)
        )
        self.file = self.service.directory / 'policy.yaml'

    def _status(self, token: str) -> int:
        return self.service.call(
            'GET', '/v2.1/servers', token=token
        ).status_int

    def test_is_read_again_when_it_changes(self) -> None:
        self.assertEqual(403, self._status(service.NOBODY))
        self.file.write_text('"os_compute_api:servers:index": "@"\n')
        self.assertEqual(200, self._status(service.NOBODY))
        self.file.write_text('"os_compute_api:servers:index": "role:x"   \n')
        self.assertEqual(403, self._status(service.NOBODY))
        self.assertEqual(403, self._status(service.ADMIN))

    def test_names_of_nova_mean_the_same(self) -> None:
        self.file.write_text(
            '"project_reader_or_admin": "role:auditor"\n'
            '"context_is_admin": "role:admin"\n'
        )
        auditor = f'ann:{service.PROJECT}:auditor'
        self.assertEqual(200, self._status(auditor))
        self.assertEqual(403, self._status(service.READER))


class NovasRulesTest(_KeystoneTestCase):
    """A policy file of Nova, whose rules refer to all that Nova has."""

    def _passing(self, check: str, **options: bool) -> set[str]:
        self.file.write_text(f'"{_RULE}": "{check}"\n')
        for name, value in options.items():
            self.service.conf.set_override(name, value, group='oslo_policy')
        body = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
        return {
            caller
            for caller in CALLERS
            if self.service.call(
                'POST',
                f'/v2.1/servers/{_SERVER}/remote-consoles',
                body,
                self.tokens.of_caller(caller),
                '2.6',
            ).status_int
            == 200
        }

    def test_rule_of_nova_means_the_same(self) -> None:
        for check, passing in (
            ('rule:admin_api', _ADMINS),
            ('is_admin:True', _ADMINS),
            ('rule:context_is_admin', _ADMINS),
            ('rule:project_manager_api', {'admin', 'manager'}),
            ('rule:project_manager_or_admin', _ADMINS | {'manager'}),
            ('rule:service_api', {'service'}),
            ('rule:service_or_admin', _ADMINS | {'service'}),
            (
                'rule:admin_or_owner',
                _READERS | {'service', 'nobody'},
            ),
        ):
            with self.subTest(check):
                self.assertEqual(passing, self._passing(check))

    def test_administrator_is_whom_the_file_says(self) -> None:
        self.file.write_text(
            f'"context_is_admin": "role:manager"\n"{_RULE}": "is_admin:True"\n'
        )
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            self.tokens.of_caller('other manager'),
            '2.6',
        )
        self.assertEqual(200, answer.status_int)

    def test_old_defaults_count_where_the_operator_says_so(self) -> None:
        check = 'rule:project_member_or_admin'
        self.assertEqual(_MEMBERS, self._passing(check))
        old = self._passing(check, enforce_new_defaults=False)
        self.assertEqual(_READERS | {'service', 'nobody'}, old)

    def test_all_names_of_nova_are_known(self) -> None:
        self.assertEqual(
            {
                'admin_api',
                'admin_or_owner',
                'context_is_admin',
                *('project_manager_api', 'project_manager_or_admin'),
                *('project_member_api', 'project_member_or_admin'),
                *('project_reader_api', 'project_reader_or_admin'),
                *('service_api', 'service_or_admin'),
            },
            {rule.name for rule in policy_base.list_rules()},
        )


class ServersProjectTest(_KeystoneTestCase):
    """Of two projects of one request, the server's decides."""

    def _legacy(self, caller: str, action: str, kind: str) -> webob.Response:
        return self.service.call(
            'POST',
            _ACTION,
            {action: {'type': kind}},
            self.tokens.of_caller(caller),
        )

    def test_who_may_look_gets_no_more_by_a_legacy_action(self) -> None:
        self.file.write_text(
            f'"{_RULE}": "rule:project_member_api"\n'
            f'"{_RULE}:view-only": "rule:context_is_admin"\n'
        )
        for action, kind in (_LEGACY[0], _LEGACY[2]):
            answer = self._legacy('other admin', action, kind)
            self.assertEqual(200, answer.status_int, answer.text)
            self.assertIn('view_only=true', answer.json['console']['url'])
        answer = self._legacy('other admin', *_LEGACY[1])
        self.assertEqual(403, answer.status_int)

    def test_own_project_opens_no_other_by_a_legacy_action(self) -> None:
        self.file.write_text(f'"{_RULE}": "rule:project_member_api"\n')
        for action, kind in _LEGACY:
            answer = self._legacy('other admin', action, kind)
            self.assertEqual(403, answer.status_int)
            self.assertIn(_RULE, answer.json['forbidden']['message'])
            answer = self._legacy('admin', action, kind)
            self.assertEqual(200, answer.status_int)

    def test_output_is_for_the_servers_project(self) -> None:
        self.file.write_text(
            f'"{_P}:os-console-output": "rule:project_member_api"\n'
        )
        for caller, status in (('other admin', 403), ('admin', 200)):
            answer = self.service.call(
                'POST',
                _ACTION,
                {'os-getConsoleOutput': {}},
                self.tokens.of_caller(caller),
            )
            self.assertEqual(status, answer.status_int)

    def test_legacy_action_asks_the_rule_before_the_server(self) -> None:
        answer = self.service.call(
            'POST',
            '/v2.1/servers/no-such-server/action',
            {'os-getVNCConsole': {'type': 'novnc'}},
            self.tokens.of_caller('reader'),
        )
        self.assertEqual(403, answer.status_int)


class MissingProjectTest(_KeystoneTestCase):
    """Rules that take anybody, and callers without a project."""

    callers = ('unscoped nobody', 'unscoped member')

    def setUp(self) -> None:
        super().setUp()
        with self.service.database.writer() as connection:
            db_servers.add(connection, [self._nobodys_server()])

    def _nobodys_server(self) -> db_servers.ServerRecord:
        with self.service.database.reader() as connection:
            known = db_servers.get(connection, _SERVER)
        assert known is not None
        return dataclasses.replace(known, id=_NOBODYS, project_id='')

    def _names(self, path: str, caller: str) -> list[str]:
        answer = self.service.call(
            'GET', path, token=self.tokens.of_caller(caller)
        )
        self.assertEqual(200, answer.status_int, answer.text)
        return [server['name'] for server in answer.json['servers']]

    def test_rule_for_everybody_lists_no_servers(self) -> None:
        self.file.write_text(
            f'"{_P}:servers:index": "@"\n"{_P}:servers:detail": "@"\n'
        )
        for caller in self.callers:
            self.assertEqual([], self._names('/v2.1/servers', caller))
            self.assertEqual([], self._names('/v2.1/servers/detail', caller))

    def test_missing_project_is_equal_to_none(self) -> None:
        self.file.write_text(
            f'"{_P}:servers:index": "project_id:%(project_id)s"\n'
        )
        for caller in self.callers:
            answer = self.service.call(
                'GET', '/v2.1/servers', token=self.tokens.of_caller(caller)
            )
            self.assertEqual(403, answer.status_int)
        self.assertNotEqual([], self._names('/v2.1/servers', 'member'))

    def test_server_without_a_project_is_not_there(self) -> None:
        self.file.write_text(f'"{_P}:servers:show": "@"\n')
        for caller in self.callers:
            for server in (_SERVER, _NOBODYS):
                answer = self.service.call(
                    'GET',
                    f'/v2.1/servers/{server}',
                    token=self.tokens.of_caller(caller),
                )
                self.assertEqual(404, answer.status_int)

    def test_page_of_nobody_begins_nowhere(self) -> None:
        self.file.write_text(f'"{_P}:servers:index": "@"\n')
        for marker in (_SERVER, _NOBODYS):
            answer = self.service.call(
                'GET',
                f'/v2.1/servers?marker={marker}',
                token=self.tokens.of_caller('unscoped nobody'),
            )
            self.assertEqual(400, answer.status_int)


class ScopeTest(_KeystoneTestCase):
    def _create(self, token: str | None, **headers: str) -> int:
        return self._call(
            token,
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            **headers,
        )

    def _call(
        self,
        token: str | None,
        method: str,
        path: str,
        body: Any = None,
        **headers: str,
    ) -> int:
        request = self.service.request(method, path, body, token, '2.31')
        request.headers.update(headers)
        answer = request.get_response(self.service.application)
        self.last = answer
        return answer.status_int

    def test_member_of_the_project(self) -> None:
        token = self.tokens.make('member', project_id=service.PROJECT)
        self.assertEqual(200, self._create(token))

    def test_no_token(self) -> None:
        self.assertEqual(401, self._create(None))
        self.assertEqual(401, self.last.json['unauthorized']['code'])
        self.assertIn('WWW-Authenticate', self.last.headers)
        self.assertIn('X-Compute-Request-Id', self.last.headers)

    def test_unknown_token(self) -> None:
        self.assertEqual(401, self._create('nonsense'))
        self.assertEqual(401, self.last.json['unauthorized']['code'])

    def test_headers_of_the_caller_count_for_nothing(self) -> None:
        token = self.tokens.make('reader', project_id=service.PROJECT)
        self.assertEqual(
            403,
            self._create(
                token, **{'X-Roles': 'admin', 'X-Project-Id': service.PROJECT}
            ),
        )

    def test_version_documents_need_no_token(self) -> None:
        self.assertEqual(200, self._call(None, 'GET', '/'))
        self.assertEqual(200, self._call(None, 'GET', '/v2.1/'))

    def test_version_document_of_a_project_needs_one(self) -> None:
        path = f'/v2.1/{service.PROJECT}/'
        self.assertEqual(401, self._call(None, 'GET', path))

    def test_system_admin_is_out_of_scope(self) -> None:
        token = self.tokens.make('admin', 'member', 'reader', system=True)
        self.assertEqual(403, self._create(token))
        for path in (
            '/v2.1/servers',
            '/v2.1/servers?all_tenants=1',
            '/v2.1/servers/detail?all_tenants=1',
            f'/v2.1/servers/{_SERVER}',
            '/v2.1/os-console-auth-tokens/x',
        ):
            with self.subTest(path=path):
                self.assertEqual(403, self._call(token, 'GET', path))

    def test_domain_admin_is_out_of_scope(self) -> None:
        token = self.tokens.make('admin', domain_id='default')
        self.assertEqual(403, self._create(token))

    def test_unscoped_token_finds_nothing(self) -> None:
        self.assertEqual(404, self._create(self.tokens.make('member')))

    def test_service_user_looks_tokens_up(self) -> None:
        token = self.tokens.make('service', project_id='services')
        path = '/v2.1/os-console-auth-tokens/x'
        self.assertEqual(404, self._call(token, 'GET', path))

    def test_service_token_lends_its_role_to_nobody(self) -> None:
        member = self.tokens.make('member', project_id=service.PROJECT)
        helper = self.tokens.make('service', 'admin', project_id='services')
        path = '/v2.1/os-console-auth-tokens/x'
        self.assertEqual(
            403,
            self._call(member, 'GET', path, **{'X-Service-Token': helper}),
        )
